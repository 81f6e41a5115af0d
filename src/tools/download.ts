import { createHash } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { KetError, messageOf } from '../model/errors.ts';
import type { Deps } from '../model/deps.ts';
import { formatBytes, formatMs } from '../model/format.ts';
import { partOf, recordOf, recordText, removeStaleParts, sumOf, writeByRename } from './cache.ts';
import { downloadLimits, type DownloadLimits } from './download-limits.ts';
import type { Answer } from './http.ts';
import { shownUrl } from './mirror.ts';
import { unpackOne } from './unpack.ts';

/** No program that ket uses is so large; an endless answer shall not fill the disk. */
const maxBytes = 512 * 1024 * 1024;
/** A wrong sum is rarely cured by asking again. */
const maxWrongSums = 3;

export interface Download {
  /** As people know it, e.g. `kind v0.30.0`. */
  readonly what: string;
  readonly url: URL;
  /** Listed sum of what comes. */
  readonly sha256: string;
  /** Where the program is placed, with a record of its sum beside it. */
  readonly target: string;
  /** What comes is a .tar.gz, and the program is this file of it. */
  readonly member?: string;
  /** What the user can do when it does not come. */
  readonly next: string;
}

export interface DownloadContext extends Pick<Deps, 'clock' | 'env'> {
  readonly signal: AbortSignal;
  readonly awaiting?: (what: string) => void;
  readonly limits?: DownloadLimits;
}

/** Why an attempt was in vain. */
interface Failure {
  readonly text: string;
  /** Another attempt may help. */
  readonly again: boolean;
  readonly wrongSum?: boolean;
  /** The server asks for such a pause. */
  readonly pauseMs?: number;
}

/**
 * Downloads a program and places it: only what has the listed sum, wholly or not at all. Two processes may place the
 * same at once, since each has a part of its own and the last step is a rename.
 */
export async function download(wanted: Download, context: DownloadContext): Promise<void> {
  const { clock, signal, limits = downloadLimits } = context;
  const began = clock.monotonic();
  const left = (): number => limits.overallMs - (clock.monotonic() - began);
  const folder = path.dirname(wanted.target);
  await fs.promises.mkdir(folder, { recursive: true });
  await removeStaleParts(folder, clock.now());
  const failures: string[] = [];
  let wrongSums = 0;
  for (let attempt = 1; ; attempt += 1) {
    context.awaiting?.(
      `${wanted.what} from ${shownUrl(wanted.url)}${attempt > 1 ? ` (attempt ${String(attempt)})` : ''}`,
    );
    const failure = await tryOnce(wanted, context, left());
    if (failure === undefined) return;
    failures.push(`attempt ${String(attempt)}: ${shownUrl(wanted.url)}: ${failure.text}`);
    if (failure.wrongSum === true) wrongSums += 1;
    const pause = Math.max(
      Math.min(limits.firstPauseMs * 2 ** (attempt - 1), limits.longestPauseMs),
      failure.pauseMs ?? 0,
    );
    if (!failure.again || wrongSums >= maxWrongSums || left() <= pause)
      throw inVain(wanted, failure, failures);
    context.awaiting?.(
      `${wanted.what}: ${failure.text}; attempt ${String(attempt + 1)} follows in ${formatMs(pause)}`,
    );
    await clock.sleep(pause, signal);
  }
}

function inVain(wanted: Download, last: Failure, failures: readonly string[]): KetError {
  const count = failures.length === 1 ? 'in one attempt' : `in ${String(failures.length)} attempts`;
  const message =
    last.wrongSum === true
      ? `what came as ${wanted.what} is something else, ${count}`
      : `${wanted.what} could not be downloaded ${count}`;
  return new KetError('KET_TOOL', message, {
    where: shownUrl(wanted.url),
    details: failures.slice(-6),
    next: wanted.next,
  });
}

