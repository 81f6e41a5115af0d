import type { V1PodSpec } from '@kubernetes/client-node';
import {
  allocatable,
  minus,
  none,
  plus,
  requestsOf,
  takesPods,
  type Amount,
  type Node,
} from '../model/amount.ts';
import { KetError } from '../model/errors.ts';
import { formatBytes } from '../model/format.ts';
import type { AnyObject, Wire } from '../model/kube.ts';
import type { Pod } from './pod-state.ts';
import { isOver } from './pod-state.ts';

/** What releases request, against what the nodes have. Pure. */

/** What one object of a release requests. */
export interface Demand {
  /** `Deployment shop/api`. */
  readonly what: string;
  readonly each: Amount;
  readonly count: number;
}

interface PodMaker {
  readonly spec?: {
    readonly replicas?: number;
    readonly parallelism?: number;
    readonly suspend?: boolean;
    readonly template?: { readonly spec?: Wire<V1PodSpec> };
  };
}

/** What the objects of a release request once all of it runs; hooks run before or after it, alone. */
export function demandsOf(objects: readonly AnyObject[], namespace: string, nodes: number): Demand[] {
  return objects.flatMap((object): Demand[] => {
    const { kind, metadata } = object;
    if (metadata?.annotations?.['helm.sh/hook'] !== undefined) return [];
    const { spec } = object as PodMaker;
    const pod = kind === 'Pod' ? (spec as Wire<V1PodSpec> | undefined) : spec?.template?.spec;
    const count = countOf(kind, spec, nodes);
    if (pod === undefined || count === 0 || !Array.isArray(pod.containers)) return [];
    const what = `${kind} ${metadata?.namespace ?? namespace}/${metadata?.name ?? ''}`;
    return [{ what, each: requestsOf(pod), count }];
  });
}

/** 0 for what makes no pods by itself. */
function countOf(kind: string, spec: PodMaker['spec'], nodes: number): number {
  switch (kind) {
    case 'Pod':
      return 1;
    case 'Deployment':
    case 'StatefulSet':
    case 'ReplicaSet':
      return spec?.replicas ?? 1;
    case 'DaemonSet':
      return nodes;
    case 'Job':
      return spec?.suspend === true ? 0 : (spec?.parallelism ?? 1);
    default:
      return 0;
  }
}

const times = ({ each, count }: Demand): Amount => ({
  cpu: each.cpu * count,
  memory: each.memory * count,
  pods: each.pods * count,
});

export const sumOf = (demands: readonly Demand[]): Amount => demands.map(times).reduce(plus, none);

/**
 * What is left on the nodes that take pods, beside those that are there already, save those in the namespaces given:
 * they are of the releases themselves.
 */
export function roomOf(nodes: readonly Node[], pods: readonly Pod[], namespaces: readonly string[]): Amount {
  const open = nodes.filter(takesPods);
  const names = new Set(open.map(({ metadata }) => metadata?.name));
  return pods
    .filter(
      ({ metadata, spec }) => names.has(spec?.nodeName) && !namespaces.includes(metadata?.namespace ?? ''),
    )
    .filter((pod) => !isOver(pod))
    .reduce(
      (room, { spec }) => (spec === undefined ? room : minus(room, requestsOf(spec))),
      open.map(allocatable).reduce(plus, none),
    );
}

/** Sums of thousandths are not exact in binary. */
const slack = 1e-4;
const shown = 5;
const text = ({ cpu, memory }: Amount): string =>
  `${String(Math.round(cpu * 100) / 100)} CPU and ${formatBytes(memory)} of memory`;

/** The error of releases that request more than the nodes have; undefined where they may fit. */
export function overCapacity(demands: readonly Demand[], room: Amount): KetError | undefined {
  const sum = sumOf(demands);
  if (sum.cpu <= room.cpu + slack && sum.memory <= room.memory + slack) return undefined;
  const share = (one: Demand): number => {
    const all = times(one);
    return Math.max(all.cpu / Math.max(room.cpu, slack), all.memory / Math.max(room.memory, 1));
  };
  const largest = demands.toSorted((a, b) => share(b) - share(a)).slice(0, shown);
  return new KetError(
    'KET_CAPACITY',
    `the releases request ${text(sum)}, and the nodes have ${text(room)} left; the largest is ${largest[0]?.what ?? ''}`,
    {
      where: 'resources.requests of what the charts make',
      details: largest.map((one) => `${one.what}: ${String(one.count)} × ${text(one.each)}`),
      next: 'lower requests or replicas by values of this tier, or give Docker more CPU and memory',
    },
  );
}
