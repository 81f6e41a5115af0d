import type { z } from 'zod';
import { numberAsDuration } from './duration.ts';
import { nearest, type Problem } from './problems.ts';
import { jsonSchema, type SchemaNode } from './schema.ts';
import type { Source } from './source.ts';

/** Turns what the schema found into problems: where, what, what is allowed, what was probably meant. */

type Issue = z.core.$ZodIssue;
type Path = readonly (string | number)[];

export function problemsOfIssues(issues: readonly Issue[], source: Source): Problem[] {
  return issues.flatMap((issue) => problemsOf(issue, source));
}

function problemsOf(issue: Issue, source: Source): Problem[] {
  const at = issue.path.map((step) => (typeof step === 'symbol' ? String(step) : step));
  const value = valueAt(source.data, at);
  const node = schemaAt(at);
  if (issue.code === 'unrecognized_keys') return issue.keys.map((key) => unknownKey(key, at, node, source));
  if (issue.code === 'invalid_key') {
    const message = issue.issues[0]?.message ?? 'is not a valid key';
    return [source.problem(at, `${subject(at, source.data)}: ${message}`, { key: true })];
  }
  if (issue.code === 'invalid_union') {
    // The branch that fits the value's kind: a list with a wrong entry says more than "must be text or list".
    const deeper = issue.errors.find((branch) => branch.some((inner) => inner.path.length > 0));
    if (deeper !== undefined)
      return deeper.flatMap((inner) =>
        problemsOf({ ...inner, path: [...issue.path, ...inner.path] }, source),
      );
  }
  if (value === undefined) {
    const key = String(at.at(-1) ?? '');
    const where = whereOf(at.slice(0, -1), source.data);
    const meaning = node?.description === undefined ? '' : `: ${node.description}`;
    return [
      source.problem(
        at.slice(0, -1),
        `"${key}" is required ${at.length === 1 ? 'at' : 'in'} ${where}${meaning}`,
        { key: true },
      ),
    ];
  }
  const allowed = node?.enum?.map(String);
  return [
    source.problem(at, `${subject(at, source.data)}${complaint(issue, value, node, source.written(at))}`, {
      ...(allowed === undefined ? {} : { allowed }),
      suggestion: allowed !== undefined && typeof value === 'string' ? nearest(value, allowed) : undefined,
    }),
  ];
}

function complaint(issue: Issue, value: unknown, node: SchemaNode | undefined, written?: string): string {
  switch (issue.code) {
    case 'custom':
      return issue.message.startsWith('must ') ? ` ${issue.message}` : `: ${issue.message}`;
    case 'too_small':
      return ` must ${issue.origin === 'array' ? 'not be empty' : `be at least ${issue.minimum}`}`;
    case 'too_big':
      return ` must be at most ${issue.maximum}`;
    default:
      break;
  }
  if (node?.title === 'duration' && typeof value === 'number') return `: ${numberAsDuration(value)}`;
  if (node?.enum !== undefined || node?.const !== undefined) {
    const wanted = node.enum?.map(quoted).join(' or ') ?? quoted(node.const);
    return ` must be ${wanted}, not ${shown(value)}`;
  }
  const cure = cureOf(value, node, written);
  return ` must be ${expected(node)}, not ${shown(value)}${cure === undefined ? '' : `; write ${cure}`}`;
}

/** What to write where YAML, or a habit of other tools, made another kind of value of it. */
function cureOf(value: unknown, node: SchemaNode | undefined, written?: string): string | undefined {
  const text = node?.type === 'string' || node?.anyOf?.some((branch) => branch.type === 'string');
  if (text && (typeof value === 'number' || typeof value === 'boolean'))
    return `"${written ?? String(value)}" with the quotes`;
  if (
    node?.type === 'boolean' &&
    typeof value === 'string' &&
    /^(yes|no|on|off|true|false|y|n)$/i.test(value)
  )
    return /^(y|on|t)/i.test(value) ? 'true' : 'false';
  if (node?.type === 'array' && node.items?.type === 'string' && typeof value === 'string')
    return `[${value}]`;
  if (node?.title === 'version' && Array.isArray(value))
    return 'one of them; a list stands in "cluster" of a tier';
  return undefined;
}

/** What a place may hold, in words. */
export function expected(node: SchemaNode | undefined): string {
  if (node?.title !== undefined && node.properties === undefined)
    return /^text/.test(node.title) ? node.title : `${article(node.title)} ${node.title}`;
  switch (node?.type) {
    case 'string':
      return 'text';
    case 'integer':
      return 'a whole number';
    case 'boolean':
      return 'true or false';
    case 'array':
      return 'a list';
    default:
      return 'a mapping of keys to values';
  }
}

