import type { NodeFacts } from '../model/node-facts.ts';
import { mayRunOn } from './placement.ts';
import { useOf, type Usage } from './usage.ts';

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
  const found = usages.map((usage) => usage && useOf(image, usage));
  const pods = found.flatMap((use) => use?.pods ?? []);
  if (found.some((use) => use?.named !== false) || pods.length === 0) return all;
  const chosen = nodes.filter((node) => pods.some((pod) => mayRunOn(pod, node)));
  // Then the scheduler will say what is wrong, wherever the image is.
  return chosen.length === 0 ? all : chosen.map(({ name }) => name);
}