async function tryOnce(
  wanted: Download,
  context: DownloadContext,
  leftMs: number,
): Promise<Failure | undefined> {
  const { env, limits = downloadLimits } = context;
  const part = partOf(wanted.target);
  const stall = stallWatch(limits.stallMs);
  const late = AbortSignal.timeout(Math.max(1, Math.floor(leftMs)));
  const signal = AbortSignal.any([context.signal, late, stall.signal]);
  try {
    // Where nothing is downloaded HTTP and TLS cost their memory all the same.
    const { get } = await import('./http.ts');
    const answer = await get(wanted.url, { env, signal, onProgress: stall.alive });
    if (answer.status !== 200) {
      answer.body.destroy();
      return statusFailure(answer);
    }
    const sum = await save(answer, part, stall.alive);
    if (sum !== wanted.sha256) return sumFailure(sum, wanted, answer);
    stall.end();
    await place(wanted, part, context.signal);
    return undefined;
  } catch (error) {
    context.signal.throwIfAborted();
    if (stall.signal.aborted) return { text: `nothing came for ${formatMs(limits.stallMs)}`, again: true };
    if (late.aborted) return { text: `it did not end within ${formatMs(limits.overallMs)}`, again: false };
    return { text: messageOf(error), again: !isLasting(error) };
  } finally {
    stall.end();
    await fs.promises.rm(part, { force: true });
  }
}

/** Writes what comes into a new file, and tells its sum. */
async function save({ body, headers }: Answer, part: string, alive: () => void): Promise<string> {
  const hash = createHash('sha256');
  const size = headers['content-length'];
  let bytes = 0;
  const handle = await fs.promises.open(part, 'wx', 0o600);
  try {
    for await (const chunk of body as AsyncIterable<Buffer>) {
      alive();
      bytes += chunk.length;
      if (bytes > maxBytes) throw new LastingFault(`more than ${formatBytes(maxBytes)} came`);
      hash.update(chunk);
      await handle.writeFile(chunk);
      alive();
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ECONNRESET') throw error;
    const all = size === undefined ? '' : ` of ${size}`;
    throw new Error(`the connection ended after ${String(bytes)}${all} bytes`, { cause: error });
  } finally {
    body.destroy();
    await handle.close();
  }
  return hash.digest('hex');
}

/** What no other attempt would change. */
class LastingFault extends Error {}

function isLasting(error: unknown): boolean {
  const { code } = error as NodeJS.ErrnoException;
  return (
    error instanceof LastingFault || ['ENOSPC', 'EACCES', 'EROFS', 'EPERM', 'EDQUOT'].includes(code ?? '')
  );
}

function statusFailure({ status, headers, url }: Answer): Failure {
  const seconds = Number(headers['retry-after']);
  return {
    text: `${shownUrl(url)} answered with status ${String(status)}`,
    again: status >= 500 || [408, 425, 429].includes(status),
    ...(seconds > 0 && seconds <= 60 ? { pauseMs: seconds * 1000 } : {}),
  };
}

function sumFailure(sum: string, wanted: Download, { headers }: Answer): Failure {
  const type = headers['content-type'] ?? '';
  const page = /^text\/html\b/i.test(type) ? `; it is a web page (${type})` : '';
  return { text: `its SHA-256 is ${sum}, not ${wanted.sha256}${page}`, again: true, wrongSum: true };
}

/** The program, from what has the listed sum, is made complete beside its place and then put there. */
async function place(wanted: Download, part: string, signal: AbortSignal): Promise<void> {
  const program = wanted.member === undefined ? part : partOf(wanted.target);
  try {
    if (wanted.member !== undefined)
      await unpackOne(part, { member: wanted.member, target: program, signal }).catch((error: unknown) => {
        signal.throwIfAborted();
        throw new LastingFault('it has the listed sum and cannot be unpacked', { cause: error });
      });
    const sum = wanted.member === undefined ? wanted.sha256 : await sumOf(program, signal);
    await fs.promises.chmod(program, 0o755);
    await fs.promises.rename(program, wanted.target);
    await writeByRename(recordOf(wanted.target), recordText(wanted.target, sum, wanted.sha256));
  } finally {
    await fs.promises.rm(program, { force: true });
  }
}

/** Fires when it was not told for so long that something still comes. */
function stallWatch(ms: number): {
  readonly signal: AbortSignal;
  readonly alive: () => void;
  readonly end: () => void;
} {
  const controller = new AbortController();
  const fire = (): void => controller.abort(new Error('stalled'));
  let timer = setTimeout(fire, ms);
  return {
    signal: controller.signal,
    alive: () => {
      clearTimeout(timer);
      timer = setTimeout(fire, ms);
    },
    end: () => clearTimeout(timer),
  };
}
