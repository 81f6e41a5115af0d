import type { Reflector } from '../model/kube.ts';

/**
 * Like `reflector.until`, but asks again every `everyMs` as well, for decisions that also depend on time (grace of a
 * failed pull, a backstop).
 */
export async function untilOrTick<T, R>(
  reflector: Reflector<T>,
  decide: (items: readonly T[]) => R | undefined,
  signal: AbortSignal,
  everyMs = 500,
): Promise<R> {
  for (;;) {
    const tick = new AbortController();
    const timer = setTimeout(() => tick.abort(), everyMs);
    try {
      return await reflector.until(decide, AbortSignal.any([signal, tick.signal]));
    } catch (error) {
      if (signal.aborted || !tick.signal.aborted) throw error;
    } finally {
      clearTimeout(timer);
    }
  }
}
