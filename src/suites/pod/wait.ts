import type { Part } from './view.ts';

/**
 * Like `part.until`, but asks again every `everyMs` as well, for decisions that also depend on time (grace of a
 * failed pull, a backstop).
 */
export async function untilOrTick<T, R>(
  part: Part<T>,
  decide: (items: readonly T[]) => R | undefined,
  signal: AbortSignal,
  everyMs = 500,
): Promise<R> {
  for (;;) {
    const tick = new AbortController();
    const timer = setTimeout(() => tick.abort(), everyMs);
    try {
      return await part.until(decide, AbortSignal.any([signal, tick.signal]));
    } catch (error) {
      if (signal.aborted || !tick.signal.aborted) throw error;
    } finally {
      clearTimeout(timer);
    }
  }
}
