import path from 'node:path';
import { KetError, messageOf } from '../model/errors.ts';
import { formatMs } from '../model/format.ts';
import type { CheckPlan, Plan } from '../model/plan.ts';
import type { Vigil } from '../model/run.ts';
import type { TaskContext } from '../model/task.ts';
import { untilLost } from './lost.ts';
import { lookOf, type CheckPlace } from './run-check.ts';
import { proofsOf } from './service-proofs.ts';

/** One check that is watched, for all suites that require it. */
interface Watched {
  suites: number;
  /** Fires when the last of them has ended. */
  readonly over: AbortController;
  /** Fires with what was seen. */
  readonly lost: AbortController;
}

/**
 * Looks at checks again and again while suites run that require them. `placeOf`: from where, of those that have held.
 * With `onUnhealthy: report` it says what it sees, also that a check holds again, and never fires.
 */
export function vigilOver(
  { checks, onUnhealthy }: Pick<Plan, 'checks' | 'onUnhealthy'>,
  placeOf: (check: string) => CheckPlace | undefined,
): Vigil {
  const watched = new Map<string, Watched>();
  const begin = (check: CheckPlan, place: CheckPlace, context: TaskContext): Watched => {
    const one: Watched = { suites: 0, over: new AbortController(), lost: new AbortController() };
    watched.set(check.name, one);
    void watch(check, place, context, one, onUnhealthy).catch((error: unknown) => {
      if (one.over.signal.aborted) return;
      const text = `check ${check.name} is not looked at any more: ${messageOf(error)}`;
      context.emit({ type: 'notice', level: 'warning', text });
    });
    return one;
  };
  return (names, context) => {
    const wanted = checks.flatMap((check) => {
      const place = placeOf(check.name);
      if (check.during !== true || place === undefined || !names.includes(check.name)) return [];
      const one = watched.get(check.name) ?? begin(check, place, context);
      one.suites += 1;
      return [{ name: check.name, one }];
    });
    return {
      signals: wanted.map(({ one }) => one.lost.signal),
      end() {
        for (const { name, one } of wanted) {
          one.suites -= 1;
          if (one.suites > 0) continue;
          one.over.abort(new KetError('KET_CANCELLED', 'no suite runs that requires it'));
          if (watched.get(name) === one) watched.delete(name);
        }
      },
    };
  };
}

async function watch(
  check: CheckPlan,
  place: CheckPlace,
  context: TaskContext,
  { over, lost }: Watched,
  onUnhealthy: Plan['onUnhealthy'],
): Promise<void> {
  const { clock } = context.deps;
  const { signal } = over;
  const { look, end } = await lookOf(check, place, { ...context, awaiting: () => undefined }, signal);
  const say = (text: string): void => context.emit({ type: 'notice', level: 'warning', text });
  try {
    for (;;) {
      const { faults, services = [] } = await untilLost(look, { clock, limitMs: check.limitMs, signal });
      const folder = path.join(place.folder, 'checks', check.name);
      const proofs = await proofsOf(place.kube, services, folder).catch(() => []);
      const [fault = ''] = faults;
      const said = proofs.length === 0 ? '' : `; ${proofs.join(' | ').slice(0, 1000)}`;
      const error = new KetError(
        'KET_CHECK',
        `check ${check.name} did not hold for ${formatMs(check.limitMs)} while suites ran: ${fault}${said}`,
        {
          where: folder,
          details: [...faults.slice(1), ...proofs],
          next: `see the pods, events and logs in ${folder}; \`onUnhealthy: report\` goes on nevertheless`,
        },
      );
      if (onUnhealthy === 'fail') {
        lost.abort(error);
        return;
      }
      say(error.message);
      await untilLost(look, { clock, limitMs: 0, signal, wanted: 'holds' });
      say(`check ${check.name} holds again`);
    }
  } finally {
    await end().catch(() => undefined);
  }
}
