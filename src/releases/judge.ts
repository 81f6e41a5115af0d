import type { V1Job } from '@kubernetes/client-node';
import type { Wire } from '../model/kube.ts';
import {
  containersOf,
  isOfJob,
  isOver,
  isReady,
  podName,
  podTrouble,
  podUid,
  readySince,
  type Pod,
  type PodContainer,
} from './pod-state.ts';

export type Job = Wire<V1Job>;

/** Why a release cannot become ready any more. */
export interface ReleaseFailure {
  readonly kind: 'crash-loop' | 'image' | 'configuration' | 'hook' | 'job';
  /** One sentence. */
  readonly message: string;
  /** Absent for a hook whose pod is not known. */
  readonly pod?: string;
  readonly container?: string;
  /** The image that cannot be had. */
  readonly image?: string;
  readonly job?: string;
}

export interface ReleaseView {
  readonly failure?: ReleaseFailure;
  /** What is not ready, each with its state. */
  readonly waitingFor: readonly string[];
}

/** No waiting makes these right. */
const hopeless = ['ErrImageNeverPull', 'InvalidImageName'];
/** A registry may answer the second time; a ConfigMap may come a little later than its reader. */
const pulling = ['ErrImagePull', 'ImagePullBackOff', 'ImageInspectError', 'RegistryUnavailable'];
const configuration = ['CreateContainerConfigError', 'CreateContainerError'];
const graceMs = 30_000;

/** From so many restarts on a crash loop is judged … */
const crashRestarts = 2;
/** … and from so many on without regard to what else is still starting. */
const crashRestartsAtMost = 5;

export interface PodJudge {
  /** `now` is Unix time, ms, of the same clock as the cluster's. */
  look(pods: readonly Pod[], jobs: readonly Job[], now: number): ReleaseView;
}

/**
 * Judges the pods of a release while Helm waits: what is waited for, and what makes waiting useless. It remembers
 * since when something was wrong, and the restarts that a container had before this install. `release`: what Helm calls
 * it; the Jobs of its manifest count too.
 */
export function podJudge(release?: string): PodJudge {
  const since = new Map<string, number>();
  /** Restarts at the first look; what comes later began with none. */
  let baseline: ReadonlyMap<string, number> | undefined;
  return {
    look(pods, jobs, now) {
      const live = pods.filter((pod) => !isOver(pod));
      const containers = live.flatMap(containersOf);
      baseline ??= new Map(containers.map((container) => [keyOf(container), container.status.restartCount]));
      const wrong = new Set<string>();
      let failure = failedJob(jobs, release);
      for (const container of containers) {
        const key = keyOf(container);
        const reason = container.status.state?.waiting?.reason ?? '';
        const graced = pulling.includes(reason) || configuration.includes(reason);
        if (graced) wrong.add(key);
        if (graced && !since.has(key)) since.set(key, now);
        const long = graced && now - (since.get(key) ?? now) >= graceMs;
        failure ??= cannotStart(container, reason, long);
        failure ??= crashLoop(container, container.status.restartCount - (baseline.get(key) ?? 0), live);
      }
      for (const key of since.keys()) if (!wrong.has(key)) since.delete(key);
      const waitingFor = live.flatMap((pod) => {
        const trouble = podTrouble(pod);
        return trouble === undefined ? [] : [`pod ${podName(pod)}: ${trouble}`];
      });
      return { ...(failure === undefined ? {} : { failure }), waitingFor };
    },
  };
}

const keyOf = (container: PodContainer): string => `${podUid(container.pod)} ${container.name}`;

/** A Job that Helm runs at install or upgrade, or one of the release's manifest, that has failed for good. */
function failedJob(jobs: readonly Job[], release: string | undefined): ReleaseFailure | undefined {
  for (const job of jobs) {
    const failed = job.status?.conditions?.find((item) => item.type === 'Failed' && item.status === 'True');
    if (failed === undefined) continue;
    const isHook = isInstallHook(job);
    if (!isHook && (release === undefined || job.metadata?.annotations?.[releaseName] !== release)) continue;
    const name = job.metadata?.name ?? '';
    const why = failed.message ?? failed.reason ?? 'no reason given';
    return {
      kind: isHook ? 'hook' : 'job',
      job: name,
      message: `${isHook ? 'hook ' : ''}Job ${name} failed: ${why}`,
    };
  }
  return undefined;
}

/** Helm writes it on everything of a release's manifest. */
export const releaseName = 'meta.helm.sh/release-name';

/** Test, delete and rollback hooks are not run by an install. */
export function isInstallHook(job: Job): boolean {
  const hooks = (job.metadata?.annotations?.['helm.sh/hook'] ?? '').split(',').map((hook) => hook.trim());
  return hooks.some((hook) => /^(pre|post)-(install|upgrade)$/.test(hook));
}

function cannotStart(container: PodContainer, reason: string, long: boolean): ReleaseFailure | undefined {
  const { pod, name, status } = container;
  const said = status.state?.waiting?.message;
  const where = { pod: podName(pod), container: name };
  const text = `container ${name} of pod ${podName(pod)}`;
  const why = `${reason}${said === undefined ? '' : `: ${said}`}`;
  if (hopeless.includes(reason) || (long && pulling.includes(reason)))
    return {
      kind: 'image',
      ...where,
      image: status.image,
      message: `${text} has no image ${status.image} (${why})`,
    };
  if (long && configuration.includes(reason))
    return { kind: 'configuration', ...where, message: `${text} cannot be made (${why})` };
  return undefined;
}

/**
 * A crash loop that will not end by itself. A service that ends because its database is not up yet crashes too, and
 * comes right later: so the crash counts only when its container began after everything else was ready.
 */
function crashLoop(
  container: PodContainer,
  restarts: number,
  live: readonly Pod[],
): ReleaseFailure | undefined {
  const { pod, name, status } = container;
  if (status.state?.waiting?.reason !== 'CrashLoopBackOff' || restarts < crashRestarts) return undefined;
  // A Job has its own limit of tries, and its end is the hook's.
  if (isOfJob(pod)) return undefined;
  const end = status.lastState?.terminated;
  const others = live.filter((other) => other !== pod && !isCrashing(other) && !isOfJob(other));
  const began = Date.parse(end?.startedAt ?? '') || 0;
  const alone = others.every((other) => isReady(other) && readySince(other) < began);
  if (!alone && restarts < crashRestartsAtMost) return undefined;
  const how = end === undefined ? '' : `, last with exit code ${String(end.exitCode)}${reasonOf(end.reason)}`;
  return {
    kind: 'crash-loop',
    pod: podName(pod),
    container: name,
    message: `container ${name} of pod ${podName(pod)} crashed ${String(restarts + 1)} times${how}`,
  };
}

const reasonOf = (reason: string | undefined): string =>
  reason === undefined || reason === 'Error' ? '' : ` (${reason})`;

const isCrashing = (pod: Pod): boolean =>
  containersOf(pod).some(({ status }) => status.restartCount > 0 && !status.ready);
