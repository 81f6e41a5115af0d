import { describe, expect, test } from '@jest/globals';
import { jsonSchema, type SchemaNode } from '../../src/config/schema.ts';
import { committed, generated } from '../../scripts/schema.ts';

const texts = await generated();

describe('what is made from the schema', () => {
  test.each([...texts.keys()])('%s is up to date (else: node scripts/schema.ts)', (file) => {
    expect(committed(file)).toBe(texts.get(file));
  });

  test('every key has a meaning, and every mapping refuses keys that it does not know', () => {
    const faults: string[] = [];
    const look = (node: SchemaNode, at: string): void => {
      if (node.properties !== undefined && node.additionalProperties !== false) faults.push(`${at} is open`);
      for (const [key, child] of Object.entries(node.properties ?? {})) {
        if (!/\.$/.test(child.description ?? '')) faults.push(`${at}.${key} is not described`);
        look(child, `${at}.${key}`);
      }
      for (const inner of [node.items, node.additionalProperties]) if (inner) look(inner, `${at}[]`);
    };
    look(jsonSchema(), 'ket.yaml');
    expect(faults).toEqual([]);
  });
});
