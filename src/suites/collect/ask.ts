import type { Clock } from '../../model/deps.ts';
import type { ContainerRef, Kube } from '../../model/kube.ts';
import { KetError, messageOf } from '../../model/errors.ts';
import type { CapsPlan } from '../../model/plan.ts';
import { parseManifest, type Manifest } from '../../results/manifest.ts';
import { ManifestReader } from '../../results/manifest-reader.ts';
import { KubeError } from '../../kube/error.ts';
import { sleep } from '../../kube/abort.ts';
import { folders, ketRun } from '../job/in-pod.ts';

/** What runs ket-run in the sidecar needs. */
export interface Access {
  readonly kube: Pick<Kube, 'exec'>;
  /** The sidecar. */
  readonly container: ContainerRef;
  readonly signal: AbortSignal;
}

/** A connection without a byte for so long is given up, and another is made. */
const idleMs = 30_000;
export const tries = 5;
/** Before the second try and those after it: a kubelet that starts anew is back within seconds. */
const pausesMs = [100, 900, 3_000, 6_000];
const recordPollMs = 300;

/** Runs ket-run in the sidecar. `stdin`: a text that it gets once it is known. */
export async function execKetRun(
  options: Access,
  argv: readonly string[],
  onStdout: (chunk: Buffer) => void,
  stdin?: Promise<string>,
): Promise<{ exitCode: number; stderr: string }> {
  let stderr = '';
  const { exitCode } = await options.kube.exec({
    ...options.container,
    argv: [ketRun, ...argv],
    onStdout,
    onStderr: (chunk) => {
      if (stderr.length < 2000) stderr += chunk.toString();
    },
    ...(stdin === undefined ? {} : { stdin }),
    signal: options.signal,
    idleMs,
  });
  return { exitCode, stderr: stderr.trim() };
}

/** What ket-run says with an exit code other than 0. */
export const wentWrong = (command: string, exitCode: number, stderr: string): KetError =>
  new KetError('KET_COLLECT', `ket-run ${command}: exit code ${exitCode}: ${stderr}`);

/** Up to five times; after an abort not again. */
async function tried<T>(signal: AbortSignal, attempt: () => Promise<T>): Promise<T> {
  let last: unknown;
  for (let i = 1; i <= tries; i++) {
    try {
      return await attempt();
    } catch (error) {
      if (signal.aborted) throw error;
      last = error;
      await untilReachable(error, i, signal);
    }
  }
  throw last;
}

/** Before another try. Nothing is waited for when ket-run has answered, or when there is nobody who could. */
export async function untilReachable(error: unknown, failures: number, signal: AbortSignal): Promise<void> {
  if (!(error instanceof KubeError) || error.status === 404 || /not found/.test(error.message)) return;
  const pauseMs = pausesMs[failures - 1];
  if (pauseMs !== undefined) await sleep(pauseMs, signal);
}

async function must(options: Access, argv: readonly string[]): Promise<void> {
  await tried(options.signal, async () => {
    const { exitCode, stderr } = await execKetRun(options, argv, () => undefined);
    if (exitCode !== 0) throw wentWrong(argv[0] ?? '', exitCode, stderr);
  });
}

/** Tells ket-run that the results are safe: the sidecar leaves, and the Job ends with the suite's own exit code. */
export async function acknowledge(options: Access, manifestSha: string): Promise<void> {
  await must(options, ['ack', '--state', '/ket/state', '--manifest', manifestSha]);
}

/** Tells ket-run to stay until a moment (unix ms), for a look inside. */
export async function holdUntil(options: Access, until: number): Promise<void> {
  await must(options, ['keep', '--state', '/ket/state', '--until', String(Math.round(until))]);
}

/** The options that tell ket-run the caps. */
export const capsOptions = ({ fileBytes, bytes, files }: CapsPlan): string[] =>
  ['--most-file-bytes', fileBytes, '--most-bytes', bytes, '--most-files', files].map(String);

/** The same for what must bring the whole list of the results; its error says so, with the last reason. */
export async function triedForList<T>(signal: AbortSignal, attempt: () => Promise<T>): Promise<T> {
  try {
    return await tried(signal, attempt);
  } catch (cause) {
    if (signal.aborted) throw cause;
    throw new KetError(
      'KET_COLLECT',
      `no whole list of the results after ${tries} tries: ${messageOf(cause)}`,
      {
        cause,
      },
    );
  }
}

/** What is there now, and what ket-run itself wrote. */
export async function readManifest(options: Access & { readonly caps: CapsPlan }): Promise<Manifest> {
  return triedForList(options.signal, async () => {
    const reader = new ManifestReader();
    const argv = ['manifest', ...folders, ...capsOptions(options.caps)];
    const { exitCode, stderr } = await execKetRun(options, argv, (chunk) => void reader.take(chunk));
    if (exitCode !== 0) throw wentWrong('manifest', exitCode, stderr);
    return parseManifest(reader.bytes());
  });
}

/** Waits until ket-run has written the record of the command's end; ends without an error when the signal fires. */
export async function untilRecord(
  options: Omit<Access, 'signal'>,
  clock: Clock,
  signal: AbortSignal,
): Promise<void> {
  const argv = ['cat', ...folders, '--root', 'state', '--path', 'record.json', '--offset', '0'];
  const over = (): boolean => signal.aborted;
  while (!over()) {
    try {
      const { exitCode } = await execKetRun({ ...options, signal }, argv, () => undefined);
      if (exitCode === 0) return;
      await clock.sleep(recordPollMs, signal);
    } catch (error) {
      if (over()) return;
      // The sidecar is gone too: then there is nothing to wait for.
      if (error instanceof KetError) return;
      throw error;
    }
  }
}
