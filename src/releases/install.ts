import fs from 'node:fs';
import path from 'node:path';
import { Readable } from 'node:stream';
import { KetError } from '../model/errors.ts';
import { formatMs } from '../model/format.ts';
import type { Deps, ExecResult } from '../model/deps.ts';
import type { AnyObject, ObjectRef } from '../model/kube.ts';
import type { ReleasePlan } from '../model/plan.ts';
import type { ClusterHandle } from '../model/run.ts';
import { evidence, type Evidence } from './evidence.ts';
import { helmCure, helmEnv, helmSaid, installArgv, placeOf } from './helm.ts';
import { failureCure, failureLines, hookCure } from './failure.ts';
import type { ReleaseFailure } from './judge.ts';
import { restart } from './restart.ts';
import { spreadAwaited, spreadError, spreadOf } from './spread.ts';
import { hasInput, inputOf } from './values.ts';
import { hasIdleClaim, type StorageClass } from './lacks.ts';
import { watchRelease, type ReleaseStand, type ReleaseWatch, type WatchMore } from './watch.ts';

export interface InstallOptions {
  readonly helm: string;
  readonly helmVersion: string;
  readonly cluster: ClusterHandle;
  readonly release: ReleasePlan;
  /** What Helm installs: a folder or an archive of this machine. */
  readonly chart: string;
  /** What that is made of, as far as it is known. */
  readonly objects?: readonly AnyObject[];
  /** Its namespace was there, or ket has made it. */
  readonly namespaceIsThere?: boolean;
  /** Other releases of the plan have the same namespace. */
  readonly shared: boolean;
  /** The release's folder in the run. */
  readonly folder: string;
  /** Images that ket brought to the nodes, for the advice about pull policies. */
  readonly delivered: readonly string[];
  readonly signal: AbortSignal;
  readonly awaiting: (what: string) => void;
  readonly warn: (text: string) => void;
}

/** Helm is told its limit; this is for saying that it is over. */
const helmGraceMs = 20_000;
/** After Helm is content ket looks itself, for at least so long; what is available for Helm is so within moments. */
const ownLookMs = 30_000;
/** A service whose labels no pod has may be waiting for an operator's, or for its own to get them. */
const doubtMs = 10_000;
/** A pod that was just replaced, or is not seen yet, may still make up the spread. */
const spreadMs = 5000;

/**
 * Installs a release and waits until its workloads are available. Helm waits for its whole limit also when nothing can
 * come right any more, so ket watches beside it and ends it early, with the lines of the container that is the cause.
 */
export async function installRelease(deps: Deps, options: InstallOptions): Promise<void> {
  const { cluster, release, signal } = options;
  const began = deps.clock.monotonic();
  const more = await watchMore(options);
  const watch = watchRelease(cluster.kube, deps.clock, release, options.shared, more);
  const proofs = evidence(cluster.kube, release.namespace, options.folder);
  const hooksOnly = hasIdleClaim(options.objects ?? [], more.classes);
  const end = new AbortController();
  try {
    const helm = runHelm(deps, options, hooksOnly, AbortSignal.any([signal, end.signal]));
    const both = AbortSignal.any([signal, end.signal]);
    const failure = watch.until((stand) => {
      proofs.watchHooks(stand.everyPod);
      if (stand.failure !== undefined) return stand.failure;
      options.awaiting(awaitingText(stand));
      return undefined;
    }, both);
    const first = await Promise.race([
      helm.then((result) => ({ result })),
      failure.then((found) => ({ found })),
    ]);
    if ('found' in first) {
      end.abort(new KetError('KET_CANCELLED', 'Helm was ended: the release cannot become ready'));
      await helm.catch(() => undefined);
      throw await failureError(options, first.found, watch.stand(), proofs);
    }
    if (first.result.code !== 0 || first.result.timedOut)
      throw await helmError(options, first.result, watch.stand(), proofs, deps.clock.monotonic() - began);
    const leftMs = Math.round(release.limitMs - (deps.clock.monotonic() - began));
    await ownLook(deps, options, watch, proofs, { limitMs: Math.max(ownLookMs, leftMs), oldGone: false });
    await spreadLook(deps, options, watch, proofs);
  } finally {
    end.abort();
    watch.close();
  }
}

/**
 * Starts these workloads anew, and waits until it is available again. With a watch of its own: the first
 * list of it is from after the change, so what was available before counts for nothing.
 */
