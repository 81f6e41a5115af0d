import type { V1Node, V1PodSpec } from '@kubernetes/client-node';
import type { Wire } from '../../model/kube.ts';
import { parseQuantity } from '../../model/quantity.ts';
import { isOver, type Pod } from '../pod/pod-state.ts';

export type Node = Wire<V1Node>;

/** What a pod asks for, or what a node has: cores, bytes, places for pods. */
export interface Amount {
  readonly cpu: number;
  readonly memory: number;
  readonly pods: number;
}

const none: Amount = { cpu: 0, memory: 0, pods: 0 };
const plus = (a: Amount, b: Amount): Amount => ({
  cpu: a.cpu + b.cpu,
  memory: a.memory + b.memory,
  pods: a.pods + b.pods,
});
const minus = (a: Amount, b: Amount): Amount => ({
  cpu: a.cpu - b.cpu,
  memory: a.memory - b.memory,
  pods: a.pods - b.pods,
});
const most = (a: Amount, b: Amount): Amount => ({
  cpu: Math.max(a.cpu, b.cpu),
  memory: Math.max(a.memory, b.memory),
  pods: Math.max(a.pods, b.pods),
});

/** Sums of thousandths are not exact in binary; less than a thousandth of a core decides nothing. */
const slack = 1e-4;
const within = (a: Amount, room: Amount): boolean =>
  a.cpu <= room.cpu + slack && a.memory <= room.memory + slack && a.pods <= room.pods;

type Quantities = Readonly<Record<string, string>> | undefined;
const amountOf = (quantities: Quantities, pods: number): Amount => ({
  cpu: parseQuantity(quantities?.['cpu'] ?? '0') ?? 0,
  memory: parseQuantity(quantities?.['memory'] ?? '0') ?? 0,
  pods,
});

/**
 * What the scheduler counts for a pod: all containers and sidecars together, or an init container with the sidecars
 * before it, whichever is more.
 */
export function requestsOf(spec: Wire<V1PodSpec>): Amount {
  // A limit without a request is the request.
  const of = (resources?: { readonly requests?: Quantities; readonly limits?: Quantities }): Amount =>
    amountOf({ ...resources?.limits, ...resources?.requests }, 0);
  let sidecars = none;
  let peak = none;
  for (const container of spec.initContainers ?? []) {
    const own = of(container.resources);
    if (container.restartPolicy === 'Always') sidecars = plus(sidecars, own);
    else peak = most(peak, plus(sidecars, own));
  }
  const all = spec.containers.reduce((sum, { resources }) => plus(sum, of(resources)), sidecars);
  return plus(most(all, peak), amountOf(spec.overhead, 1));
}

/** Nodes on which a pod without tolerations is started. */
const takesPods = ({ spec, status }: Node): boolean =>
  spec?.unschedulable !== true &&
  !(spec?.taints ?? []).some((taint) => taint.effect !== 'PreferNoSchedule') &&
  (status?.conditions ?? []).some((condition) => condition.type === 'Ready' && condition.status === 'True');

const allocatable = ({ status }: Node): Amount =>
  amountOf(status?.allocatable, Number(status?.allocatable?.['pods'] ?? 0));

/** What is free on each node that takes pods. */
export function freeRooms(nodes: readonly Node[], pods: readonly Pod[]): Amount[] {
  return nodes
    .filter(takesPods)
    .map((node) =>
      pods
        .filter((pod) => pod.spec?.nodeName === node.metadata?.name && !isOver(pod))
        .reduce(
          (room, pod) => (pod.spec === undefined ? room : minus(room, requestsOf(pod.spec))),
          allocatable(node),
        ),
    );
}

/**
 * Whether there is a place for one more, after those that have none yet got theirs: each, the largest first, on the
 * node with the most free CPU, as the scheduler spreads them.
 */
export function fits(rooms: readonly Amount[], waiting: readonly Amount[], wanted: Amount): boolean {
  const left = [...rooms];
  for (const amount of [...waiting].sort((a, b) => b.cpu - a.cpu || b.memory - a.memory)) {
    const [best] = [...left.keys()]
      .filter((index) => within(amount, left[index] ?? none))
      .sort((a, b) => (left[b]?.cpu ?? 0) - (left[a]?.cpu ?? 0));
    if (best === undefined) return false;
    left[best] = minus(left[best] ?? none, amount);
  }
  return left.some((room) => within(wanted, room));
}

/** Whether any node could ever hold it, were it empty. */
export const couldFit = (nodes: readonly Node[], wanted: Amount): boolean =>
  nodes.some((node) => within(wanted, allocatable(node)));
