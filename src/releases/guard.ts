import path from 'node:path';
import { KetError } from '../model/errors.ts';
import { formatMs } from '../model/format.ts';
import type { Plan, ReleasePlan } from '../model/plan.ts';
import type { Guard } from '../model/run.ts';
import type { TaskContext } from '../model/task.ts';
import { evidence } from './evidence.ts';
import { failureLines } from './failure.ts';
import { watchRelease, type ReleaseStand, type ReleaseWatch } from './watch.ts';

/** A pod may be replaced, and a probe may fail for a moment. */
const lostMs = 30_000;

/** The guards of a run's releases, and what they see. */
export interface Guards {
  readonly guard: Guard;
  /** Why, by the name of the release, of those that are unavailable now; with `onUnhealthy: report` only. */
  readonly unavailable: ReadonlyMap<string, string>;
}

/**
 * Watches the releases of a plan while suites run, each from the first suite on that needs it until the client of the
 * cluster is closed. With `onUnhealthy: report` it says what it sees, also that a release is back, and never fires.
 */
export function releaseGuard(plan: Plan, folder: string): Guards {
  const guarded = new Map<string, AbortSignal>();
  const unavailable = new Map<string, string>();
  const guard: Guard = (name, cluster, context) => {
    const known = guarded.get(name);
    if (known !== undefined) return known;
    const end = new AbortController();
    guarded.set(name, end.signal);
    const release = plan.releases.find((one) => one.name === name);
    if (release === undefined) return end.signal;
    const shared =
      release.installed === true ||
      plan.releases.some((other) => other !== release && other.namespace === release.namespace);
    const watch = watchRelease(cluster.kube, context.deps.clock, release, shared);
    const saved = path.join(folder, 'releases', name);
    const proofs = evidence(cluster.kube, release.namespace, saved);
    void (async () => {
      for (;;) {
        const why = await untilUnhealthy(watch, context);
        if (plan.onUnhealthy === 'report') unavailable.set(name, why);
        const error = await told(release, why, watch, proofs, saved);
        if (plan.onUnhealthy === 'fail') {
          end.abort(error);
          return;
        }
        context.emit({ type: 'notice', level: 'warning', text: error.message });
        await untilReady(watch);
        unavailable.delete(name);
        context.emit({ type: 'notice', level: 'warning', text: `release ${name} is available again` });
      }
    })()
      // The client was closed: the run is over. Were the watch refused, suites would be too.
      .catch(() => undefined)
      .finally(() => watch.close());
    return end.signal;
  };
  return { guard, unavailable };
}

/** Waits for what the client's end alone cuts short. */
const never = (): AbortSignal => new AbortController().signal;

async function untilUnhealthy(watch: ReleaseWatch, { deps }: TaskContext): Promise<string> {
  const lost = lostFor(lostMs);
  return watch.until((stand) => failureOf(stand) ?? lost(stand, deps.clock.monotonic()), never());
}

const untilReady = (watch: ReleaseWatch): Promise<true> =>
  watch.until((stand) => ((failureOf(stand) ?? lostOf(stand)[0]) === undefined ? true : undefined), never());

/** What is wrong, with what the service said last; its logs and events are saved. */
async function told(
  release: ReleasePlan,
  why: string,
  watch: ReleaseWatch,
  proofs: ReturnType<typeof evidence>,
  folder: string,
): Promise<KetError> {
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
}

/** A Job that failed is the business of the installation. */
const failureOf = ({ failure }: ReleaseStand): string | undefined =>
  failure === undefined || failure.kind === 'hook' || failure.kind === 'job' ? undefined : failure.message;

const lostOf = ({ notAvailable }: Pick<ReleaseStand, 'notAvailable'>): readonly string[] =>
  notAvailable.filter((text) => /^(Deployment|StatefulSet|DaemonSet) /.test(text));

/** Workloads that have been unavailable for so long without a break. */
function lostFor(limitMs: number): (stand: ReleaseStand, now: number) => string | undefined {
  let since: number | undefined;
  return ({ notAvailable }, now) => {
    const lost = lostOf({ notAvailable });
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