export async function renewRelease(
  deps: Deps,
  options: InstallOptions,
  stale: readonly ObjectRef[],
  mark: string,
): Promise<readonly string[]> {
  const { cluster, release, signal } = options;
  const restarted = await restart(cluster.kube, stale, mark, signal);
  if (restarted.length === 0) return restarted;
  const watch = watchRelease(cluster.kube, deps.clock, release, options.shared, await watchMore(options));
  try {
    const proofs = evidence(cluster.kube, release.namespace, options.folder);
    await ownLook(deps, options, watch, proofs, { limitMs: release.limitMs, oldGone: true });
    await spreadLook(deps, options, watch, proofs);
  } finally {
    watch.close();
  }
  return restarted;
}

/**
 * Looks whether a release that is there already is ready, and waits until it is. False when a workload of it lacks: then
 * somebody removed it, and only Helm brings it back.
 */
export async function lookAgain(
  deps: Deps,
  options: InstallOptions,
  workloads: readonly string[],
): Promise<boolean> {
  const { cluster, release, signal } = options;
  const watch = watchRelease(cluster.kube, deps.clock, release, options.shared, {
    ...(await watchMore(options)),
    sameClock: true,
  });
  try {
    const lacks = (stand: ReleaseStand): boolean => workloads.some((name) => !stand.workloads.includes(name));
    if (await watch.until((stand) => lacks(stand), signal)) return false;
    const proofs = evidence(cluster.kube, release.namespace, options.folder);
    const said = `release ${release.name} is unchanged`;
    await ownLook(deps, options, watch, proofs, { limitMs: release.limitMs, oldGone: false, said });
    await spreadLook(deps, options, watch, proofs);
    return true;
  } finally {
    watch.close();
  }
}

/** What the watch is told: which definitions to wait for, and how claims are bound, where that may be read. */
async function watchMore({ cluster, objects = [], signal }: InstallOptions): Promise<WatchMore> {
  const definitions = objects.flatMap(({ kind, metadata }) =>
    kind === 'CustomResourceDefinition' ? (metadata?.name ?? []) : [],
  );
  const classes = await cluster.kube
    .list<StorageClass>({ apiVersion: 'storage.k8s.io/v1', kind: 'StorageClass' }, signal)
    .catch((): StorageClass[] => []);
  return { definitions, classes };
}

async function runHelm(
  deps: Deps,
  options: InstallOptions,
  hooksOnly: boolean,
  signal: AbortSignal,
): Promise<ExecResult> {
  const { cluster, release, chart } = options;
  const { kubeconfig } = cluster;
  await fs.promises.mkdir(options.folder, { recursive: true, mode: 0o700 });
  const result = await deps.exec({
    argv: installArgv({
      ...{ helm: options.helm, helmVersion: options.helmVersion, kubeconfig, release, chart, hooksOnly },
      namespaceIsThere: options.namespaceIsThere === true,
    }),
    env: helmEnv(deps.env, kubeconfig),
    ...(hasInput(release) ? { stdin: Readable.from([inputOf(release, deps.env)]) } : {}),
    limitMs: release.limitMs + helmGraceMs,
    signal,
  });
  const text = `${result.stdout}${result.stderr}`;
  await fs.promises.writeFile(path.join(options.folder, 'helm.log'), text, { mode: 0o600 });
  return result;
}

interface OwnLook {
  readonly limitMs: number;
  /** Pods that are on their way out must be gone. */
  readonly oldGone: boolean;
  /** Why it should be ready; that Helm said so, unless given. */
  readonly said?: string;
}

/** ket's own proof that the release is there, whatever Helm's wait looked at. */
async function ownLook(
  { clock }: Deps,
  options: InstallOptions,
  watch: ReleaseWatch,
  proofs: Evidence,
  { limitMs, oldGone, said }: OwnLook,
): Promise<void> {
  const { release, signal } = options;
  const limit = AbortSignal.timeout(limitMs);
  let doubted: number | undefined;
  try {
    const failure = await watch.until<ReleaseFailure | 'ready'>(
      (stand) => {
        proofs.watchHooks(stand.everyPod);
        // A pod that is on its way out may still answer.
        const leaving = oldGone && stand.pods.some((pod) => pod.metadata?.deletionTimestamp !== undefined);
        if (stand.notAvailable.length > 0 || leaving) {
          options.awaiting(awaitingText(stand));
          return stand.failure;
        }
        if (stand.doubts.length === 0) return 'ready';
        options.awaiting(shortList(stand.doubts));
        doubted ??= clock.monotonic();
        return clock.monotonic() - doubted < doubtMs ? undefined : 'ready';
      },
      AbortSignal.any([signal, limit]),
    );
    if (failure !== 'ready') throw await failureError(options, failure, watch.stand(), proofs);
    for (const doubt of watch.stand().doubts)
      options.warn(`release ${release.name} is ready, but nobody answers for ${doubt}`);
  } catch (error) {
    signal.throwIfAborted();
    if (!limit.aborted) throw error;
    const stand = watch.stand();
    throw await notReady(
      options,
      `${said ?? `Helm said that release ${release.name} is ready`}, but ${formatMs(limitMs)} later it is not${said === undefined ? '' : ' ready'}`,
      stand,
      proofs,
    );
  }
}

