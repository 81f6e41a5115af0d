import type { Clock } from '../model/deps.ts';

/**
 * For so long nothing must have been urgent. That a command has ended is seen only when the kubelet has looked, once a
 * second, and has said so, which takes a busy node as long again: measured with 20 suites, the last end is seen 1.5 s
 * earlier with 2 s than with 0.5 s.
 */
const calmMs = 2_000;
/** What waits for calm goes on after so long in any case. */
const mostMs = 5_000;
const lookMs = 100;

/**
 * What can wait lets pass what others wait for. A pod that may go and objects that are deleted cost the node as much as
 * a pod that starts: they wait while pods of other suites are on their way to their start or from their end to their
 * verdict.
 */
export class Calm {
  readonly #clock: Clock;
  /** A suite has no place yet, which whatever leaves may give it. */
  readonly #isPlaceWanted: () => boolean;
  /** Pods that have no verdict. */
  #pods = 0;
  #urgent = 0;
  #lastUrgent = -Infinity;

  constructor(clock: Clock, isPlaceWanted: () => boolean) {
    this.#clock = clock;
    this.#isPlaceWanted = isPlaceWanted;
  }

  /** From its creation to its verdict. */
  async ofPod<T>(body: () => Promise<T>): Promise<T> {
    this.#pods += 1;
    try {
      return await body();
    } finally {
      this.#pods -= 1;
    }
  }

  /** Returns what ends it, which may be called again. */
  urgent(): () => void {
    let isOn = true;
    this.#urgent += 1;
    return () => {
      if (!isOn) return;
      isOn = false;
      this.#urgent -= 1;
      this.#lastUrgent = this.#clock.monotonic();
    };
  }

  /** Resolves when there is nothing to wait for, at the latest after five seconds, and at once when the signal fires. */
  async come(signal: AbortSignal): Promise<void> {
    const began = this.#clock.monotonic();
    while (!signal.aborted && !this.#isPlaceWanted() && this.#isBusy(began))
      await this.#clock.sleep(lookMs, signal).catch(() => undefined);
  }

  #isBusy(since: number): boolean {
    const now = this.#clock.monotonic();
    if (this.#pods === 0 || now - since >= mostMs) return false;
    return this.#urgent > 0 || now - this.#lastUrgent < calmMs;
  }
}
