import { setTimeout as delay } from 'node:timers/promises';

/** What was thrown, as an Error; `instanceof` does not know errors of another realm (vm, workers). */
export function asError(thrown: unknown): Error {
  return isError(thrown) ? thrown : new Error(String(thrown));
}

function isError(thrown: unknown): thrown is Error {
  return typeof thrown === 'object' && thrown !== null && 'message' in thrown && 'name' in thrown;
}

/** Why a signal fired, as an Error. */
export const reasonOf = (signal: AbortSignal): Error => asError(signal.reason);

export function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted === true) throw reasonOf(signal);
}

/** Waits; rejects with the signal's own reason (node's timer would hide it in an AbortError). */
export async function sleep(ms: number, signal: AbortSignal): Promise<void> {
  throwIfAborted(signal);
  try {
    await delay(ms, undefined, { signal });
  } catch (error) {
    throwIfAborted(signal);
    throw error;
  }
}

/** A promise that cannot be stopped itself, given up when the signal fires. */
export async function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  let untie = (): void => undefined;
  const aborted = new Promise<never>((_resolve, reject) => {
    untie = onAbort(signal, () => reject(reasonOf(signal)));
  });
  try {
    return await Promise.race([promise, aborted]);
  } finally {
    untie();
  }
}

/** Calls `listener` once when the signal fires, at once when it has; the result takes it back. */
export function onAbort(signal: AbortSignal | undefined, listener: () => void): () => void {
  if (signal === undefined) return () => undefined;
  if (signal.aborted) {
    listener();
    return () => undefined;
  }
  signal.addEventListener('abort', listener, { once: true });
  return () => signal.removeEventListener('abort', listener);
}

/**
 * A controller that also fires with any of the given signals. `release` unties it: a signal of a whole run outlives
 * thousands of requests, and must not keep a listener for each.
 */
export function linked(
  ...signals: readonly (AbortSignal | undefined)[]
): AbortController & { release(): void } {
  const controller = new AbortController();
  const ties = signals.map((signal) => onAbort(signal, () => controller.abort(signal?.reason)));
  const release = (): void => {
    for (const untie of ties) untie();
  };
  return Object.assign(controller, { release });
}

/** Pause before attempt `n` (1, 2 …): doubled each time, with jitter so that many clients do not come at once. */
export function backoff(n: number, firstMs: number, maxMs: number, random: () => number): number {
  const full = Math.min(maxMs, firstMs * 2 ** Math.min(n - 1, 16));
  return full / 2 + (random() * full) / 2;
}
