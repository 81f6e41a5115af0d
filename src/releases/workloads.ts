import type { V1DaemonSet, V1Deployment, V1StatefulSet } from '@kubernetes/client-node';
import type { AnyObject, Wire } from '../model/kube.ts';
import type { WorkloadName } from '../model/plan.ts';
import { isInstallHook, releaseName, type Job } from './judge.ts';

/** What a release's readiness is judged by. */
export interface Workloads {
  readonly deployments: readonly Wire<V1Deployment>[];
  readonly statefulSets: readonly Wire<V1StatefulSet>[];
  readonly daemonSets: readonly Wire<V1DaemonSet>[];
  readonly jobs: readonly Job[];
}

interface Owned {
  readonly metadata?: {
    readonly annotations?: Readonly<Record<string, string>>;
    readonly labels?: Readonly<Record<string, string>>;
    readonly generation?: number;
    readonly name?: string;
    readonly namespace?: string;
  };
}

/** Helm writes the release's name on everything of its manifest, whatever labels the chart uses. */
export const isOfRelease = (object: Owned, release: string): boolean =>
  object.metadata?.annotations?.[releaseName] === release;

/** The same of what somebody else installed, perhaps without Helm: then a label that is usual tells. */
export const isOfInstalled = (object: Owned, release: string): boolean =>
  isOfRelease(object, release) || object.metadata?.labels?.['app.kubernetes.io/instance'] === release;

/** `shop/api`, as far as it is known. */
export const nameIn = ({ metadata }: Owned): string =>
  [metadata?.namespace, metadata?.name].filter((part) => part !== undefined).join('/');
const observed = (object: Owned, seen: number | undefined): boolean =>
  (seen ?? 0) >= (object.metadata?.generation ?? 0);

type Deployment = Wire<V1Deployment>;
type StatefulSet = Wire<V1StatefulSet>;
type DaemonSet = Wire<V1DaemonSet>;

function deploymentLack(item: Deployment): string | undefined {
  const wanted = item.spec?.replicas ?? 1;
  const { availableReplicas = 0, updatedReplicas = 0, replicas = 0, observedGeneration } = item.status ?? {};
  // While old pods are there they may be all that is available, and what answers.
  const old = Math.max(0, replicas - updatedReplicas);
  const count = Math.min(Math.max(0, availableReplicas - old), updatedReplicas);
  if (observed(item, observedGeneration) && count >= wanted && old === 0) return undefined;
  const leaving = old === 0 ? '' : `, ${String(old)} old still there`;
  return `Deployment ${nameIn(item)}: ${String(count)} of ${String(wanted)} available${leaving}`;
}

function statefulSetLack(item: StatefulSet): string | undefined {
  const wanted = item.spec?.replicas ?? 1;
  const { readyReplicas = 0, updatedReplicas = 0, observedGeneration } = item.status ?? {};
  // With OnDelete the user replaces the pods; a partition leaves some old on purpose.
  const partition = item.spec?.updateStrategy?.rollingUpdate?.partition ?? 0;
  const rolls = item.spec?.updateStrategy?.type !== 'OnDelete' && partition === 0;
  const count = rolls ? Math.min(readyReplicas, updatedReplicas) : readyReplicas;
  if (observed(item, observedGeneration) && count >= wanted) return undefined;
  return `StatefulSet ${nameIn(item)}: ${String(count)} of ${String(wanted)} ready`;
}

function daemonSetLack(item: DaemonSet): string | undefined {
  const { status } = item;
  const wanted = status?.desiredNumberScheduled ?? 0;
  const rolls = item.spec?.updateStrategy?.type !== 'OnDelete';
  const ready = status?.numberReady ?? 0;
  const count = rolls ? Math.min(ready, status?.updatedNumberScheduled ?? 0) : ready;
  if (observed(item, status?.observedGeneration) && count >= wanted) return undefined;
  return `DaemonSet ${nameIn(item)}: ${String(count)} of ${String(wanted)} ready`;
}

function hookLack(job: Job): string | undefined {
  const complete = job.status?.conditions?.some((item) => item.type === 'Complete' && item.status === 'True');
  return complete === true ? undefined : `hook Job ${nameIn(job)}: not complete`;
}

/** A Job of the release's manifest, which runs once, and to its end. */
function jobLack(job: Job): string | undefined {
  if (job.spec?.suspend === true) return undefined;
  if (job.status?.conditions?.some((item) => item.type === 'Complete' && item.status === 'True') === true)
    return undefined;
  return `Job ${nameIn(job)}: ${String(job.status?.succeeded ?? 0)} of ${String(job.spec?.completions ?? 1)} complete`;
}

/** What a workload of a kind lacks to be available; undefined: nothing. */
export function workloadLack(kind: WorkloadName['kind'], object: AnyObject): string | undefined {
  switch (kind) {
    case 'Deployment':
      return deploymentLack(object);
    case 'StatefulSet':
      return statefulSetLack(object);
    case 'DaemonSet':
      return daemonSetLack(object);
  }
}

/** What of a release is not available yet; empty: it is ready. ket's own look, whatever Helm says. */
export function notAvailable(workloads: Workloads, release: string, isOf = isOfRelease): string[] {
  const lacks = <T extends Owned>(objects: readonly T[], lackOf: (one: T) => string | undefined): string[] =>
    objects.filter((object) => isOf(object, release)).flatMap((object) => lackOf(object) ?? []);
  return [
    ...lacks(workloads.deployments, deploymentLack),
    ...lacks(workloads.statefulSets, statefulSetLack),
    ...lacks(workloads.daemonSets, daemonSetLack),
    ...lacks(workloads.jobs, jobLack),
    ...workloads.jobs.filter(isInstallHook).flatMap((job) => hookLack(job) ?? []),
  ];
}

/** Those of a release that are there, `Deployment web` and so on. */
export const workloadNames = (workloads: Workloads, release: string, isOf = isOfRelease): string[] =>
  (
    [
      ['Deployment', workloads.deployments],
      ['StatefulSet', workloads.statefulSets],
      ['DaemonSet', workloads.daemonSets],
    ] as const
  ).flatMap(([kind, items]) =>
    items.filter((item) => isOf(item, release)).map((item) => `${kind} ${item.metadata?.name ?? ''}`),
  );
