import type { StampedLine } from './log-line.ts';
import { compareStamps } from './log-line.ts';

/**
 * stdout and stderr are stamped by two threads of the container runtime before they are written to one file, so that
 * a later line may have an earlier stamp. Within this time of the newest one, lines are told apart one by one.
 */
const windowNanos = 1_000_000_000;
/** At very high rates that would be much memory: above this many lines the window is a tenth. */
const manyLines = 50_000;

/**
 * Where a follower stands in a log, exactly: the newest stamp, and the lines of the last second, as often as each
 * came. The server can only be asked for lines since a whole second (and hands out those of that second again); the
 * cursor tells which of them are new, also when many lines have one stamp.
 */
export class LogCursor {
  #newest: StampedLine | undefined;
  /** Delivered lines at and after the floor, in the order of their coming. */
  #window: StampedLine[] = [];
  #pruneAt = 1000;
  /** What is before it was delivered. It only ever rises: the window has all lines after it. */
  #floor: Pick<StampedLine, 'seconds' | 'nanos'> = { seconds: -Infinity, nanos: 0 };
  /** In a read that repeats: lines of the window that have not come again yet, with their count. */
  #expected: Map<string, number> | undefined;
  /** The newest line when that read began, and the one that came last. */
  #newestThen: StampedLine | undefined;
  #lastKey = '';
  /** The one that came last has come again: a rotation takes lines from the beginning, so nothing after it is lost. */
  #lastFound = false;
  #lost = false;

  /** Value of `sinceTime` for the next read. */
  get since(): string | undefined {
    this.#prune();
    if (this.#newest === undefined) return undefined;
    return new Date(this.#floor.seconds * 1000).toISOString().replace('.000Z', 'Z');
  }

  /** True when a read did not show the lines again that were delivered last: the log was rotated meanwhile. */
  get lost(): boolean {
    return this.#lost;
  }

  /** A new read begins: what was delivered comes again. */
  restart(): void {
    this.#prune();
    this.#newestThen = this.#newest;
    const last = this.#window.at(-1);
    this.#lastKey = last === undefined ? '' : keyOf(last);
    this.#lastFound = false;
    this.#expected = this.#window.length === 0 ? undefined : new Map();
    for (const line of this.#window) {
      const key = keyOf(line);
      this.#expected?.set(key, (this.#expected.get(key) ?? 0) + 1);
    }
  }

  /** In this read, the line that was delivered last has not come again yet. */
  get missing(): boolean {
    return this.#expected !== undefined && !this.#lastFound;
  }

  /** They will not come: what was between them and the lines of this read is lost. */
  giveUp(): void {
    this.#lost = true;
    this.#expected = undefined;
  }

  /** True when the line is new; it is remembered then. */
  accept(line: StampedLine): boolean {
    if (this.#expected !== undefined && this.#isRepeated(line, this.#expected)) return false;
    this.#window.push(line);
    if (this.#newest === undefined || compareStamps(line, this.#newest) > 0) this.#newest = line;
    if (this.#window.length >= this.#pruneAt) this.#prune();
    return true;
  }

  #isRepeated(line: StampedLine, expected: Map<string, number>): boolean {
    if (compareStamps(line, this.#floor) < 0) return true;
    const key = keyOf(line);
    const count = expected.get(key);
    if (count === undefined) {
      // New, and newer than all that should come again: whatever has not come by now will not.
      if (this.#newestThen !== undefined && compareStamps(line, this.#newestThen) > 0) {
        if (this.missing) this.giveUp();
        this.#expected = undefined;
      }
      return false;
    }
    if (key === this.#lastKey) this.#lastFound = true;
    if (count > 1) expected.set(key, count - 1);
    else expected.delete(key);
    if (expected.size === 0) this.#expected = undefined;
    return true;
  }

  #prune(): void {
    if (this.#newest === undefined) return;
    this.#raiseFloor(this.#newest, windowNanos);
    if (this.#window.length > manyLines) this.#raiseFloor(this.#newest, windowNanos / 10);
    this.#pruneAt = Math.max(1000, 2 * this.#window.length);
  }

  #raiseFloor({ seconds, nanos }: StampedLine, by: number): void {
    const floor =
      nanos >= by ? { seconds, nanos: nanos - by } : { seconds: seconds - 1, nanos: nanos + 1e9 - by };
    if (compareStamps(floor, this.#floor) <= 0) return;
    this.#floor = floor;
    this.#window = this.#window.filter((line) => compareStamps(line, floor) >= 0);
  }
}

/** All bytes of the line, as a string that can be a key. */
const keyOf = (line: StampedLine): string => line.bytes.toString('latin1');
