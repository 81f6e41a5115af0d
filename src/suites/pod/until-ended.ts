import type { Clock } from '../../model/deps.ts';
import { formatMs } from '../../model/format.ts';
import type { AttemptLimits } from '../limits.ts';
import { hasEnded, type Pod } from './pod-state.ts';
import type { Part } from './view.ts';
import { untilOrTick } from './wait.ts';

/** Beyond all limits inside the pod: then nothing reports any more. */
const backstopSlackMs = 60_000;

export interface Ended {
  /** `leaving`: it was told to go, and whether its command has ended is not known. */
  readonly how: 'ended' | 'leaving' | 'gone';
  /** As it was last seen. */
  readonly pod: Pod;
  /** Why it was not waited for any longer. */
  readonly gaveUp?: string;
}

/** Waits until a suite's pod has ended, is told to go, is gone, or no longer reports. */
export async function untilEnded(
  pods: Part<Pod>,
  pod: Pod,
  limits: AttemptLimits,
  clock: Clock,
  signal: AbortSignal,
): Promise<Ended> {
  const backstop = clock.monotonic() + limits.suiteMs + limits.killMs + backstopSlackMs;
  let latest = pod;
  const look = (items: readonly Pod[]): Ended | undefined => {
    const now = items.find((p) => p.metadata?.uid === pod.metadata?.uid);
    if (now === undefined) return { how: 'gone', pod: latest };
    latest = now;
    if (hasEnded(now)) return { how: 'ended', pod: now };
    if (now.metadata?.deletionTimestamp !== undefined) return { how: 'leaving', pod: now };
    if (clock.monotonic() < backstop) return undefined;
    const gaveUp = `the suite did not end within its limit of ${formatMs(limits.suiteMs)}, and its pod no longer reports`;
    return { how: 'ended', pod: now, gaveUp };
  };
  return untilOrTick(pods, look, signal, 1000);
}
