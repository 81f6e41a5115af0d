import fs from 'node:fs';
import path from 'node:path';
import { Lines } from '../../kube/lines.ts';
import type { FollowEnd } from '../../model/kube.ts';
import type { LogGaps } from '../../model/outcome.ts';
import { liveLogFile } from './live-log.ts';
import type { RunRecord } from '../verdict/record.ts';

/** Of a longer line only the beginning is compared. */
const maxLineBytes = 64 * 1024;
/**
 * stdout and stderr are two streams on their way through the cluster and one file in the pod: the order of their lines
 * may differ by so many.
 */
const windowLines = 5_000;
const windowChars = 8 * 1024 * 1024;
/** More ranges than these are counted, and not listed. */
const mostRanges = 100;
const newline = 0x0a;

/** What is known of a live log when it is over. */
export interface LiveEnd {
  /** Undefined when it was cut short. */
  readonly ended: FollowEnd | undefined;
  /** Every line that came is in its file. */
  readonly stored: boolean;
}

/**
 * Whether the live log had every line. The collected console decides: the kubelet may lose lines of a stream that it
 * never broke off, when the runtime rotates the file under it. Without a console the follower's own word counts.
 */
export async function completenessOf(
  outDir: string,
  live: LiveEnd | undefined,
  record: Printed | undefined,
): Promise<{ readonly logComplete?: boolean; readonly logGaps?: LogGaps }> {
  if (live === undefined) return {};
  const { ended, stored } = live;
  const files = [path.join(outDir, liveLogFile), path.join(outDir, 'console.log')] as const;
  if (!stored || !files.every((file) => fs.existsSync(file)))
    return ended === undefined ? {} : { logComplete: ended.complete };
  if (ended?.complete === true && ended.lines === (await countLines(files[1]))) return { logComplete: true };
  const gaps = await gapsOf(...files, typeof record?.console_error === 'string');
  if (gaps.missing > 0) return { logComplete: false, logGaps: gaps };
  if (record?.console_error === null) return { logComplete: true };
  return { logComplete: ended?.complete === true && hasAll(files[0], record) };
}

type Printed = Pick<RunRecord, 'console_error' | 'stdout_bytes' | 'stderr_bytes'>;

/** The follower cannot know of what the runtime dropped when the container ended; the record knows what was printed. */
const hasAll = (live: string, record: Printed | undefined): boolean =>
  fs.statSync(live).size >= (record?.stdout_bytes ?? 0) + (record?.stderr_bytes ?? 0);

async function countLines(file: string): Promise<number> {
  let count = 0;
  let last: number | undefined;
  for await (const piece of fs.createReadStream(file, { highWaterMark: 256 * 1024 })) {
    const chunk = piece as Buffer;
    for (let at = chunk.indexOf(newline); at !== -1; at = chunk.indexOf(newline, at + 1)) count += 1;
    last = chunk.at(-1);
  }
  return last === undefined || last === newline ? count : count + 1;
}

/**
 * Which lines of a console file the live one lacks. Both are read as streams, once: the memory that this takes does not
 * depend on their size. Of lines that are equal, another one may be named than the one that is missing. Of a console
 * that broke off the last line may be half a line.
 */
export async function gapsOf(live: string, console: string, brokeOff = false): Promise<LogGaps> {
  const came = new Window(live);
  const ranges: { from: number; to: number }[] = [];
  let missing = 0;
  let number = 0;
  let last = 0;
  for await (const batch of linesOf(console, brokeOff)) {
    for (const line of batch) {
      number += 1;
      if (!came.isFull && !came.isOver) await came.fill();
      if (came.take(line)) continue;
      missing += 1;
      const range = ranges.at(-1);
      if (range !== undefined && last === number - 1) range.to = number;
      else if (ranges.length < mostRanges) ranges.push({ from: number, to: number });
      else continue;
      last = number;
    }
  }
  return { missing, ranges };
}

/** The next lines of the live file that have not been found in the other yet, with their count. */
class Window {
  isOver = false;
  readonly #batches: AsyncGenerator<string[], void>;
  #batch: string[] = [];
  #at = 0;
  readonly #counts = new Map<string, number>();
  #lines = 0;
  #chars = 0;

  constructor(file: string) {
    this.#batches = linesOf(file);
  }

  get isFull(): boolean {
    return this.#lines >= windowLines || this.#chars >= windowChars;
  }

  async fill(): Promise<void> {
    while (!this.isFull && !this.isOver) {
      const line = this.#batch[this.#at];
      if (line === undefined) {
        const next = await this.#batches.next();
        this.isOver = next.done === true;
        this.#batch = next.value ?? [];
        this.#at = 0;
        continue;
      }
      this.#at += 1;
      this.#counts.set(line, (this.#counts.get(line) ?? 0) + 1);
      this.#lines += 1;
      this.#chars += line.length;
    }
  }

  /** True when the line is among them; it is not any more then. */
  take(line: string): boolean {
    const count = this.#counts.get(line);
    if (count === undefined) return false;
    if (count > 1) this.#counts.set(line, count - 1);
    else this.#counts.delete(line);
    this.#lines -= 1;
    this.#chars -= line.length;
    return true;
  }
}

/** The lines of a text file, some at a time, as the live log has them: without their ends. */
async function* linesOf(file: string, brokeOff = false): AsyncGenerator<string[], void> {
  const lines = new Lines(maxLineBytes);
  for await (const chunk of fs.createReadStream(file, { highWaterMark: 256 * 1024 })) {
    const batch: string[] = [];
    lines.push(chunk as Buffer, (line) => batch.push(textOf(line)));
    yield batch;
  }
  const { line } = lines.rest();
  if (line.length > 0 && !brokeOff) yield [textOf(line)];
}

function textOf(line: Buffer): string {
  const text = line.toString('utf8');
  return text.endsWith('\r') ? text.slice(0, -1) : text;
}
