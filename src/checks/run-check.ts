import fs from 'node:fs';
import path from 'node:path';
import { KetError } from '../model/errors.ts';
import { formatMs } from '../model/format.ts';
import type { Kube } from '../model/kube.ts';
import type { CheckPlan } from '../model/plan.ts';
import type { TaskContext } from '../model/task.ts';
import type { Ground } from './ground.ts';
import { untilHolds, type Look, type Seen } from './look.ts';
import type { Host } from './alone.ts';
import { lookAlone } from './look-alone.ts';
import { lookAtNetwork } from './look-network.ts';
import { isPiped, lookOverPipe } from './look-piped.ts';
import { lookAtPolicy, whoTries } from './look-policy.ts';
import { lookAtAddress, lookAtJob, lookAtWorkload, lookByCommand } from './look-simple.ts';
import type { Place } from './places.ts';
import { proofsOf } from './service-proofs.ts';

export interface CheckPlace {
  readonly kube: Kube;
  /** That the check is about, as Helm calls them. */
  readonly releases: readonly string[];
  /** All of the tier. */
  readonly hosts: readonly Host[];
  /** Of the run. */
  readonly folder: string;
  /** For checks that look from pods. */
  readonly ground: Ground | undefined;
  /** From where it looks. */
  readonly places: readonly Place[];
}

const shownFaults = 10;

/** One check, until it holds or its limits are over. Rejects with a KetError when it does not hold. */
export async function runCheck(check: CheckPlan, place: CheckPlace, context: TaskContext): Promise<void> {
  const { clock } = context.deps;
  const folder = path.join(place.folder, 'checks', check.name);
  const total = AbortSignal.timeout(check.totalMs);
  const signal = AbortSignal.any([context.signal, total]);
  const awaiting = (what: string): void => context.awaiting(what);
  const began = clock.monotonic();
  const { look, end } = await lookOf(check, place, context, signal);
  let seen: Seen;
  try {
    const limitMs = Math.min(check.limitMs, check.totalMs);
    seen = await untilHolds(look, { clock, limitMs, signal, awaiting });
  } catch (error) {
    if (!total.aborted || context.signal.aborted) throw error;
    seen = { faults: [`not done within ${formatMs(check.totalMs)}`] };
  } finally {
    // What cannot be removed now goes with its owner, which the state of the run lists.
    await end().catch(() => undefined);
  }
  save(folder, check, seen, Math.round(clock.monotonic() - began));
  for (const text of seen.notes ?? [])
    context.emit({ type: 'notice', level: 'info', text: `check ${check.name}: ${text}` });
  if (seen.faults.length > 0) throw await errorOf(check, seen, folder, place.kube);
}

interface Prepared {
  readonly look: Look;
  /** Removes what was made for it. */
  readonly end: () => Promise<void>;
}

const nothing = (): Promise<void> => Promise.resolve();

/** What is looked at, with what it needs for it. */
export async function lookOf(
  check: CheckPlan,
  { kube, releases, hosts, ground, places }: CheckPlace,
  context: Pick<TaskContext, 'deps' | 'awaiting'>,
  signal: AbortSignal,
): Promise<Prepared> {
  const { deps } = context;
  const awaiting = (text: string): void => context.awaiting(text);
  const { look: what, namespaces, name } = check;
  if (what.kind === 'exec') return { look: lookByCommand(kube, what, check), end: nothing };
  if (what.kind === 'workload') return { look: lookAtWorkload(kube, what, check), end: nothing };
  if (what.kind === 'job') return { look: lookAtJob(kube, what, check), end: nothing };
  if (what.kind === 'alone')
    return { look: lookAlone(kube, { namespaces, hosts, besides: what.besides }), end: nothing };
  if (ground === undefined) throw new KetError('KET_INTERNAL', `there is no pod for check ${name}`);
  const { domain } = ground;
  if (what.kind !== 'policy') {
    const stands = await Promise.all(
      places.map((place) => ground.standIn(place, namespaces, signal, awaiting)),
    );
    if (stands.some(({ length }) => length === 0))
      throw new KetError('KET_INTERNAL', `there is no pod for check ${name}`);
    if (what.kind === 'network') {
      const word = name.replaceAll(/[^a-z0-9]/g, '-');
      const pods = ground.pods(namespaces);
      const seekers = stands.flat();
      return {
        look: lookAtNetwork({ kube, pods, seekers, namespaces, releases, domain, word }),
        end: nothing,
      };
    }
    const seekers = stands.flatMap(([first]) => first ?? []);
    const look = isPiped(what)
      ? lookOverPipe(kube, seekers, what, check)
      : lookAtAddress(kube, seekers, what, check);
    return { look, end: nothing };
  }
  const enforced = await ground.enforced(deps.clock, signal);
  const standing = await ground.startFor(whoTries(what), namespaces, signal, awaiting);
  return {
    look: lookAtPolicy(kube, what, standing, { enforced, namespaces, domain }),
    end: () => ground.removePods(standing),
  };
}

/** `check.json`: what was looked at and what it came to. */
function save(folder: string, { name, look }: CheckPlan, seen: Seen, checkMs: number): void {
  const { faults, notes = [] } = seen;
  fs.mkdirSync(folder, { recursive: true, mode: 0o700 });
  const text = JSON.stringify(
    { v: 1, name, look, holds: faults.length === 0, checkMs, faults, notes },
    null,
    2,
  );
  fs.writeFileSync(path.join(folder, 'check.json'), `${text}\n`, { mode: 0o600 });
}

async function errorOf(check: CheckPlan, seen: Seen, folder: string, kube: Kube): Promise<KetError> {
  const [first = '', ...more] = seen.faults;
  const shown = more.slice(0, shownFaults);
  const rest = more.length - shown.length;
  const proofs = await proofsOf(kube, seen.services ?? [], folder).catch(() => []);
  return new KetError('KET_CHECK', `check ${check.name}: ${first}`, {
    where: folder,
    details: [...shown, ...(rest > 0 ? [`… and ${String(rest)} more`] : []), ...proofs],
    next: 'see the likely cause in the message; `ket check` looks again, without suites',
  });
}
