import path from 'node:path';
import { KetError } from '../model/errors.ts';
import { formatMs } from '../model/format.ts';
import type { Plan, ReleasePlan } from '../model/plan.ts';
import type { ClusterHandle } from '../model/run.ts';
import type { TaskContext } from '../model/task.ts';
import { evidence } from './evidence.ts';
import { failureLines } from './failure.ts';
import { watchRelease, type ReleaseStand, type ReleaseWatch } from './watch.ts';

/** Fires with a KetError when a release that was ready is not fit to be tested any more. */
export type Guard = (name: string, cluster: ClusterHandle, context: TaskContext) => AbortSignal;

/** A pod may be replaced, and a probe may fail for a moment. */
const lostMs = 30_000;

/**
 * Watches the releases of a plan while suites run, each from the first suite on that needs it until the client of the
 * cluster is closed. With `onUnhealthy: report` it says what it sees, and never fires.
 */
export function releaseGuard(plan: Plan, folder: string): Guard {
  const guarded = new Map<string, AbortSignal>();
  return (name, cluster, context) => {
    const known = guarded.get(name);
    if (known !== undefined) return known;
    const end = new AbortController();
    guarded.set(name, end.signal);
    const release = plan.releases.find((one) => one.name === name);
    if (release !== undefined)
      void watched(plan, release, cluster, context, path.join(folder, 'releases', name)).then((error) => {
        if (error === undefined) return;
        if (plan.onUnhealthy === 'fail') end.abort(error);
        else context.emit({ type: 'notice', level: 'warning', text: error.message });
      });
    return end.signal;
  };
}

/** Resolves with what is wrong, or with undefined when nobody watches any more. */
async function watched(
  plan: Plan,
  release: ReleasePlan,
  { kube }: ClusterHandle,
  { deps }: TaskContext,
  folder: string,
): Promise<KetError | undefined> {
  const shared = plan.releases.some((other) => other !== release && other.namespace === release.namespace);
  const watch = watchRelease(kube, deps.clock, release, shared);
  const proofs = evidence(kube, release.namespace, folder);
  try {
    const lost = lostFor(lostMs);
    const why = await watch.until(
      (stand) => failureOf(stand) ?? lost(stand, deps.clock.monotonic()),
      new AbortController().signal,
    );
    const lines = await linesOf(watch, proofs);
    await proofs.save(watch.stand().pods);
    const last = lines.findLast((line) => line.trim() !== '');
    const said = last === undefined ? '' : `; last line: ${last.slice(0, 200)}`;
    return new KetError(
      'KET_RELEASE',
      `release ${release.name} became unhealthy while suites ran: ${why}${said}`,
      {
        where: folder,
        details: lines,
        next: `see the pods, events and logs in ${folder}; \`onUnhealthy: report\` goes on nevertheless`,
      },
    );
  } catch {
    // The client was closed: the run is over. Were the watch refused, suites would be too.
    return undefined;
  } finally {
    watch.close();
  }
}

/** An install hook that failed before is the business of the installation. */
const failureOf = ({ failure }: ReleaseStand): string | undefined =>
  failure === undefined || failure.kind === 'hook' ? undefined : failure.message;

/** Workloads that have been unavailable for so long without a break. */
function lostFor(limitMs: number): (stand: ReleaseStand, now: number) => string | undefined {
  let since: number | undefined;
  return ({ notAvailable }, now) => {
    const lost = notAvailable.filter((text) => /^(Deployment|StatefulSet|DaemonSet) /.test(text));
    if (lost.length === 0) since = undefined;
    else since ??= now;
    if (since === undefined || now - since < limitMs) return undefined;
    return `${lost.join('; ')} for ${formatMs(limitMs)}`;
  };
}

async function linesOf(watch: ReleaseWatch, proofs: ReturnType<typeof evidence>): Promise<readonly string[]> {
  const { failure, ill } = watch.stand();
  if (failure !== undefined) return failureLines(failure, proofs);
  return ill === undefined ? proofs.events(5) : proofs.lines(ill.pod, ill.container);
}
