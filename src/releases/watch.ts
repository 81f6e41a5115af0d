import type { V1DaemonSet, V1Deployment, V1StatefulSet } from '@kubernetes/client-node';
import type { Clock } from '../model/deps.ts';
import type { Kube, Reflector, Wire } from '../model/kube.ts';
import type { ReleasePlan } from '../model/plan.ts';
import { helmName } from './helm.ts';
import { podJudge, type Job, type ReleaseFailure } from './judge.ts';
import { belongs } from './members.ts';
import { illContainer, type Pod } from './pod-state.ts';
import { settling } from './settling.ts';
import { isOfInstalled, isOfRelease, notAvailable, workloadsOf, type Workloads } from './workloads.ts';

/** How things stand with a release. */
export interface ReleaseStand {
  readonly failure?: ReleaseFailure;
  /** How many workloads it has. */
  readonly workloads: number;
  /** Workloads that are not available, and hooks that are not complete; empty: the release is ready. */
  readonly notAvailable: readonly string[];
  /** The same with the pods that are not ready, each with its state. */
  readonly waitingFor: readonly string[];
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

/** Watches what a release makes. `shared`: other releases have the same namespace. */
export function watchRelease(kube: Kube, clock: Clock, release: ReleasePlan, shared: boolean): ReleaseWatch {
  const { namespace } = release;
  const reflect = <T>(apiVersion: string, kind: string): Reflector<T> =>
    kube.reflect<T>({ apiVersion, kind, namespace });
  const pods = reflect<Pod>('v1', 'Pod');
  const jobs = reflect<Job>('batch/v1', 'Job');
  const deployments = reflect<Wire<V1Deployment>>('apps/v1', 'Deployment');
  const statefulSets = reflect<Wire<V1StatefulSet>>('apps/v1', 'StatefulSet');
  const daemonSets = reflect<Wire<V1DaemonSet>>('apps/v1', 'DaemonSet');
  const all: readonly Reflector<unknown>[] = [pods, jobs, deployments, statefulSets, daemonSets];
  const isOf = release.installed === true ? isOfInstalled : isOfRelease;
  const judge = podJudge();
  const settle = settling();

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
    const lacking = [...notAvailable(workloads, helmName(release), isOf), ...settle.look(own, clock.now())];
    const ill = illContainer(own);
    return {
      ...(view.failure === undefined ? {} : { failure: view.failure }),
      workloads: workloadsOf(workloads, helmName(release), isOf),
      notAvailable: lacking,
      waitingFor: [...lacking, ...view.waitingFor],
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
