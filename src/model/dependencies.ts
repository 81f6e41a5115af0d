import type { ReleasePlan } from './plan.ts';

/** These releases and all that they depend on, each once; a dependency stands after the first that names it. */
export function withDependencies(
  names: readonly string[],
  releases: readonly Pick<ReleasePlan, 'name' | 'dependsOn'>[],
): string[] {
  const known = new Map(releases.map((release) => [release.name, release]));
  const found = new Set(names);
  // A set gives also what is added while one goes through it.
  for (const name of found) for (const other of known.get(name)?.dependsOn ?? []) found.add(other);
  return [...found];
}
