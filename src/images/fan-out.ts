import { PassThrough, Writable } from 'node:stream';

export interface FanOut {
  /** Takes the bytes; it slows its source down to the slowest of the readers. */
  readonly input: Writable;
  /** One stream per reader. A reader that is destroyed is left out, the others go on. */
  readonly outputs: readonly PassThrough[];
  /** Bytes that came. */
  bytes(): number;
}

/** One stream in, the same bytes out to several readers at once, without a file in between. */
export function fanOut(readers: number): FanOut {
  const outputs = Array.from({ length: readers }, () => new PassThrough({ highWaterMark: 1024 * 1024 }));
  let bytes = 0;
  const input = new Writable({
    highWaterMark: 1024 * 1024,
    write(chunk: Buffer, _encoding, callback) {
      bytes += chunk.length;
      const live = outputs.filter((output) => !output.destroyed);
      if (live.length === 0) {
        callback(new Error('nobody reads any more'));
        return;
      }
      void Promise.all(live.map((output) => writeTo(output, chunk))).then(() => callback());
    },
    final(callback) {
      for (const output of outputs) output.end();
      callback();
    },
    destroy(error, callback) {
      // After a regular end the readers still have bytes to read.
      if (error !== null) for (const output of outputs) output.destroy();
      callback(error);
    },
  });
  for (const output of outputs) output.on('error', () => undefined);
  return { input, outputs, bytes: () => bytes };
}

/** Resolves when the reader takes more, or is gone. */
function writeTo(output: PassThrough, chunk: Buffer): Promise<void> {
  return new Promise((resolve) => {
    if (output.write(chunk)) {
      resolve();
      return;
    }
    const done = (): void => {
      output.off('drain', done);
      output.off('close', done);
      resolve();
    };
    output.once('drain', done);
    output.once('close', done);
  });
}