const article = (word: string): string => (/^[aeiou]/.test(word) ? 'an' : 'a');

const quoted = (value: unknown): string => JSON.stringify(value);

function shown(value: unknown): string {
  if (value === null) return 'nothing';
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object') return 'a mapping';
  if (typeof value === 'string') return value.length > 60 ? 'such a long text' : quoted(value);
  return typeof value === 'number' ? `the number ${value}` : JSON.stringify(value);
}

function unknownKey(key: string, at: Path, node: SchemaNode | undefined, source: Source): Problem {
  const allowed = Object.keys(propertiesOf(node) ?? {});
  const suggestion = nearest(key, allowed);
  const homes = suggestion === undefined ? homesOf(key, jsonSchema()) : [];
  const hint = homes.length === 0 ? '' : `; it belongs in ${homes.join(' or ')}`;
  return source.problem(
    [...at, key],
    `unknown key "${key}" ${at.length === 0 ? 'at' : 'in'} ${whereOf(at, source.data)}${hint}`,
    {
      allowed,
      suggestion,
      key: true,
    },
  );
}

/** Where else in the schema this very key stands: a right word at the wrong depth is the commonest slip of all. */
function homesOf(key: string, node: SchemaNode, name = 'the top level'): string[] {
  const homes = node.properties?.[key] === undefined ? [] : [name];
  for (const [child, below] of Object.entries(node.properties ?? {})) {
    const entry = below.items ?? below.additionalProperties;
    homes.push(...homesOf(key, entry || below, entry ? `an entry of "${child}"` : `"${child}"`));
  }
  return homes;
}

/** Of a mapping, also where something else may stand in its place. */
const propertiesOf = (node: SchemaNode | undefined): SchemaNode['properties'] =>
  node?.properties ?? node?.anyOf?.find((branch) => branch.properties !== undefined)?.properties;

/** The part of the schema that says what may stand at a path. */
export function schemaAt(at: Path): SchemaNode | undefined {
  let node: SchemaNode | undefined = jsonSchema();
  for (const step of at) {
    if (node === undefined) return undefined;
    const list: SchemaNode | undefined =
      node.items ?? node.anyOf?.find((branch) => branch.items !== undefined)?.items;
    if (typeof step === 'number') node = list;
    else node = propertiesOf(node)?.[step] ?? (node.additionalProperties || undefined);
  }
  return node;
}

export function valueAt(data: unknown, at: Path): unknown {
  let value = data;
  for (const step of at) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, step)) return undefined;
    value = (value as Readonly<Record<string | number, unknown>>)[step];
  }
  return value;
}

const oneOf: Readonly<Record<string, string>> = {
  suites: 'suite',
  releases: 'release',
  images: 'image',
  collect: 'collect',
};

/** Whether a path leads to a thing with a name of its own in messages: a tier, a suite, a release … */
const isEntry = (at: Path): boolean =>
  (at.length === 2 && at[0] === 'tiers') ||
  (typeof at.at(-1) === 'number' && typeof at.at(-2) === 'string' && Object.hasOwn(oneOf, at.at(-2) ?? ''));

/** A place in words: `suite "api"`, `tier "unit"`, `"resources" of suite "api"`. */
export function whereOf(at: Path, data: unknown): string {
  if (at.length === 0) return 'the top level';
  if (!isEntry(at)) return subject(at, data);
  const last = at.at(-1);
  if (typeof last === 'string') return `tier "${last}"`;
  const name = valueAt(data, [...at, 'name']);
  const word = oneOf[at.at(-2) ?? ''] ?? 'entry';
  if (typeof name === 'string' && name.length <= 80) return `${word} "${name}"`;
  return `${word} ${(last ?? 0) + 1} of ${whereOf(at.slice(0, -2), data)}`;
}

/** A field in words: `"timeout" of suite "api"`, `"env.PORT" of suite "api"`, `"values[1]" of release "shop"`. */
export function subject(at: Path, data: unknown): string {
  let from = at.length;
  while (from > 0 && !isEntry(at.slice(0, from))) from--;
  const name = at
    .slice(from)
    .map((step) => (typeof step === 'number' ? `[${step}]` : `.${step}`))
    .join('')
    .replace(/^\./, '');
  if (from === 0) return name === '' ? 'the file' : `"${name}"`;
  return name === '' ? whereOf(at, data) : `"${name}" of ${whereOf(at.slice(0, from), data)}`;
}
