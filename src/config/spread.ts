import { KetError } from '../model/errors.ts';
import type { ClusterPlan } from '../model/plan.ts';

/** Whether a cluster has the nodes over which a release is to be spread. */

/**
 * So many nodes of a Kind cluster take pods. kind leaves the taint on control planes unless one is all there is; where
 * the config speaks of taints itself, nothing is known, and all of them count.
 */
export function placesIn({ nodes, kindConfig }: Pick<ClusterPlan, 'nodes' | 'kindConfig'>): number {
  if (nodes.length === 1 || /\btaints\b/.test(JSON.stringify(kindConfig))) return nodes.length;
  return nodes.filter((role) => role === 'worker').length;
}

/** The fields of a release in ket.yaml that this is about. */
interface Spreading {
  readonly name: string;
  readonly spread?: number | undefined;
}

/** What is wrong with a release's `spread` in a cluster with so many `places`. `config`: how its Kind config is named. */
export function spreadProblem(
  { name, spread }: Spreading,
  places: number,
  config: string,
): string | undefined {
  if (spread === undefined || spread <= places) return undefined;
  const are = places === 1 ? '1 node that takes' : `${String(places)} nodes that take`;
  return `"spread" of release "${name}" asks for ${String(spread)} nodes, and ${config} has ${are} pods (a control plane takes none beside others); add "- role: worker" to its nodes, or lower "spread"`;
}

/** The same for a Kind config that is not that of ket.yaml. */
export function requirePlaces(releases: readonly Spreading[], places: number, config: string): void {
  for (const release of releases) {
    const fault = spreadProblem(release, places, config);
    if (fault !== undefined) throw new KetError('KET_USAGE', fault, { where: config });
  }
}
