import type { V1Node } from '@kubernetes/client-node';
import { KetError } from '../model/errors.ts';
import type { Kube, Wire } from '../model/kube.ts';
import type { ReleasePlan } from '../model/plan.ts';
import { isOfJob, isOver, isReady, podName, type Pod } from './pod-state.ts';

/** How a release whose pods must stand on several nodes is spread over them. */

export interface Spread {
  /** Ready pods, each with its node. */
  readonly pods: readonly { readonly name: string; readonly node: string }[];
  /** The nodes on which they are, sorted. */
  readonly nodes: readonly string[];
}

const isOfDaemonSet = (pod: Pod): boolean =>
  pod.metadata?.ownerReferences?.some((owner) => owner.kind === 'DaemonSet') === true;

/**
 * Where the ready pods of a release are. Those of a DaemonSet are on every node anyway and prove nothing, so they count
 * only in a release that has no others.
 */
export function spreadOf(pods: readonly Pod[]): Spread {
  const ready = pods.filter((pod) => !isOver(pod) && !isOfJob(pod) && isReady(pod));
  const chosen = ready.filter((pod) => !isOfDaemonSet(pod));
  const counted = (chosen.length > 0 ? chosen : ready).flatMap((pod) => {
    const node = pod.spec?.nodeName;
    return node === undefined ? [] : [{ name: podName(pod), node }];
  });
  return { pods: counted, nodes: [...new Set(counted.map(({ node }) => node))].sort() };
}

/** `1 node`, `3 nodes`. */
export const nodesText = (count: number): string => `${String(count)} ${count === 1 ? 'node' : 'nodes'}`;

/** What is awaited for as long as the pods are on too few nodes. */
export const spreadAwaited = ({ nodes }: Spread, wanted: number): string =>
  `pods on ${nodesText(wanted)} (now on ${nodesText(nodes.length)})`;

type Node = Wire<V1Node>;

/** Why a node takes no pods of a release, as far as the node itself says. */
function closedNode({
  metadata,
  spec,
  status,
}: Node): { readonly why: string; readonly cure: string } | undefined {
  const name = metadata?.name ?? '';
  if (spec?.unschedulable === true) return { why: 'is cordoned', cure: `kubectl uncordon ${name}` };
  const ready = status?.conditions?.find((item) => item.type === 'Ready')?.status;
  if (ready !== 'True') return { why: 'is not ready', cure: `see why node ${name} is not ready` };
  const taint = spec?.taints?.find(({ effect }) => effect === 'NoSchedule' || effect === 'NoExecute');
  // That of the control plane is as it should be.
  if (taint === undefined || taint.key === controlPlane) return undefined;
  return {
    why: `has the taint ${taint.key}:${taint.effect}`,
    cure: `take the taint from node ${name}, or let the pods tolerate it`,
  };
}

const controlPlane = 'node-role.kubernetes.io/control-plane';

/** For the list of the nodes: the message is worth more than the wait for it. */
const limitMs = 20_000;

/** The error of a release that is ready on fewer nodes than it must be, with the likely cause. */
export async function spreadError(
  kube: Pick<Kube, 'list'>,
  release: ReleasePlan,
  wanted: number,
  { pods, nodes }: Spread,
  folder: string,
): Promise<KetError> {
  const all = await kube
    .list<Node>({ apiVersion: 'v1', kind: 'Node' }, AbortSignal.timeout(limitMs))
    .catch((): Node[] => []);
  const closed = all.flatMap((node) => {
    const found = closedNode(node);
    return found === undefined ? [] : [{ name: node.metadata?.name ?? '', ...found }];
  });
  const on = nodes.length === 0 ? 'on no node' : `on ${nodesText(nodes.length)} (${nodes.join(', ')})`;
  return new KetError(
    'KET_RELEASE',
    `release ${release.name} has its ready pods ${on}, and \`spread\` asks for ${String(wanted)}`,
    {
      where: folder,
      details: [
        ...pods.map(({ name, node }) => `pod ${name} is on node ${node}`),
        ...closed.map(({ name, why }) => `node ${name} ${why}`),
      ],
      next: cureOf(pods.length, wanted, closed[0]?.cure),
    },
  );
}

/** A node that takes no pods is a cause only where there are pods enough. */
function cureOf(pods: number, wanted: number, closed: string | undefined): string {
  if (pods < wanted)
    return `${String(pods)} ready pods cannot be on ${String(wanted)} nodes: give the release that many replicas`;
  if (closed !== undefined) return closed;
  return 'nothing in the chart spreads its pods: add topologySpreadConstraints with topologyKey kubernetes.io/hostname and whenUnsatisfiable DoNotSchedule, or a podAntiAffinity';
}
