import { none, plus, requestsOf } from '../model/amount.ts';
import { messageOf } from '../model/errors.ts';
import type { Kube } from '../model/kube.ts';
import type { ReleasePlan } from '../model/plan.ts';
import type { ReleaseNeed, RoundRelease } from '../model/soak.ts';
import { helmName } from './helm.ts';
import { belongs } from './members.ts';
import { containersOf, isOver, podName, podUid, type Pod } from './pod-state.ts';
import type { Workloads } from './workloads.ts';

/** The part of the kubelet's summary that is read. */
interface NodeStats {
  readonly pods?: readonly {
    readonly podRef: { readonly name: string; readonly namespace: string };
    readonly containers?: readonly {
      readonly memory?: { readonly workingSetBytes?: number };
      readonly cpu?: { readonly usageNanoCores?: number };
    }[];
  }[];
}

/** Bytes and cores. */
interface Use {
  readonly memory: number;
  readonly cpu: number;
}

export interface Looked {
  readonly releases: readonly RoundRelease[];
  /** Of the same releases, as far as anything of them was measured. */
  readonly needs: readonly ReleaseNeed[];
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
    if (this.#releases.length === 0) return { releases: [], needs: [], problems: [] };
    const problems: string[] = [];
    const uses = await this.#uses(problems, signal);
    const known = this.#known;
    const next = new Map<string, number>();
    const releases: RoundRelease[] = [];
    const needs: ReleaseNeed[] = [];
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
        const running = pods.filter((pod) => !isOver(pod));
        const used = running.flatMap((pod) => uses?.get(keyOf(release.namespace, podName(pod))) ?? []);
        const memoryBytes = used.reduce((sum, { memory }) => sum + memory, 0);
        releases.push({ release: release.name, restarts, ...(used.length === 0 ? {} : { memoryBytes }) });
        if (used.length === 0) continue;
        const requested = running
          .map(({ spec }) => (spec === undefined ? none : requestsOf(spec)))
          .reduce(plus, none);
        needs.push({
          release: release.name,
          requested: { cpu: requested.cpu, memory: requested.memory },
          memoryBytes,
          cpu: used.reduce((sum, { cpu }) => sum + cpu, 0),
        });
      } catch (error) {
        signal.throwIfAborted();
        problems.push(`restarts of release ${release.name} were not counted: ${messageOf(error)}`);
      }
    }
    this.#known = next;
    return { releases, needs, problems };
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

  /** By namespace and pod, as the kubelets have them; undefined where one of them does not say. */
  async #uses(problems: string[], signal: AbortSignal): Promise<ReadonlyMap<string, Use> | undefined> {
    const found = new Map<string, Use>();
    try {
      for (const node of this.#nodes) {
        const path = `/api/v1/nodes/${node}/proxy/stats/summary?only_cpu_and_memory=true`;
        const stats = JSON.parse(await this.#kube.text(path, signal)) as NodeStats;
        for (const { podRef, containers = [] } of stats.pods ?? []) {
          const memory = containers.reduce((sum, one) => sum + (one.memory?.workingSetBytes ?? 0), 0);
          const nanoCores = containers.reduce((sum, one) => sum + (one.cpu?.usageNanoCores ?? 0), 0);
          // Nothing yet, of a pod that is too young.
          if (memory > 0) found.set(keyOf(podRef.namespace, podRef.name), { memory, cpu: nanoCores / 1e9 });
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
