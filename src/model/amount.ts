import type { V1Node, V1PodSpec } from '@kubernetes/client-node';
import type { Wire } from './kube.ts';
import { parseQuantity } from './quantity.ts';

export type Node = Wire<V1Node>;

/** What a pod asks for, or what a node has: cores, bytes, places for pods. */
export interface Amount {
  readonly cpu: number;
  readonly memory: number;
  readonly pods: number;
}

export const none: Amount = { cpu: 0, memory: 0, pods: 0 };
export const plus = (a: Amount, b: Amount): Amount => ({
  cpu: a.cpu + b.cpu,
  memory: a.memory + b.memory,
  pods: a.pods + b.pods,
});
export const minus = (a: Amount, b: Amount): Amount => ({
  cpu: a.cpu - b.cpu,
  memory: a.memory - b.memory,
  pods: a.pods - b.pods,
});
const most = (a: Amount, b: Amount): Amount => ({
  cpu: Math.max(a.cpu, b.cpu),
  memory: Math.max(a.memory, b.memory),
  pods: Math.max(a.pods, b.pods),
});

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
export const takesPods = ({ spec, status }: Node): boolean =>
  spec?.unschedulable !== true &&
  !(spec?.taints ?? []).some((taint) => taint.effect !== 'PreferNoSchedule') &&
  (status?.conditions ?? []).some((condition) => condition.type === 'Ready' && condition.status === 'True');

export const allocatable = ({ status }: Node): Amount =>
  amountOf(status?.allocatable, Number(status?.allocatable?.['pods'] ?? 0));
