import fs from 'node:fs';

/** The last lines of a text file of any size; empty when there is none. */
export function lastLinesOf(file: string, lines: number): string[] {
  const stat = fs.statSync(file, { throwIfNoEntry: false });
  if (stat === undefined || !stat.isFile()) return [];
  const size = Math.min(stat.size, 64 * 1024);
  const buffer = Buffer.alloc(size);
  const fd = fs.openSync(file, 'r');
  try {
    fs.readSync(fd, buffer, 0, size, stat.size - size);
  } finally {
    fs.closeSync(fd);
  }
  const all = buffer.toString('utf8').split(/\r?\n/);
  if (all.at(-1) === '') all.pop();
  // The first piece may be the end of a line that begins before the window.
  if (size < stat.size) all.shift();
  return all.slice(-lines);
}
