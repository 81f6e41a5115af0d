const newline = 0x0a;

/**
 * Cuts a stream of bytes into lines. Bytes, not text: a chunk may end inside a character. The rest without a newline
 * stays until its end comes; who knows that the stream is whole takes it with `rest`.
 */
export class Lines {
  readonly #maxBytes: number;
  #pieces: Buffer[] = [];
  #bytes = 0;
  /** Bytes left out of the line that is being read. */
  #dropped = 0;

  /** Of a longer line only the first `maxBytes` are kept, so that a line without end cannot fill the memory. */
  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  push(chunk: Buffer, onLine: (line: Buffer, dropped: number) => void): void {
    let start = 0;
    for (;;) {
      const end = chunk.indexOf(newline, start);
      if (end === -1) break;
      const piece = chunk.subarray(start, end);
      start = end + 1;
      if (this.#bytes === 0 && this.#dropped === 0 && piece.length <= this.#maxBytes) onLine(piece, 0);
      else {
        this.#add(piece);
        const { line, dropped } = this.rest();
        onLine(line, dropped);
      }
    }
    if (start < chunk.length) this.#add(chunk.subarray(start));
  }

  /** Takes what has come since the last newline. */
  rest(): { readonly line: Buffer; readonly dropped: number } {
    const line =
      this.#pieces.length === 1 ? (this.#pieces[0] ?? Buffer.alloc(0)) : Buffer.concat(this.#pieces);
    const dropped = this.#dropped;
    this.#pieces = [];
    this.#bytes = 0;
    this.#dropped = 0;
    return { line, dropped };
  }

  #add(piece: Buffer): void {
    const room = this.#maxBytes - this.#bytes;
    const kept = piece.length > room ? piece.subarray(0, room) : piece;
    this.#dropped += piece.length - kept.length;
    this.#bytes += kept.length;
    if (kept.length > 0) this.#pieces.push(kept);
  }
}
