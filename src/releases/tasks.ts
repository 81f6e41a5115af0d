import path from 'node:path';
import type { Deps } from '../model/deps.ts';
import { KetError } from '../model/errors.ts';
import { labels } from '../model/labels.ts';
import type { Plan, ReleasePlan } from '../model/plan.ts';
import type { ClusterHandle, RunContext, Tools } from '../model/run.ts';
import type { Task, TaskContext } from '../model/task.ts';
import type { UpStore } from '../model/up.ts';
import { KubeError } from '../kube/error.ts';
import { capacityTask } from './capacity-task.ts';
import { newCrds } from './crds.ts';
import { helmName } from './helm.ts';
import { installedTask } from './installed.ts';
import { pullSecretName, withPullSecret } from '../kube/pull-secret.ts';
import { namespaceGone } from '../kube/await-gone.ts';
import { deployedRevision, isMadeOf, madeOf, notMadeFrom } from './deployed.ts';
import { requireDigests } from './digests.ts';
import { inputsOf } from './inputs.ts';
import { installRelease, lookAgain, renewRelease } from './install.ts';
import type { PreparedRelease } from './prepare.ts';
import { discardChart, type Prepared } from './prepare-task.ts';
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
  /** Removals that go before any installation: what goes may hold a name or a port that another one wants. */
  readonly gone: readonly Task[];
  /** What is known of each release of the plan, in its order. */
  readonly prepared: Prepared;
}
export interface ImagesDelivered {
  /** Which images the nodes lacked, or had with another content; Docker's ids of all. */
  readonly deliver: readonly Task<DeliveredImages>[];
  /** Whether a release can do without one of these deliveries, as far as is known by then. */
  readonly spared: (release: ReleasePlan, delivery: Task) => boolean;
}
interface DeliveredImages {
  readonly changed: readonly string[];
  readonly ids: Readonly<Record<string, string>>;
}

