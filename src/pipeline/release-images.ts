import { mayUse } from '../images/usage.ts';
import type { ReleasePlan } from '../model/plan.ts';
import type { Task } from '../model/task.ts';

export interface ReleaseImages {
  /** By image: what brings it to the nodes. */
  readonly deliveries: ReadonlyMap<string, Task | undefined>;
  /** What brings several at once, which nobody chose. */
  readonly found: Task | undefined;
  /** Images of suites. */
  readonly ofSuites: ReadonlySet<string>;
  /** By release: what it is made of, as soon as that is known. */
  readonly objects: ReadonlyMap<string, readonly unknown[]>;
}

/**
 * Tells which deliveries a release can do without: those of an image that suites use and that nothing of the release
 * names. An image that no suite uses must be meant for something else, also where nobody names it.
 */
export function sparedDeliveries({
  deliveries,
  found,
  ofSuites,
  objects,
}: ReleaseImages): (release: Pick<ReleasePlan, 'name'>, delivery: Task) => boolean {
  return ({ name }, delivery) =>
    delivery !== found &&
    [...ofSuites].some((image) => deliveries.get(image) === delivery && !mayUse(objects.get(name), image));
}
