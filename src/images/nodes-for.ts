import type { NodeFacts } from '../model/node-facts.ts';
import { mayRunOn } from './placement.ts';
import { fullReference } from './reference.ts';
import { shortName, type Usage } from './usage.ts';

/**
 * The nodes that need an image: those on which a pod that uses it may run. All of them when no pod is known to, when
 * what uses it is not known (`undefined`), or when the image is named somewhere else than in a pod's containers, of
 * which an operator may make one.
 */
export function nodesFor(
  image: string,
  usages: readonly (Usage | undefined)[],
  nodes: readonly NodeFacts[],
): readonly string[] {
  const all = nodes.map(({ name }) => name);
  const reference = fullReference(image);
  const short = shortName(image);
  const pods = usages.flatMap((usage) => usage?.uses ?? []).filter((use) => use.image === reference);
  const unsure = usages.some(
    (usage) => usage === undefined || usage.texts.some((text) => text.includes(short)),
  );
  if (unsure || pods.length === 0) return all;
  const chosen = nodes.filter((node) => pods.some(({ pod }) => mayRunOn(pod, node)));
  // Then the scheduler will say what is wrong, wherever the image is.
  return chosen.length === 0 ? all : chosen.map(({ name }) => name);
}
