import type { z } from 'zod';
import type { Problem } from './problems.ts';
import { configSchema, type KetConfig } from './schema.ts';

/**
 * A slip in one place must not hide the problems in another: the checks that need a well-formed file get the part of
 * it that is sound. What they say of an entry that has a slip itself is dropped, for it may only follow from that.
 */

type Issue = z.core.$ZodIssue;

/** The file without what the schema objects to, as far as that leaves a well-formed one. */
export function soundPart(data: unknown, issues: readonly Issue[]): KetConfig | undefined {
  const copy: unknown = structuredClone(data);
  for (const issue of issues)
    if (issue.code === 'unrecognized_keys') for (const key of issue.keys) remove(copy, [...issue.path, key]);
    else remove(copy, issue.path);
  nameSuites(copy, issues);
  const second = configSchema.safeParse(copy);
  if (second.success) return second.data;
  // What is required cannot be left out: its whole tier is.
  for (const { path } of second.error.issues) if (path[0] === 'tiers') remove(copy, path.slice(0, 2));
  return configSchema.safeParse(copy).data;
}

/** Nothing refers to a suite's name, so one without a proper name need not cost the checks of its tier. */
function nameSuites(data: unknown, issues: readonly Issue[]): void {
  for (const { path } of issues) {
    const [, tier, list, index, key] = path;
    if (list !== 'suites' || key !== 'name' || path.length !== 5 || tier === undefined) continue;
    const suite = path.slice(0, 4).reduce((value, step) => (isObject(value) ? value[step] : undefined), data);
    if (isObject(suite)) suite['name'] = `suite-${String(index)}`;
  }
}

/** Takes a key out of a mapping; entries of lists stay, because their places are part of every path. */
function remove(data: unknown, path: readonly PropertyKey[]): void {
  const key = path.at(-1);
  let parent = data;
  for (const step of path.slice(0, -1)) parent = isObject(parent) ? parent[step] : undefined;
  if (key !== undefined && isObject(parent) && !Array.isArray(parent)) Reflect.deleteProperty(parent, key);
}

const isObject = (value: unknown): value is Record<PropertyKey, unknown> =>
  typeof value === 'object' && value !== null;

/**
 * Whether a problem may only follow from a slip: one in the same entry (suite, release, image, cluster), or one in the
 * tier itself, such as a misspelt `cluster`.
 */
export function follows(problem: Problem, issues: readonly Issue[]): boolean {
  return issues.some(({ path }) => {
    if (path[0] !== 'tiers') return false;
    const depth = path.length <= 3 ? 2 : 4;
    return path.slice(0, depth).every((step, index) => step === problem.path[index]);
  });
}