/** A release that is ready is also on as many nodes as it must be. */
async function spreadLook(
  { clock }: Deps,
  { cluster, release, folder, signal, awaiting }: InstallOptions,
  watch: ReleaseWatch,
  proofs: Evidence,
): Promise<void> {
  const wanted = release.spread;
  if (wanted === undefined) return;
  const began = clock.monotonic();
  const short = await watch.until(({ pods }) => {
    const spread = spreadOf(pods);
    if (spread.nodes.length >= wanted) return 'spread';
    awaiting(spreadAwaited(spread, wanted));
    return clock.monotonic() - began < spreadMs ? undefined : spread;
  }, signal);
  if (short === 'spread') return;
  await proofs.save(watch.stand().pods);
  throw await spreadError(cluster.kube, release, wanted, short, folder);
}

async function failureError(
  options: InstallOptions,
  failure: ReleaseFailure,
  stand: ReleaseStand,
  proofs: Evidence,
): Promise<KetError> {
  const { release } = options;
  const [lines] = await Promise.all([failureLines(failure, proofs), proofs.save(stand.pods)]);
  return new KetError('KET_RELEASE', `release ${release.name} cannot become ready: ${failure.message}`, {
    where: options.folder,
    details: lines.length > 0 ? lines : await proofs.events(10),
    next: failureCure(options.delivered, failure),
  });
}

async function helmError(
  options: InstallOptions,
  result: ExecResult,
  stand: ReleaseStand,
  proofs: Evidence,
  ms: number,
): Promise<KetError> {
  const { release } = options;
  const said = helmSaid(result.stderr);
  // Helm may tell of a failed hook a moment before the watch does.
  if (stand.failure !== undefined) return failureError(options, stand.failure, stand, proofs);
  const overTime =
    result.timedOut || (ms >= release.limitMs && /deadline|timed out|timeout/i.test(said.join(' ')));
  if (overTime)
    return notReady(
      options,
      `release ${release.name} was not ready within ${formatMs(release.limitMs)}`,
      stand,
      proofs,
    );
  const hook = failedJob(said.join(' '));
  const lines = hook === undefined ? [] : await proofs.hooks(hook);
  await proofs.save(stand.pods);
  return new KetError('KET_RELEASE', `Helm could not install release ${release.name}`, {
    where: placeOf(release),
    details: [...said, ...lines],
    next: lines.length > 0 ? hookCure : helmCure(said.join('\n'), release),
  });
}

/** `resource Job/shop/migrate not ready. status: Failed` of Helm 4, `job migrate failed` of Helm 3. */
export function failedJob(said: string): string | undefined {
  return (
    /\bJob\/(?:[\w.-]+\/)?([\w.-]+) not ready/.exec(said)?.[1] ??
    /\bjob "?([\w.-]+)"? failed/i.exec(said)?.[1]
  );
}

/** Names what was not ready and why, with the last events and the last lines of the first container that is ill. */
async function notReady(
  options: InstallOptions,
  message: string,
  stand: ReleaseStand,
  proofs: Evidence,
): Promise<KetError> {
  const ill = stand.ill;
  const [events, lines] = await Promise.all([
    proofs.events(8),
    ill === undefined ? [] : proofs.lines(ill.pod, ill.container),
    proofs.save(stand.pods),
  ]);
  const log = lines.slice(-10);
  return new KetError(
    'KET_RELEASE',
    `${message}: ${shortList(stand.waitingSince) || 'Helm gave no reason'}`,
    {
      where: options.folder,
      details: [
        ...stand.waitingSince,
        ...events,
        ...(ill === undefined || log.length === 0
          ? []
          : [`last lines of ${ill.pod} ${ill.container}:`, ...log]),
      ],
      next: `see the pods, events and logs in ${options.folder}; raise the timeout of the release if it is only slow`,
    },
  );
}

/** What a pod does tells more than the count of its workload. */
const awaitingText = (stand: ReleaseStand): string =>
  stand.waitingFor.length === 0 ? 'Helm' : shortList([...stand.waitingSince].reverse());

function shortList(items: readonly string[]): string {
  const [first = '', ...more] = items;
  return more.length === 0 ? first : `${first}; and ${String(more.length)} more`;
}
