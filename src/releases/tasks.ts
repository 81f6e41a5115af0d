import path from 'node:path';
import { KetError } from '../model/errors.ts';
import { labels } from '../model/labels.ts';
import type { Plan, ReleasePlan } from '../model/plan.ts';
import type { ClusterHandle, RunContext, Tools } from '../model/run.ts';
import type { Task, TaskContext } from '../model/task.ts';
import { KubeError } from '../kube/error.ts';
import { helmName } from './helm.ts';
import { pullSecretName, withPullSecret } from '../kube/pull-secret.ts';
import { namespaceGone } from '../kube/await-gone.ts';
import { requireDigests } from './digests.ts';
import { installRelease, renewRelease } from './install.ts';
import { running } from './restart.ts';

/** A release that is ready. */
export interface ReadyRelease {
  readonly release: ReleasePlan;
  readonly cluster: ClusterHandle;
}

export interface ReleaseTasks {
  readonly install: readonly Task<ReadyRelease>[];
  readonly all: readonly Task[];
}

/** What the installation has to know of the cluster's and the images' tasks. */
export interface ClusterReady {
  readonly tools: Task<Tools>;
  readonly ready: Task<ClusterHandle>;
}
export interface ImagesDelivered {
  /** Which images the nodes lacked, or had with another content. */
  readonly deliver: readonly Task<{ readonly changed: readonly string[] }>[];
}

/**
 * The namespace of a copy, which is the run's own, and in its state before it is made. Releases that share a namespace
 * share that of their copies.
 */
async function makeNamespace(
  run: RunContext,
  { kube, kubeconfig }: ClusterHandle,
  name: string,
  suite: string,
  signal: AbortSignal,
): Promise<void> {
  const object = { apiVersion: 'v1', kind: 'Namespace' };
  const listed = run.state.list().some((made) => made.type === 'object' && made.name === name);
  if (!listed) await run.state.add({ type: 'object', kubeconfig, ...object, name });
  const own = { [labels.managedBy]: 'ket', [labels.run]: run.runId, [labels.suite]: suite };
  try {
    await kube.create({ ...object, metadata: { name, labels: own } }, signal);
  } catch (error) {
    if (!(error instanceof KubeError) || error.status !== 409) throw error;
  }
}

/** Gives pods of releases the logins at registries, once for each namespace, and says where it cannot. */
function loginsInNamespaces({
  registries,
}: RunContext): (cluster: ClusterHandle, namespace: string, context: TaskContext) => Promise<void> {
  const given = new Map<string, Promise<void>>();
  const give = async ({ kube }: ClusterHandle, namespace: string, context: TaskContext): Promise<void> => {
    if (registries === undefined) return;
    const secret = await registries.pullSecret();
    if (await withPullSecret(kube, namespace, secret, context.signal)) return;
    const text = `namespace ${namespace} is not of ket's making: it gets no Secret ${pullSecretName} with the logins of ket.yaml`;
    context.emit({ type: 'notice', level: 'warning', text });
  };
  return (cluster, namespace, context) => {
    const there = given.get(namespace) ?? give(cluster, namespace, context);
    given.set(namespace, there);
    return there;
  };
}

/** For the message after the limit proper: logs, events, and files. */
const graceMs = 90_000;

/** How long a namespace may take to go that an earlier run or somebody else is deleting. */
const leavingMs = 120_000;

/**
 * Installs the releases of the plan, each after those that it depends on, else side by side, when the cluster is ready and has the plan's images. In a cluster
 * that stays from run to run (`clusterStays`), what runs an older image of the same name is restarted.
 */
export function releaseTasks(
  run: RunContext,
  plan: Plan,
  cluster: ClusterReady,
  images: ImagesDelivered,
  clusterStays: boolean,
): ReleaseTasks {
  const delivered = plan.images.map((image) => image.name);
  const giveLogins = loginsInNamespaces(run);
  const made = new Map<string, Task<ReadyRelease>>();
  /** After those that it depends on, of which a plan has no circles. */
  const installOf = (release: ReleasePlan): Task<ReadyRelease> => {
    const known = made.get(release.name);
    if (known !== undefined) return known;
    const before = plan.releases.filter(({ name }) => release.dependsOn.includes(name)).map(installOf);
    const task = installTask(release, before);
    made.set(release.name, task);
    return task;
  };
  const installTask = (release: ReleasePlan, before: readonly Task[]): Task<ReadyRelease> => {
    const shared = plan.releases.some((other) => other !== release && other.namespace === release.namespace);
    return {
      id: `install ${release.name}`,
      phase: 'releases',
      title: `install release ${release.name}`,
      needs: [cluster.tools, cluster.ready, ...images.deliver, ...before],
      limitMs: (clusterStays ? 2 : 1) * release.limitMs + graceMs,
      async run(context) {
        const { helm, helmVersion } = context.output(cluster.tools);
        if (helm === undefined || helmVersion === undefined)
          throw new KetError('KET_INTERNAL', 'no helm among the tools of a plan with releases');
        const handle = context.output(cluster.ready);
        if (release.copyOf !== undefined)
          await makeNamespace(run, handle, release.namespace, release.copyOf.suite, context.signal);
        // Before it is listed: a namespace on its way out is not one that was there before.
        const waitedMs = clusterStays
          ? await namespaceGone(handle.kube, release.namespace, {
              clock: context.deps.clock,
              limitMs: Math.min(leavingMs, release.limitMs),
              code: 'KET_RELEASE',
              signal: context.signal,
              awaiting: (what) => context.awaiting(what),
            })
          : 0;
        await run.state.add({
          type: 'release',
          kubeconfig: handle.kubeconfig,
          namespace: release.namespace,
          name: helmName(release),
        });
        await giveLogins(handle, release.namespace, context);
        const deps = { ...context.deps, env: run.env };
        const options = {
          helm,
          helmVersion,
          cluster: handle,
          release: { ...release, limitMs: release.limitMs - waitedMs },
          shared,
          folder: path.join(run.folder, 'releases', release.name),
          delivered,
          registryConfig: run.registries?.helmConfig,
          signal: context.signal,
          awaiting: (what: string) => context.awaiting(what),
        };
        const changed = [...new Set(images.deliver.flatMap((task) => context.output(task).changed))];
        const stays = clusterStays && release.copyOf === undefined;
        const stale = stays ? await running(handle.kube, release, changed, context.signal) : [];
        await installRelease(deps, options);
        if (plan.production) await requireDigests(handle.kube, release, plan, context.signal);
        if (stale.length > 0) {
          const restarted = await renewRelease(deps, options, stale, run.runId);
          for (const what of restarted)
            context.emit({
              type: 'notice',
              level: 'info',
              text: `${what} was restarted: its image has changed`,
            });
        }
        return { release, cluster: handle };
      },
    };
  };
  const install = plan.releases.map(installOf);
  return { install, all: install };
}
