import type { V1DaemonSet, V1Deployment, V1StatefulSet } from '@kubernetes/client-node';
import type { Wire } from '../model/kube.ts';
import { isInstallHook, type Job } from './judge.ts';

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
    readonly generation?: number;
    readonly name?: string;
  };
}

/** Helm writes the release's name on everything of its manifest, whatever labels the chart uses. */
export const isOfRelease = (object: Owned, release: string): boolean =>
  object.metadata?.annotations?.['meta.helm.sh/release-name'] === release;

const name = (object: Owned): string => object.metadata?.name ?? '';
const observed = (object: Owned, seen: number | undefined): boolean =>
  (seen ?? 0) >= (object.metadata?.generation ?? 0);

/** What of a release is not available yet; empty: it is ready. ket's own look, whatever Helm says. */
export function notAvailable(workloads: Workloads, release: string): string[] {
  const of = <T extends Owned>(objects: readonly T[]): T[] =>
    objects.filter((object) => isOfRelease(object, release));
  return [
    ...of(workloads.deployments).flatMap((item) => {
      const wanted = item.spec?.replicas ?? 1;
      const {
        availableReplicas = 0,
        updatedReplicas = 0,
        replicas = 0,
        observedGeneration,
      } = item.status ?? {};
      // While old pods are there they may be all that is available, and what answers.
      const old = Math.max(0, replicas - updatedReplicas);
      const count = Math.min(Math.max(0, availableReplicas - old), updatedReplicas);
      if (observed(item, observedGeneration) && count >= wanted && old === 0) return [];
      const leaving = old === 0 ? '' : `, ${String(old)} old still there`;
      return [`Deployment ${name(item)}: ${String(count)} of ${String(wanted)} available${leaving}`];
    }),
    ...of(workloads.statefulSets).flatMap((item) => {
      const wanted = item.spec?.replicas ?? 1;
      const { readyReplicas = 0, updatedReplicas = 0, observedGeneration } = item.status ?? {};
      // With OnDelete the user replaces the pods; a partition leaves some old on purpose.
      const partition = item.spec?.updateStrategy?.rollingUpdate?.partition ?? 0;
      const rolls = item.spec?.updateStrategy?.type !== 'OnDelete' && partition === 0;
      const count = rolls ? Math.min(readyReplicas, updatedReplicas) : readyReplicas;
      if (observed(item, observedGeneration) && count >= wanted) return [];
      return [`StatefulSet ${name(item)}: ${String(count)} of ${String(wanted)} ready`];
    }),
    ...of(workloads.daemonSets).flatMap((item) => {
      const { status } = item;
      const wanted = status?.desiredNumberScheduled ?? 0;
      const rolls = item.spec?.updateStrategy?.type !== 'OnDelete';
      const ready = status?.numberReady ?? 0;
      const count = rolls ? Math.min(ready, status?.updatedNumberScheduled ?? 0) : ready;
      if (observed(item, status?.observedGeneration) && count >= wanted) return [];
      return [`DaemonSet ${name(item)}: ${String(count)} of ${String(wanted)} ready`];
    }),
    ...workloads.jobs.filter(isInstallHook).flatMap((job) => {
      const complete = job.status?.conditions?.some(
        (item) => item.type === 'Complete' && item.status === 'True',
      );
      return complete === true ? [] : [`hook Job ${name(job)}: not complete`];
    }),
  ];
}
