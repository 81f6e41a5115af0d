import { messageOf } from '../model/errors.ts';
import { acknowledge, collect, holdUntil, type CollectOptions } from './collect.ts';
import { sidecarStatus, type Pod } from './pod-state.ts';

export interface HomeOptions extends Omit<CollectOptions, 'signal'> {
  readonly pod: Pod;
  readonly limitMs: number;
  /** Until when (unix ms) the pod of a failed attempt stays; undefined: not at all. */
  readonly keepUntil: () => number | undefined;
}

export interface Home {
  /** Why results are missing or incomplete. */
  readonly error?: string;
  /** Lets the pod go, or keeps it; called when everything else about the attempt is decided. */
  readonly finish?: (failed: boolean) => Promise<void>;
}

/** Results come out of the pod before anything else happens to it. Never rejects. */
export async function bringHome(home: HomeOptions): Promise<Home> {
  const running = sidecarStatus(home.pod)?.state?.running !== undefined;
  if (!running) return { error: 'the pod had ended before its results could be read' };
  const { kube, container, outDir, caps } = home;
  const options: CollectOptions = {
    ...{ kube, container, outDir, caps },
    signal: AbortSignal.timeout(home.limitMs),
  };
  try {
    const found = await collect(options);
    const error = found.missing.length === 0 ? {} : { error: someOf(found.missing) };
    const finish = async (failed: boolean): Promise<void> => {
      const until = failed ? home.keepUntil() : undefined;
      if (until === undefined) await acknowledge(options, found.manifest.sha256);
      else await holdUntil(options, until);
    };
    return { ...error, finish };
  } catch (error) {
    return { error: messageOf(error) };
  }
}

/** A sentence has room for the first few. */
function someOf(missing: readonly string[]): string {
  const more = missing.length - 3;
  return [...missing.slice(0, 3), ...(more > 0 ? [`and ${String(more)} more`] : [])].join('; ');
}
