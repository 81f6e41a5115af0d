import type { Writable } from 'node:stream';

/** A stream of this process, or what a test puts in its place. */
export type Reader = NodeJS.WritableStream & Partial<Pick<Writable, 'writableNeedDrain'>>;

/**
 * Asks whether who reads a stream has caught up; what is written all the same waits in memory. A reader that is gone is
 * waited for by nobody.
 */
export function roomOf(stream: Reader): () => Promise<void> | undefined {
  let waiting: Promise<void> | undefined;
  return () => {
    if (stream.writableNeedDrain !== true) return undefined;
    waiting ??= new Promise<void>((resolve) => {
      const done = (): void => {
        for (const name of ends) stream.removeListener(name, done);
        waiting = undefined;
        resolve();
      };
      for (const name of ends) stream.on(name, done);
    });
    return waiting;
  };
}

const ends = ['drain', 'close', 'error'] as const;
