import { ManifestError, mostManifestBytes } from './manifest.ts';

const lastLine = Buffer.from('{"end":true');
const newline = 0x0a;

/** Takes a manifest as it comes, in pieces, and finds where it ends: other bytes may follow at once. */
export class ManifestReader {
  readonly #chunks: Buffer[] = [];
  #length = 0;
  /** The first bytes of the line that has not ended. */
  #start = Buffer.alloc(0);

  /** What follows the manifest in this piece, once its last line is whole; throws when it is too large. */
  take(chunk: Buffer): Buffer | undefined {
    for (let at = 0; ;) {
      const end = chunk.indexOf(newline, at);
      const part = chunk.subarray(at, end < 0 ? chunk.length : end);
      const start = Buffer.concat([this.#start, part.subarray(0, lastLine.length - this.#start.length)]);
      if (end < 0) {
        this.#start = start;
        this.#keep(chunk);
        return undefined;
      }
      if (start.equals(lastLine)) {
        this.#keep(chunk.subarray(0, end + 1));
        return chunk.subarray(end + 1);
      }
      this.#start = Buffer.alloc(0);
      at = end + 1;
    }
  }

  /** The manifest, or what there is of it. */
  bytes(): Buffer {
    return Buffer.concat(this.#chunks);
  }

  #keep(chunk: Buffer): void {
    this.#length += chunk.length;
    if (this.#length > mostManifestBytes)
      throw new ManifestError('malformed', `the manifest is larger than ${mostManifestBytes} bytes`);
    this.#chunks.push(chunk);
  }
}
