import type { ContainerRef, Kube } from '../../model/kube.ts';
import { KetError } from '../../model/errors.ts';
import type { CapsPlan } from '../../model/plan.ts';
import { formatBytes } from '../../model/quantity.ts';
import type { Manifest } from '../../results/manifest.ts';
import { folders } from '../job/in-pod.ts';
import { asError } from '../../kube/abort.ts';
import { execKetRun, triedForList, tries, untilReachable, wentWrong } from './ask.ts';
import { deliver, type Delivery } from './delivery.ts';

export interface Collected {
  readonly manifest: Manifest;
  /** Files whose bytes are here and match their SHA-256. */
  readonly files: number;
  readonly bytes: number;
  /** What is not here, with the reason; empty when everything is. */
  readonly missing: readonly string[];
  /** Says what becomes of the pod over the connection that brought them; see `Delivery`. */
  readonly tell: Delivery['tell'];
}

export interface CollectOptions {
  readonly kube: Kube;
  /** The sidecar. */
  readonly container: ContainerRef;
  /** Receives `results/…` and what ket-run wrote beside it (`record.json`, `console.log` …). */
  readonly outDir: string;
  /** What is over them stays in the pod, and is missing. */
  readonly caps: CapsPlan;
  readonly signal: AbortSignal;
}

/**
 * Brings all results out of a pod: the files come as one sequence of bytes behind their list, which can be taken up at
 * any offset where it was cut, and each file's size and SHA-256 is checked. Nothing is acknowledged here.
 */
export async function collect(options: CollectOptions): Promise<Collected> {
  const { signal } = options;
  const delivery = await triedForList(signal, () => deliver(options));
  const { manifest, writer } = delivery;
  const more = async (): Promise<void> => {
    const argv = ['stream', ...folders, '--manifest', manifest.sha256, '--offset', String(writer.offset)];
    const { exitCode, stderr } = await execKetRun(options, argv, (chunk) => writer.write(chunk));
    if (exitCode !== 0) throw wentWrong('stream', exitCode, stderr);
  };
  try {
    let take = (): Promise<void> => delivery.bytes;
    for (let from = 0, failures = 0; ; from = writer.offset, take = more) {
      let failed: Error | undefined;
      try {
        await take();
      } catch (error) {
        // What this machine's disk refuses no other connection mends.
        if (signal.aborted || writer.broken !== undefined) throw writer.broken ?? error;
        failed = asError(error);
      }
      // Whatever ended it: the API server can cut the output and still report success (kubernetes#124571).
      if (writer.offset === manifest.bytes) break;
      failures = writer.offset > from ? 0 : failures + 1;
      if (failures >= tries) throw failed ?? endsEarly(manifest.bytes - writer.offset);
      if (failed !== undefined) await untilReachable(failed, failures, signal);
    }
  } finally {
    writer.close();
  }
  const missing = [
    ...writer.mismatched.map((name) => `${name}: it changed while it was read`),
    ...unreadable(manifest, options.caps),
  ];
  return {
    manifest,
    files: manifest.files.length - writer.mismatched.length,
    bytes: manifest.bytes,
    missing,
    tell: (word) => delivery.tell(word),
  };
}

const endsEarly = (bytes: number): KetError =>
  new KetError('KET_COLLECT', `the results end ${bytes} bytes early`);

/** The sum of what is over the caps comes first: of many files it is all that a message has room for. */
function unreadable(manifest: Manifest, { files, bytes, fileBytes }: CapsPlan): string[] {
  const caps = `${String(files)} files, ${formatBytes(bytes)} in all, ${formatBytes(fileBytes)} a file`;
  const whole = (entry: Manifest['unreadable'][number]): boolean => entry.rawPath.length === 0;
  const isSum = (entry: Manifest['unreadable'][number]): boolean =>
    whole(entry) && entry.error.endsWith(' files left out over the caps');
  return [
    ...manifest.unreadable.filter(isSum).map((entry) => `${entry.error} (\`caps\`: ${caps})`),
    ...manifest.unreadable
      .filter((entry) => !isSum(entry))
      .map((entry) => `${whole(entry) ? entry.root : entry.path}: ${entry.error}`),
  ];
}
