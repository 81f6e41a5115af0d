import { nearest } from './problems.ts';
import type { ProblemMore } from './source.ts';

/** Checks of `dependsOn`: every name is another release of the tier, and nobody waits for itself. */

type Path = readonly (string | number)[];

interface Scope {
  readonly tier: {
    readonly releases: readonly { readonly name: string; readonly dependsOn: readonly string[] }[];
  };
  readonly at: Path;
  readonly add: (at: Path, message: string, more?: ProblemMore) => void;
}

export function dependsChecks({ tier: { releases }, at, add }: Scope): void {
  const names = releases.map(({ name }) => name);
  releases.forEach(({ name, dependsOn }, index) => {
    dependsOn.forEach((other, position) => {
      const place = [...at, 'releases', index, 'dependsOn', position];
      if (dependsOn.indexOf(other) !== position) add(place, `release "${name}" depends on "${other}" twice`);
      else if (!names.includes(other))
        add(place, `release "${name}" depends on an unknown release "${other}"`, {
          allowed: names.filter((one) => one !== name),
          suggestion: nearest(other, names),
        });
    });
  });
  for (const { index, position, names: circle } of circles(releases))
    add(
      [...at, 'releases', index, 'dependsOn', position],
      `release "${circle[0] ?? ''}" waits for itself: ${circle.join(' → ')}`,
    );
}

/** An entry of `dependsOn` that closes a circle, and the releases on it, the first once more at the end. */
interface Circle {
  readonly index: number;
  readonly position: number;
  readonly names: readonly string[];
}

/** One for each entry that leads back; taking these away leaves none. */
function circles(releases: Scope['tier']['releases']): Circle[] {
  const found: Circle[] = [];
  const over = new Set<number>();
  const visit = (index: number, way: readonly number[]): void => {
    if (over.has(index)) return;
    const here = [...way, index];
    releases[index]?.dependsOn.forEach((name, position) => {
      const next = releases.findIndex((release) => release.name === name);
      const from = here.indexOf(next);
      if (from >= 0)
        found.push({
          index,
          position,
          names: [...here.slice(from), next].map((one) => releases[one]?.name ?? ''),
        });
      else if (next >= 0) visit(next, here);
    });
    over.add(index);
  };
  releases.forEach((_, index) => visit(index, []));
  return found;
}
