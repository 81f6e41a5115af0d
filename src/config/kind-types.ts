import path from 'node:path';
import { parse } from 'yaml';
import { fieldIn, type Field } from './kind-fields.ts';
import type { Problem } from './problems.ts';
import { nameOf, problemAt, type Leaf, type Tree } from './tree.ts';
import { isOneVariable } from './variables.ts';

/**
 * Gives every value the type that its field has, or says why it cannot. A variable becomes what its place needs: in
 * `hostPort` a number, in a label a text; so it may stand in quotes where YAML wants them. Elsewhere a value that is
 * one variable alone becomes what YAML would make of it.
 */
export function typed(
  tree: Tree,
  field: Field | undefined,
  folder: string,
): { tree: Tree; problems: Problem[] } {
  const problems: Problem[] = [];
  const into = (part: Tree, wanted: Field | undefined): Tree => {
    const fault = shapeFault(part, wanted);
    if (fault !== undefined) {
      problems.push(problemAt(part, fault));
      return part;
    }
    if (part.is === 'list') return { ...part, items: part.items.map((item) => into(item, fieldIn(wanted))) };
    if (part.is === 'mapping')
      return {
        ...part,
        entries: new Map([...part.entries].map(([key, value]) => [key, into(value, fieldIn(wanted, key))])),
      };
    const value = scalarOf(part, wanted, folder);
    if (value !== undefined) return { ...part, value };
    problems.push(problemAt(part, scalarFault(part, wanted)));
    return part;
  };
  return { tree: into(tree, field), problems };
}

const words = {
  text: 'text',
  path: 'a path',
  number: 'a whole number',
  boolean: 'true or false',
  list: 'a list',
  mapping: 'a mapping of keys to values',
} as const;

function shapeFault(part: Tree, wanted: Field | undefined): string | undefined {
  if (wanted === undefined) return undefined;
  const isScalar = !['list', 'mapping'].includes(wanted.is);
  if (isScalar ? part.is === 'scalar' : part.is === wanted.is) return undefined;
  // What an unknown variable comes to is not known; that it can be no list is.
  const shown = part.is === 'scalar' ? shownScalar(part.value) : `a ${part.is}`;
  return `"${nameOf(part.at)}" must be ${words[wanted.is]}, not ${shown}`;
}

/** The value as its field wants it; undefined where it cannot be that. */
function scalarOf(leaf: Leaf, wanted: Field | undefined, folder: string): unknown {
  const { value, made } = leaf;
  if (made === 'open') return value;
  switch (wanted?.is) {
    case 'number':
      if (typeof value === 'string' && made === 'filled' && /^[-+]?\d{1,9}$/.test(value))
        return Number(value);
      return Number.isInteger(value) ? value : undefined;
    case 'boolean':
      return booleanOf(leaf);
    case 'text':
      return textOf(leaf);
    case 'path': {
      const text = textOf(leaf);
      return text === undefined || text === '' ? undefined : path.resolve(folder, text);
    }
    default:
      return made === 'filled' ? asYaml(leaf) : value;
  }
}

/** kind takes the words of YAML 1.1, unless they are in quotes. */
function booleanOf({ value, made, from, at }: Leaf): boolean | undefined {
  if (typeof value === 'boolean') return value;
  if (typeof value !== 'string' || (made === undefined && from.scalar(at)?.plain === false)) return undefined;
  if (/^(y|yes|on|true)$/i.test(value)) return true;
  return /^(n|no|off|false)$/i.test(value) ? false : undefined;
}

/** A number or a word that YAML reads as a boolean is what stands in the file: `1.10` is not `1.1`. */
function textOf({ value, from, at }: Leaf): string | undefined {
  if (typeof value === 'string') return value;
  return typeof value === 'number' || typeof value === 'boolean'
    ? (from.written(at) ?? String(value))
    : undefined;
}

function asYaml({ value, from, at }: Leaf): unknown {
  if (typeof value !== 'string' || !isOneVariable(from.written(at) ?? '')) return value;
  if (from.scalar(at)?.plain !== true) return value;
  try {
    const read: unknown = parse(value);
    return typeof read === 'number' || typeof read === 'boolean' ? read : value;
  } catch {
    return value;
  }
}

function scalarFault({ value, made, from, at }: Leaf, wanted: Field | undefined): string {
  const source = made === 'filled' ? `, which "${from.written(at) ?? ''}" comes to` : '';
  const right =
    typeof value === 'string' &&
    made === undefined &&
    (wanted?.is === 'number'
      ? /^-?\d{1,9}$/.test(value)
      : wanted?.is === 'boolean' && /^(true|false)$/.test(value));
  const cure = right ? `; write ${value} without quotes` : '';
  const needed = wanted === undefined ? 'another value' : words[wanted.is];
  return `"${nameOf(at)}" must be ${needed}, not ${shownScalar(value)}${source}${cure}`;
}

function shownScalar(value: unknown): string {
  if (typeof value === 'number' || typeof value === 'boolean') return `the ${typeof value} ${value}`;
  if (typeof value !== 'string') return 'nothing';
  return value.length > 60 ? 'such a long text' : JSON.stringify(value);
}
