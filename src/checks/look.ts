import type { Clock } from '../model/deps.ts';
import { messageOf } from '../model/errors.ts';

/** What one look came to. */
export interface Seen {
  /** What is wrong, each as a person reads it; empty: the check holds. */
  readonly faults: readonly string[];
  /** No later look can be better. */
  readonly final?: boolean;
  /** Services that the faults are about, as `namespace/name`. */
  readonly services?: readonly string[];
  /** What was not looked at, and why. */
  readonly notes?: readonly string[];
}

export type Look = (signal: AbortSignal) => Promise<Seen>;

/** Between two looks. */
const pauseMs = 500;

/** Looks until there is no fault or the limit is over; the last look is what counts. */
export async function untilHolds(
  look: Look,
  options: {
    readonly clock: Clock;
    /** For the whole of it, ms. */
    readonly limitMs: number;
    readonly signal: AbortSignal;
    readonly awaiting: (what: string) => void;
  },
): Promise<Seen> {
  const { clock, limitMs, signal } = options;
  const until = clock.monotonic() + limitMs;
  for (;;) {
    const seen = await look(signal).catch((error: unknown): Seen => {
      signal.throwIfAborted();
      return { faults: [`ket could not look: ${messageOf(error)}`] };
    });
    if (seen.faults.length === 0 || seen.final === true || clock.monotonic() + pauseMs >= until) return seen;
    options.awaiting(seen.faults[0] ?? '');
    await clock.sleep(pauseMs, signal);
  }
}
