import type { V1DaemonSet, V1Deployment, V1StatefulSet } from '@kubernetes/client-node';
import type { Clock } from '../model/deps.ts';
import type { Kube, Reflector, Wire } from '../model/kube.ts';
import type { ReleasePlan } from '../model/plan.ts';
import { helmName } from './helm.ts';
import { podJudge, type Job, type ReleaseFailure } from './judge.ts';
import { belongs } from './members.ts';
import { illContainer, type Pod } from './pod-state.ts';
import { settling } from './settling.ts';
import { sinceWhen } from './since.ts';
import type { StorageClass } from './lacks.ts';
import { watchOthers } from './watch-others.ts';
import { isOfInstalled, isOfRelease, notAvailable, workloadNames, type Workloads } from './workloads.ts';

/** How things stand with a release. */
export interface ReleaseStand {
  readonly failure?: ReleaseFailure;
  /** Workloads that are not available, and hooks that are not complete; empty: the release is ready. */
  readonly notAvailable: readonly string[];
  /** The same with the pods that are not ready, each with its state. */
  readonly waitingFor: readonly string[];
  /** The same with how long each has been so. */
  readonly waitingSince: readonly string[];
  /** What may never come, and keeps nobody waiting for long. */
  readonly doubts: readonly string[];
  /** Those that are there, `Deployment web` and so on. */
  readonly workloads: readonly string[];
  readonly pods: readonly Pod[];
  /** Also those of other releases in the namespace: whose a hook without labels is, only Helm can tell. */
  readonly everyPod: readonly Pod[];
  /** The first container that is not well. */
  readonly ill?: { readonly pod: string; readonly container: string };
}

export interface ReleaseWatch {
  stand(): ReleaseStand;
  /** Looks at every change, and once a second, until `decide` returns something other than undefined. */
  until<R>(decide: (stand: ReleaseStand) => R | undefined, signal: AbortSignal): Promise<R>;
  close(): void;
}

/** Also without a change something may be wrong for long enough now. */
const tickMs = 1000;

/** What is watched besides workloads and their pods, where a release is to become ready. */
export interface WatchMore {
  /** Names of the definitions of custom resources that it makes. */
  readonly definitions: readonly string[];
  readonly classes: readonly StorageClass[];
  /** The nodes' clock is this machine's, so what they say of the time when a container started can be believed. */
  readonly sameClock?: boolean;
}

/**
 * Watches what a release makes, by one watch for each kind. `shared`: other releases have the same namespace; without
 * `more`, workloads and their pods alone.
 */
export function watchRelease(
  kube: Kube,
  clock: Clock,
  release: ReleasePlan,
  shared: boolean,
  more?: WatchMore,
): ReleaseWatch {
  const { namespace } = release;
  const reflect = <T>(apiVersion: string, kind: string): Reflector<T> =>
    kube.reflect<T>({ apiVersion, kind, namespace });
  const pods = reflect<Pod>('v1', 'Pod');
  const jobs = reflect<Job>('batch/v1', 'Job');
  const deployments = reflect<Wire<V1Deployment>>('apps/v1', 'Deployment');
  const statefulSets = reflect<Wire<V1StatefulSet>>('apps/v1', 'StatefulSet');
  const daemonSets = reflect<Wire<V1DaemonSet>>('apps/v1', 'DaemonSet');
  const others = more === undefined ? undefined : watchOthers(kube, namespace, helmName(release), more);
  const all: readonly Reflector<unknown>[] = [
    ...[pods, jobs, deployments, statefulSets, daemonSets],
    ...(others?.reflectors ?? []),
  ];
  const isOf = release.installed === true ? isOfInstalled : isOfRelease;
  const judge = podJudge(more === undefined ? undefined : helmName(release));
  const since = sinceWhen();
  const settle = settling(more?.sameClock === true);

  const stand = (): ReleaseStand => {
    const everything: Workloads = {
      deployments: deployments.items(),
      statefulSets: statefulSets.items(),
      daemonSets: daemonSets.items(),
      jobs: jobs.items(),
    };
    const mine = belongs(helmName(release), everything, shared, isOf);
    // Hooks of an installation long ago tell nothing of today.
    const ownJobs = release.installed === true ? [] : everything.jobs.filter((job) => mine.job(job));
    const workloads = { ...everything, jobs: ownJobs };
    const own = pods.items().filter((pod) => mine.pod(pod));
    const view = judge.look(own, workloads.jobs, clock.now());
    const { lacks = [], doubts = [] } = others?.look(own, workloads) ?? {};
    const lacking = [
      ...notAvailable(workloads, helmName(release), isOf),
      ...lacks,
      ...settle.look(own, clock.now()),
    ];
    const waitingFor = [...lacking, ...view.waitingFor];
    const ill = illContainer(own);
    return {
      ...(view.failure === undefined ? {} : { failure: view.failure }),
      notAvailable: lacking,
      waitingFor,
      waitingSince: since.look(waitingFor, clock.monotonic()),
      doubts,
      workloads: workloadNames(workloads, helmName(release), isOf),
      pods: own,
      everyPod: pods.items(),
      ...(ill === undefined ? {} : { ill }),
    };
  };

  return {
    stand,
    async until(decide, signal) {
      const end = new AbortController();
      const both = AbortSignal.any([signal, end.signal]);
      const listed = new Set<Reflector<unknown>>();
      // Before the first complete list of everything, nothing would mean nothing.
      const look = () => (listed.size === all.length ? decide(stand()) : undefined);
      const tick = async (): Promise<ReturnType<typeof decide>> => {
        for (;;) {
          await clock.sleep(tickMs, both);
          const result = look();
          if (result !== undefined) return result;
        }
      };
      const changes = all.map((reflector) =>
        reflector.until(() => {
          listed.add(reflector);
          return look();
        }, both),
      );
      try {
        const result = await Promise.race([...changes, tick()]);
        if (result === undefined) throw new Error('decided nothing');
        return result;
      } finally {
        end.abort();
      }
    },
    close() {
      for (const reflector of all) reflector.close();
    },
  };
}
