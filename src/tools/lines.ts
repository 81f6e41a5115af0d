import { StringDecoder } from 'node:string_decoder';

/** A line longer than this is handed on in pieces, so that a stream without line ends cannot fill the memory. */
const maxLine = 64 * 1024;

export interface LineSplitter {
  push(chunk: Buffer): void;
  /** Hands on what came after the last line end. */
  end(): void;
}

/** Cuts a byte stream into lines of text; a character that is split over two chunks stays whole. */
export function splitLines(onLine: (line: string) => void): LineSplitter {
  const decoder = new StringDecoder('utf8');
  let rest = '';
  const take = (text: string): void => {
    const lines = (rest + text).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) onLine(line.endsWith('\r') ? line.slice(0, -1) : line);
    while (rest.length > maxLine) {
      onLine(rest.slice(0, maxLine));
      rest = rest.slice(maxLine);
    }
  };
  return {
    push: (chunk) => take(decoder.write(chunk)),
    end: () => {
      take(decoder.end());
      if (rest !== '') onLine(rest);
      rest = '';
    },
  };
}

export interface TailBuffer {
  push(chunk: Buffer): void;
  text(): string;
}

/** Keeps the last bytes of a stream, whole chunks at a time, then exactly. */
export function tailBuffer(maxBytes: number): TailBuffer {
  const chunks: Buffer[] = [];
  let size = 0;
  return {
    push(chunk) {
      chunks.push(chunk);
      size += chunk.length;
      while (chunks.length > 1 && size - (chunks[0]?.length ?? 0) >= maxBytes)
        size -= chunks.shift()?.length ?? 0;
    },
    text() {
      const all = Buffer.concat(chunks);
      return all.subarray(Math.max(0, all.length - maxBytes)).toString('utf8');
    },
  };
}
