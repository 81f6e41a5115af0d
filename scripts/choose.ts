import { createHash } from 'node:crypto';

/**
 * A share of names, the same for the same seed and spread evenly over seeds: each run of the tests does a part of what
 * is too long to be done each time, and the next change of the tree another part. At least one, if there is any.
 */
export function choose(names: readonly string[], seed: string, share: number): string[] {
  const rank = (name: string): string => createHash('sha256').update(`${seed}\0${name}`).digest('hex');
  const order = names.map((name) => ({ name, rank: rank(name) })).sort((a, b) => (a.rank < b.rank ? -1 : 1));
  const first = new Set(order.slice(0, Math.ceil(names.length * share)).map(({ name }) => name));
  return names.filter((name) => first.has(name));
}
