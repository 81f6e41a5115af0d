import fs from 'node:fs';
import { KetError } from '../model/errors.ts';
import type { RunEvent } from '../model/events.ts';

const chunkBytes = 256 * 1024;
const lineEnd = 10;

/**
 * The events of a file, read anew each time they are gone through, a piece at a time: of a run that lasts for days they
 * are more than fits into memory. A run that was killed may have left half a line at the end; everything before it
 * counts. Throws `KET_USAGE` where another line is damaged.
 */
export const eventsIn = (file: string): Iterable<RunEvent> => ({
  [Symbol.iterator]: () => eventsOf(file),
});

function* eventsOf(file: string): Generator<RunEvent> {
  let number = 0;
  let damaged: { readonly number: number; readonly cause: unknown } | undefined;
  for (const line of linesOf(file)) {
    number += 1;
    if (damaged !== undefined)
      throw new KetError('KET_USAGE', 'the event log is damaged', {
        where: `${file}:${damaged.number}`,
        cause: damaged.cause,
      });
    if (line === '') continue;
    let event: RunEvent;
    try {
      event = JSON.parse(line) as RunEvent;
    } catch (cause) {
      damaged = { number, cause };
      continue;
    }
    yield event;
  }
}

function* linesOf(file: string): Generator<string> {
  const fd = fs.openSync(file, 'r');
  try {
    const chunk = Buffer.alloc(chunkBytes);
    const parts: Buffer[] = [];
    for (let size = fs.readSync(fd, chunk); size > 0; size = fs.readSync(fd, chunk)) {
      let from = 0;
      for (let end = chunk.indexOf(lineEnd); end !== -1 && end < size; end = chunk.indexOf(lineEnd, from)) {
        yield Buffer.concat([...parts, chunk.subarray(from, end)]).toString();
        parts.length = 0;
        from = end + 1;
      }
      // A copy: the chunk is written over.
      if (from < size) parts.push(Buffer.from(chunk.subarray(from, size)));
    }
    // Empty, where the last line is whole.
    yield Buffer.concat(parts).toString();
  } finally {
    fs.closeSync(fd);
  }
}
