import type { Clock } from '../model/deps.ts';
import { KetError, type ErrorCode } from '../model/errors.ts';
import { formatMs } from '../model/format.ts';
import type { Kube } from '../model/kube.ts';
import { queryOf } from './paths.ts';
import {
  blockerText,
  isTerminating,
  remainingIn,
  terminatingCure,
  whyTerminating,
  type Blocker,
  type Namespace,
  type Remaining,
} from './terminating.ts';

export interface AwaitGoneOptions {
  readonly clock: Clock;
  /** How long to wait, ms. */
  readonly limitMs: number;
  /** With this, one whose deletion began longer ago than the limit is waited for only so long if something blocks it, ms. */
  readonly leastMs?: number;
  /** Code of the error when it does not go. */
  readonly code: ErrorCode;
  readonly signal?: AbortSignal;
  readonly awaiting?: (what: string) => void;
}

type Reads = Pick<Kube, 'get' | 'text'>;

const everyMs = 500;
/** For finding out what blocks it, when the limit is over. */
const lookMs = 15_000;

/**
 * Waits for a namespace that is being deleted to be gone; one that is not being deleted is not waited for. When it
 * does not go: an error that names it, its conditions, the objects whose finalizers keep it, and the cure. Resolves
 * with how long it waited, ms.
 */
export async function namespaceGone(kube: Reads, name: string, options: AwaitGoneOptions): Promise<number> {
  const { clock, limitMs, signal } = options;
  const began = clock.monotonic();
  const ref = { apiVersion: 'v1', kind: 'Namespace', name };
  const uid = (namespace: Namespace): string | undefined => namespace.metadata?.uid;
  let first: Namespace | undefined;
  let earlyMs = 0;
  for (;;) {
    const now = await kube.get<Namespace>(ref, signal);
    const waited = Math.round(clock.monotonic() - began);
    // Made anew by somebody meanwhile: the one that was to go is gone.
    if (now === undefined || !isTerminating(now) || (first !== undefined && uid(now) !== uid(first)))
      return waited;
    if (first === undefined) {
      first = now;
      earlyMs = earlyLimit(first, options);
    }
    if (waited >= earlyMs) {
      const blockers = await blockersIn(kube, now, signal);
      if (waited >= limitMs || blockers.length > 0) throw stuck(now, blockers, waited, options.code);
      // What blocked it may have been cured; the cluster takes its time to see that.
      earlyMs = limitMs;
    }
    const why = whyTerminating(now)[0];
    options.awaiting?.(
      `namespace ${name}, which is being deleted, to be gone${why === undefined ? '' : `: ${why}`}`,
    );
    await clock.sleep(Math.min(everyMs, earlyMs - waited), signal);
  }
}

/** Counted from now; whose deletion began before has less time left. */
function earlyLimit(namespace: Namespace, { clock, limitMs, leastMs }: AwaitGoneOptions): number {
  const since = Date.parse(namespace.metadata?.deletionTimestamp ?? '');
  if (leastMs === undefined || Number.isNaN(since)) return limitMs;
  return Math.min(limitMs, Math.max(leastMs, limitMs - (clock.now() - since)));
}

function stuck(
  namespace: Namespace,
  blockers: readonly Blocker[],
  waitedMs: number,
  code: ErrorCode,
): KetError {
  const since = namespace.metadata?.deletionTimestamp ?? '';
  const lines = [...whyTerminating(namespace), ...blockers.map(blockerText)];
  const summary = blockers[0] === undefined ? lines[0] : blockerText(blockers[0]);
  return new KetError(
    code,
    `namespace ${namespace.metadata?.name ?? ''} is being deleted since ${since} and did not go within ` +
      `${formatMs(waitedMs)}${summary === undefined ? '; the cluster gives no reason' : `: ${summary}`}`,
    { details: lines, next: terminatingCure(namespace, blockers) },
  );
}

/** Objects that are named; more of them would say no more. */
const mostBlockers = 10;
const mostObjects = 200;

interface Listed {
  readonly items?: readonly {
    readonly metadata?: { readonly name?: string; readonly finalizers?: readonly string[] };
  }[];
}

/** The objects with finalizers among what remains in a namespace. What cannot be read is left out. */
async function blockersIn(
  kube: Reads,
  namespace: Namespace,
  outer: AbortSignal | undefined,
): Promise<Blocker[]> {
  const limit = AbortSignal.timeout(lookMs);
  const signal = outer === undefined ? limit : AbortSignal.any([outer, limit]);
  const found: Blocker[] = [];
  for (const remaining of remainingIn(namespace)) {
    try {
      const path = await collectionPath(kube, remaining, namespace.metadata?.name ?? '', signal);
      const { items } = JSON.parse(await kube.text(path, signal)) as Listed;
      for (const { metadata } of items ?? [])
        if ((metadata?.finalizers ?? []).length > 0)
          found.push({ ...remaining, name: metadata?.name ?? '', finalizers: metadata?.finalizers ?? [] });
    } catch {
      // The conditions, which are said in any case, have at least the kind and the number.
      if (signal.aborted) break;
    }
  }
  return found.slice(0, mostBlockers);
}

/** A condition names no version: the group's preferred one. */
async function collectionPath(
  kube: Reads,
  { resource, group }: Remaining,
  namespace: string,
  signal: AbortSignal,
): Promise<string> {
  const version =
    group === ''
      ? '/api/v1'
      : `/apis/${(JSON.parse(await kube.text(`/apis/${group}`, signal)) as { preferredVersion: { groupVersion: string } }).preferredVersion.groupVersion}`;
  return `${version}/namespaces/${encodeURIComponent(namespace)}/${resource}${queryOf({ limit: mostObjects })}`;
}
