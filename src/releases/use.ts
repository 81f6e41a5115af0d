import { messageOf } from '../model/errors.ts';
import type { Kube } from '../model/kube.ts';
import type { ReleasePlan } from '../model/plan.ts';
import type { RoundRelease } from '../model/soak.ts';
import { helmName } from './helm.ts';
import { belongs } from './members.ts';
import { containersOf, isOver, podName, podUid, type Pod } from './pod-state.ts';
import type { Workloads } from './workloads.ts';

/** The part of the kubelet's summary that is read. */
interface NodeStats {
  readonly pods?: readonly {
    readonly podRef: { readonly name: string; readonly namespace: string };
    readonly containers?: readonly { readonly memory?: { readonly workingSetBytes?: number } }[];
  }[];
}

export interface Looked {
  readonly releases: readonly RoundRelease[];
  /** What could not be read, and why. */
  readonly problems: readonly string[];
}

/**
 * Looks at the pods of releases from time to time: how often their containers were started again since the look
 * before, and how much memory they use. Never rejects but for the signal: what cannot be read is named.
 */
export class ReleaseUse {
  readonly #kube: Pick<Kube, 'list' | 'text'>;
  readonly #releases: readonly ReleasePlan[];
  readonly #nodes: readonly string[];
  /** Restarts of containers by the uid of their pod, of the pods of the last look. */
  #known: ReadonlyMap<string, number> | undefined;

  constructor(kube: Pick<Kube, 'list' | 'text'>, releases: readonly ReleasePlan[], nodes: readonly string[]) {
    this.#kube = kube;
    this.#releases = releases;
    this.#nodes = nodes;
  }

  async look(signal: AbortSignal): Promise<Looked> {
    if (this.#releases.length === 0) return { releases: [], problems: [] };
    const problems: string[] = [];
    const memory = await this.#memory(problems, signal);
    const known = this.#known;
    const next = new Map<string, number>();
    const releases: RoundRelease[] = [];
    for (const release of this.#releases) {
      try {
        const pods = await this.#podsOf(release, signal);
        let restarts = 0;
        for (const pod of pods) {
          const count = containersOf(pod).reduce((sum, { status }) => sum + status.restartCount, 0);
          next.set(podUid(pod), count);
          // Before the first look nobody counted.
          if (known !== undefined) restarts += Math.max(0, count - (known.get(podUid(pod)) ?? 0));
        }
        const used = pods
          .filter((pod) => !isOver(pod))
          .flatMap((pod) => memory?.get(keyOf(release.namespace, podName(pod))) ?? []);
        releases.push({
          release: release.name,
          restarts,
          ...(used.length === 0 ? {} : { memoryBytes: used.reduce((sum, bytes) => sum + bytes, 0) }),
        });
      } catch (error) {
        signal.throwIfAborted();
        problems.push(`restarts of release ${release.name} were not counted: ${messageOf(error)}`);
      }
    }
    this.#known = next;
    return { releases, problems };
  }

  async #podsOf(release: ReleasePlan, signal: AbortSignal): Promise<readonly Pod[]> {
    const { namespace } = release;
    const list = <T>(apiVersion: string, kind: string): Promise<T[]> =>
      this.#kube.list<T>({ apiVersion, kind, namespace }, signal);
    const pods = await list<Pod>('v1', 'Pod');
    const shared = this.#releases.some((other) => other !== release && other.namespace === namespace);
    const none: Workloads = { deployments: [], statefulSets: [], daemonSets: [], jobs: [] };
    const workloads: Workloads = !shared
      ? none
      : {
          deployments: await list('apps/v1', 'Deployment'),
          statefulSets: await list('apps/v1', 'StatefulSet'),
          daemonSets: await list('apps/v1', 'DaemonSet'),
          jobs: await list('batch/v1', 'Job'),
        };
    const mine = belongs(helmName(release), workloads, shared);
    return pods.filter((pod) => mine.pod(pod));
  }

  /** Working sets by namespace and pod, as the kubelets have them; undefined where one of them does not say. */
  async #memory(problems: string[], signal: AbortSignal): Promise<ReadonlyMap<string, number> | undefined> {
    const found = new Map<string, number>();
    try {
      for (const node of this.#nodes) {
        const path = `/api/v1/nodes/${node}/proxy/stats/summary?only_cpu_and_memory=true`;
        const stats = JSON.parse(await this.#kube.text(path, signal)) as NodeStats;
        for (const { podRef, containers = [] } of stats.pods ?? []) {
          const bytes = containers.reduce((sum, { memory }) => sum + (memory?.workingSetBytes ?? 0), 0);
          // Nothing yet, of a pod that is too young.
          if (bytes > 0) found.set(keyOf(podRef.namespace, podRef.name), bytes);
        }
      }
    } catch (error) {
      signal.throwIfAborted();
      problems.push(`memory of releases was not measured: ${messageOf(error)}`);
      return undefined;
    }
    return found;
  }
}

const keyOf = (namespace: string, pod: string): string => `${namespace}/${pod}`;
