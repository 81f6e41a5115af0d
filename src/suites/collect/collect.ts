import type { Clock } from '../../model/deps.ts';
import type { ContainerRef, Kube } from '../../model/kube.ts';
import { KetError, messageOf } from '../../model/errors.ts';
import type { CapsPlan } from '../../model/plan.ts';
import { formatBytes } from '../../model/quantity.ts';
import { parseManifest, type Manifest } from '../../results/manifest.ts';
import { KubeError } from '../../kube/error.ts';
import { sleep } from '../../kube/abort.ts';
import { folders, ketRun } from '../job/in-pod.ts';
import { TreeWriter } from './tree-writer.ts';

export interface Collected {
  readonly manifest: Manifest;
  /** Files whose bytes are here and match their SHA-256. */
  readonly files: number;
  readonly bytes: number;
  /** What is not here, with the reason; empty when everything is. */
  readonly missing: readonly string[];
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

/** What runs ket-run in the sidecar needs. */
export type Access = Pick<CollectOptions, 'container' | 'signal'> & { readonly kube: Pick<Kube, 'exec'> };

/** A connection without a byte for so long is given up and taken up again at the offset reached. */
const idleMs = 30_000;
const tries = 5;
/** Before the second try and those after it: a kubelet that starts anew is back within seconds. */
const pausesMs = [100, 900, 3_000, 6_000];
const recordPollMs = 300;

/**
 * Brings all results out of a pod: asks ket-run for a manifest, streams the files as one sequence of bytes that can be
 * taken up at any offset, and checks each file's size and SHA-256. Nothing is acknowledged here.
 */
export async function collect(options: CollectOptions): Promise<Collected> {
  const manifest = await readManifest(options);
  const writer = new TreeWriter(options.outDir, manifest.files);
  try {
    let failures = 0;
    while (writer.offset < manifest.bytes) {
      const from = writer.offset;
      try {
        const argv = ['stream', ...folders, '--manifest', manifest.sha256, '--offset', String(from)];
        const { exitCode, stderr } = await execKetRun(options, argv, (chunk) => writer.write(chunk));
        if (exitCode !== 0)
          throw new KetError('KET_COLLECT', `ket-run stream: exit code ${exitCode}: ${stderr}`);
      } catch (error) {
        // What this machine's disk refuses no other connection mends.
        if (options.signal.aborted || writer.broken !== undefined) throw writer.broken ?? error;
        failures = writer.offset > from ? 0 : failures + 1;
        if (failures >= tries) throw error;
        await untilReachable(error, failures, options.signal);
        continue;
      }
      // The API server can cut the output of an exec and still report success (kubernetes#124571).
      failures = writer.offset > from ? 0 : failures + 1;
      if (failures >= tries)
        throw new KetError('KET_COLLECT', `the results end ${manifest.bytes - writer.offset} bytes early`);
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
  };
}

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

/** Tells ket-run that the results are safe: the sidecar leaves, and the Job ends with the suite's own exit code. */
export async function acknowledge(options: Access, manifestSha: string): Promise<void> {
  await must(options, ['ack', '--state', '/ket/state', '--manifest', manifestSha]);
}

/** Tells ket-run to stay until a moment (unix ms), for a look inside. */
export async function holdUntil(options: Access, until: number): Promise<void> {
  await must(options, ['keep', '--state', '/ket/state', '--until', String(Math.round(until))]);
}

/** Waits until ket-run has written the record of the command's end; ends without an error when the signal fires. */
export async function untilRecord(
  options: Pick<CollectOptions, 'kube' | 'container'>,
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

async function must(options: Access, argv: readonly string[]): Promise<void> {
  let last: unknown;
  for (let i = 1; i <= tries; i++) {
    try {
      const { exitCode, stderr } = await execKetRun(options, argv, () => undefined);
      if (exitCode === 0) return;
      last = new KetError('KET_COLLECT', `ket-run ${argv[0] ?? ''}: exit code ${exitCode}: ${stderr}`);
    } catch (error) {
      if (options.signal.aborted) throw error;
      last = error;
      await untilReachable(error, i, options.signal);
    }
  }
  throw last;
}

/** Before another try. Nothing is waited for when ket-run has answered, or when there is nobody who could. */
async function untilReachable(error: unknown, failures: number, signal: AbortSignal): Promise<void> {
  if (!(error instanceof KubeError) || error.status === 404 || /not found/.test(error.message)) return;
  const pauseMs = pausesMs[failures - 1];
  if (pauseMs !== undefined) await sleep(pauseMs, signal);
}

/** What is there now, and what ket-run itself wrote. */
export async function readManifest(options: Access & Pick<CollectOptions, 'caps'>): Promise<Manifest> {
  const { fileBytes, bytes, files } = options.caps;
  const caps = ['--most-file-bytes', fileBytes, '--most-bytes', bytes, '--most-files', files].map(String);
  let last: unknown;
  for (let i = 1; i <= tries; i++) {
    try {
      const chunks: Buffer[] = [];
      const { exitCode, stderr } = await execKetRun(options, ['manifest', ...folders, ...caps], (chunk) => {
        chunks.push(chunk);
      });
      if (exitCode !== 0)
        throw new KetError('KET_COLLECT', `ket-run manifest: exit code ${exitCode}: ${stderr}`);
      return parseManifest(Buffer.concat(chunks));
    } catch (error) {
      if (options.signal.aborted) throw error;
      last = error;
      await untilReachable(error, i, options.signal);
    }
  }
  throw new KetError('KET_COLLECT', `no whole list of the results after ${tries} tries: ${messageOf(last)}`, {
    cause: last,
  });
}

/** Runs ket-run in the sidecar. */
export async function execKetRun(
  options: Access,
  argv: readonly string[],
  onStdout: (chunk: Buffer) => void,
): Promise<{ exitCode: number; stderr: string }> {
  let stderr = '';
  const { exitCode } = await options.kube.exec({
    ...options.container,
    argv: [ketRun, ...argv],
    onStdout,
    onStderr: (chunk) => {
      if (stderr.length < 2000) stderr += chunk.toString();
    },
    signal: options.signal,
    idleMs,
  });
  return { exitCode, stderr: stderr.trim() };
}
