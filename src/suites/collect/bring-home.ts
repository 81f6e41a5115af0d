import { messageOf } from '../../model/errors.ts';
import { acknowledge, holdUntil, type Access } from './ask.ts';
import { collect, type CollectOptions } from './collect.ts';
import { sidecarStatus, type Pod } from '../pod/pod-state.ts';

export interface HomeOptions extends Omit<CollectOptions, 'signal'> {
  readonly pod: Pod;
  readonly limitMs: number;
  /** Until when (unix ms) the pod of a failed attempt stays; undefined: not at all. */
  readonly keepUntil: () => number | undefined;
}

export interface Home {
  /** Why results are missing or incomplete. */
  readonly error?: string;
  /** SHA-256 of the manifest that `finish` acknowledges. */
  readonly manifest?: string;
  /** Lets the pod go, or keeps it; called when everything else about the attempt is decided. */
  readonly finish?: (failed: boolean) => Promise<void>;
}

/** Tells the sidecar that its results are safe, or to stay until a moment (unix ms). */
export async function letPodGo(options: Access, manifest: string, until: number | undefined): Promise<void> {
  if (until === undefined) await acknowledge(options, manifest);
  else await holdUntil(options, until);
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
    const manifest = found.manifest.sha256;
    const finish = async (failed: boolean): Promise<void> => {
      const until = failed ? home.keepUntil() : undefined;
      const heard = await found.tell(until === undefined ? 'ack' : `keep ${String(Math.round(until))}`);
      if (!heard) await letPodGo(options, manifest, until);
    };
    return { ...error, manifest, finish };
  } catch (error) {
    return { error: messageOf(error) };
  }
}

/** A sentence has room for the first few. */
function someOf(missing: readonly string[]): string {
  const more = missing.length - 3;
  return [...missing.slice(0, 3), ...(more > 0 ? [`and ${String(more)} more`] : [])].join('; ');
}