/** What kind of cluster it is. */
export interface ClusterKind {
  /** It stays from run to run. */
  readonly stays: boolean;
  /** What is installed in it stays too; else the run removes it. */
  readonly releasesStay?: boolean;
  /** What is known of the releases in it. */
  readonly up?: UpStore | undefined;
  /** Images of suites that will run in it. */
  readonly suiteImages?: readonly string[];
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

/** What Helm will make and leave. */
async function crdsOf(
  deps: Deps,
  helm: string,
  release: ReleasePlan,
  { kube }: ClusterHandle,
  signal: AbortSignal,
): Promise<{ crds?: readonly string[]; removeCrds?: true }> {
  const crds = await newCrds(deps, helm, release, kube, signal);
  return crds.length === 0 ? {} : { crds, ...(release.removeCrds === true ? { removeCrds: true } : {}) };
}

/** A namespace that the run makes bears its name; Helm would make it without. */
async function makeListedNamespace(
  run: RunContext,
  { kube }: ClusterHandle,
  name: string,
  signal: AbortSignal,
): Promise<void> {
  const listed = run.state
    .list()
    .some((made) => made.type === 'object' && made.kind === 'Namespace' && made.name === name);
  if (!listed) return;
  const metadata = { name, labels: { [labels.managedBy]: 'ket', [labels.run]: run.runId } };
  try {
    await kube.create({ apiVersion: 'v1', kind: 'Namespace', metadata }, signal);
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
 * that stays from run to run, what runs an older image of the same name is restarted; in one of `ket up` a release that
 * is made of the same is only looked at.
 */
export function releaseTasks(
  run: RunContext,
  plan: Plan,
  cluster: ClusterReady,
  images: ImagesDelivered,
  { stays: clusterStays, releasesStay = true, up, suiteImages = [] }: ClusterKind,
): ReleaseTasks {
  const delivered = plan.images.map((image) => image.name);
  const loose = delivered.filter((name) => !suiteImages.includes(name));
  const giveLogins = loginsInNamespaces(run);
  const made = new Map<string, Task<ReadyRelease>>();
  const { tasks: prepared, byName, objects } = cluster.prepared;
  const fit = capacityTask(plan, cluster.ready, prepared, objects, clusterStays);
  /** After those that it depends on, of which a plan has no circles. */
  const installOf = (release: ReleasePlan): Task<ReadyRelease> => {
    const known = made.get(release.name);
    if (known !== undefined) return known;
    const before = plan.releases.filter(({ name }) => release.dependsOn.includes(name)).map(installOf);
    const task =
      release.installed === true
        ? installedTask(run, release, cluster.ready)
        : installTask(release, byName.get(release.name), before);
    made.set(release.name, task);
    return task;
  };
  const installTask = (
    release: ReleasePlan,
    prepare: Task<PreparedRelease> | undefined,
    before: readonly Task[],
  ): Task<ReadyRelease> => {
    if (prepare === undefined) throw new Error(`nothing prepares ${release.name}`);
    const shared = plan.releases.some((other) => other !== release && other.namespace === release.namespace);
    const task: Task<ReadyRelease> = {
      id: `install ${release.name}`,
      phase: 'releases',
      title: `install release ${release.name}`,
      needs: [cluster.tools, prepare, cluster.ready, fit, ...images.deliver, ...before, ...cluster.gone],
      spares: (need) => images.spared(release, need),
      limitMs: (clusterStays ? 2 : 1) * release.limitMs + graceMs,
      async run(context) {
        const { helm, helmVersion } = context.output(cluster.tools);
        if (helm === undefined || helmVersion === undefined)
          throw new KetError('KET_INTERNAL', 'no helm among the tools of a plan with releases');
        const handle = context.output(cluster.ready);
        const deps = { ...context.deps, env: run.env };
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
          helm,
          ...(releasesStay || release.chart === undefined
            ? {}
            : await crdsOf(
                deps,
                helm,
                { ...release, chart: context.output(prepare).chart },
                handle,
                context.signal,
              )),
        });
        if (release.copyOf === undefined)
          await makeListedNamespace(run, handle, release.namespace, context.signal);
        await giveLogins(handle, release.namespace, context);
        const options = {
          helm,
          helmVersion,
          cluster: handle,
          release: { ...release, limitMs: release.limitMs - waitedMs },
          ...context.output(prepare),
          shared,
          namespaceIsThere: !releasesStay,
          folder: path.join(run.folder, 'releases', release.name),
          delivered,
          signal: context.signal,
          awaiting: (what: string) => context.awaiting(what),
          warn: (text: string) => context.emit({ type: 'notice', level: 'warning', text }),
        };
        const outputs = images.deliver
          .filter((delivery) => !images.spared(release, delivery))
          .map((delivery) => context.output(delivery));
        const ids = Object.assign({}, ...outputs.map((one) => one.ids)) as Readonly<Record<string, string>>;
        const known = release.copyOf === undefined ? up : undefined;
        const inputs =
          known === undefined
            ? undefined
            : await inputsOf({
                release,
                helmVersion,
                env: run.env,
                built: context.output(prepare).chart,
                key: known.key,
              });
        if (known !== undefined && inputs !== undefined) {
          const made = known.releases()[release.name];
          const stored = made && (await deployedRevision(handle.kube, release, context.signal));
          const is = { inputs, revision: stored?.metadata?.uid, ids };
          if (isMadeOf(made, release, is) && (await lookAgain(deps, options, made.workloads))) {
            const what = `release ${release.name}`;
            context.emit({ type: 'unchanged', task: task.id, what, not: 'upgraded' });
            return { release, cluster: handle };
          }
        }
        // An earlier run may have brought images to the nodes, and have ended before pods of them were started anew.
        const unseen =
          known === undefined || inputs === undefined ? [] : notMadeFrom(known.releases()[release.name], ids);
        known?.forget(release.name);
        const changed = [...new Set([...outputs.flatMap((one) => one.changed), ...unseen])];
        const stays = clusterStays && release.copyOf === undefined;
        const stale = stays ? await running(handle.kube, release, changed, context.signal) : [];
        await installRelease(deps, options).finally(() => discardChart(run, release));
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
        if (known !== undefined && inputs !== undefined) {
          const stored = await deployedRevision(handle.kube, release, context.signal);
          if (stored !== undefined) known.set(release.name, madeOf({ release, inputs, stored, ids, loose }));
        }
        return { release, cluster: handle };
      },
    };
    return task;
  };
  const install = plan.releases.map(installOf);
  return { install, all: [...(install.length === 0 ? [] : [fit]), ...install] };
}
