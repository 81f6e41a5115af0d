import type { V1Node } from '@kubernetes/client-node';
import type { Wire } from '../model/kube.ts';
import type { ClusterPlan } from '../model/plan.ts';
import type { NodeFacts } from '../model/node-facts.ts';

const controlPlane = 'node-role.kubernetes.io/control-plane';
const hostname = 'kubernetes.io/hostname';

/**
 * What is known of the nodes of a Kind cluster before Kubernetes runs in them. kind leaves the taint on control planes
 * unless one is all there is; where the config speaks of taints itself, nothing is known, and none is counted on.
 */
export function factsOfPlan(plan: ClusterPlan, names: readonly string[]): NodeFacts[] {
  const text = JSON.stringify(plan.kindConfig);
  const taints =
    names.length === 1 || /\btaints\b/.test(text) ? [] : [{ key: controlPlane, effect: 'NoSchedule' }];
  return names.map((name, index) => {
    const isControlPlane = plan.nodes[index] === 'control-plane';
    return {
      name,
      labels: {
        ...labelsOf(plan.kindConfig, index),
        'kubernetes.io/os': 'linux',
        [hostname]: name,
        ...(isControlPlane ? { [controlPlane]: '' } : {}),
      },
      mayHaveMore: true,
      taints: isControlPlane ? taints : [],
    };
  });
}

/** Those that the config gives to its n-th node. */
function labelsOf(config: ClusterPlan['kindConfig'], index: number): Record<string, string> {
  const nodes = config['nodes'];
  const node: unknown = Array.isArray(nodes) ? nodes[index] : undefined;
  const labels = typeof node === 'object' && node !== null && 'labels' in node ? node.labels : undefined;
  return typeof labels === 'object' && labels !== null
    ? Object.fromEntries(Object.entries(labels).map(([key, value]) => [key, String(value)]))
    : {};
}

/** The same of nodes that are there. What a run installs may still give them labels. */
export const factsOfNode = ({ metadata, spec }: Wire<V1Node>): NodeFacts => ({
  name: metadata?.name ?? '',
  labels: metadata?.labels ?? {},
  mayHaveMore: true,
  taints: spec?.taints ?? [],
});
