import { describe, expect, test } from '@jest/globals';
import { strategicMerge } from '../../src/suites/job/strategic-merge.ts';
import { base, mergeCases } from './support/merge-cases.ts';

describe('a strategic merge patch', () => {
  test.each(mergeCases.map((one) => [one.name, one] as const))('%s', (_name, { patch, expected, gone }) => {
    const before = structuredClone(base);
    const merged = strategicMerge(base, patch) as typeof base;
    const all = Object.entries({ ...base.spec, ...expected });
    const spec = Object.fromEntries(all.filter(([key]) => key !== gone));
    expect(merged).toEqual({ ...base, spec });
    expect(base).toEqual(before);
  });

  test('directives and nulls of what is added are no part of it', () =>
    expect(strategicMerge({}, { a: { $patch: 'replace', b: null, c: [{ d: null, e: 1 }] } })).toEqual({
      a: { c: [{ e: 1 }] },
    }));

  test('lists of plain values that merge', () =>
    expect(
      strategicMerge(
        { metadata: { finalizers: ['a', 'b'] } },
        { metadata: { finalizers: ['c', 'a'], '$deleteFromPrimitiveList/finalizers': ['b'] } },
      ),
    ).toEqual({ metadata: { finalizers: ['c', 'a'] } }));
});
