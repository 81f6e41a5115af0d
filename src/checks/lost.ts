import type { Clock } from '../model/deps.ts';
import type { Look, Seen } from './look.ts';

/** Between two looks while all is well: each costs a process in a pod. */
const calmMs = 10_000;
/** The same while something is wrong. */
const doubtMs = 2_000;

/**
 * Looks until the check has not held for so long without a break (or, `wanted: 'holds'`, until it holds); resolves with
 * the last look. A look that ket could not make says nothing of the check.
 */
export async function untilLost(
  look: Look,
  options: {
    readonly clock: Clock;
    readonly limitMs: number;
    readonly signal: AbortSignal;
    readonly wanted?: 'holds';
  },
): Promise<Seen> {
  const { clock, limitMs, signal, wanted } = options;
  let since: number | undefined;
  for (;;) {
    await clock.sleep(since === undefined && wanted === undefined ? calmMs : doubtMs, signal);
    const began = clock.monotonic();
    const seen = await look(signal).catch((): undefined => {
      signal.throwIfAborted();
      return undefined;
    });
    if (seen === undefined) continue;
    if (seen.faults.length === 0) {
      if (wanted === 'holds') return seen;
      since = undefined;
      continue;
    }
    since ??= began;
    if (wanted === undefined && clock.monotonic() - since >= limitMs) return seen;
  }
}
