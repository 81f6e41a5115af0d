/** One line of a log with timestamps, as the kubelet sends it. */
export interface StampedLine {
  /** The stamp as it was sent. */
  readonly printed: string;
  /** The stamp as Unix time: whole seconds, and nanoseconds within. */
  readonly seconds: number;
  readonly nanos: number;
  /** Where the text begins in `bytes`. */
  readonly textAt: number;
  readonly bytes: Buffer;
}

type Stamp = Pick<StampedLine, 'seconds' | 'nanos'>;

/** As instants: a node's stamps change their zone when its clocks go from summer to winter. */
export const compareStamps = (a: Stamp, b: Stamp): number => a.seconds - b.seconds || a.nanos - b.nanos;

const space = 0x20;
const carriageReturn = 0x0d;
/** RFC 3339 with nine digits and an offset has 35 bytes. */
const longestStamp = 40;
const stampForm = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d)$/;

/** Reads stamps; most lines come from the same second as the one before, whose parsing is kept. */
export class Stamps {
  #text = '';
  #seconds = 0;

  /** Undefined for a line without a stamp: the container did not print it, the kubelet did. */
  parse(bytes: Buffer): StampedLine | undefined {
    const end = bytes.subarray(0, longestStamp).indexOf(space);
    if (end === -1) return undefined;
    const printed = bytes.toString('latin1', 0, end);
    const match = stampForm.exec(printed);
    if (match === null) return undefined;
    const [, date = '', fraction = '', zone = ''] = match;
    if (date + zone !== this.#text) {
      const ms = Date.parse(date + zone);
      if (Number.isNaN(ms)) return undefined;
      this.#text = date + zone;
      this.#seconds = ms / 1000;
    }
    return {
      printed,
      seconds: this.#seconds,
      nanos: Number(fraction.padEnd(9, '0')),
      textAt: end + 1,
      bytes,
    };
  }
}

/** What the container printed, without the line end; invalid UTF-8 becomes U+FFFD. */
export function textOf({ bytes, textAt }: StampedLine): string {
  const end = bytes.at(-1) === carriageReturn && bytes.length > textAt ? bytes.length - 1 : bytes.length;
  return bytes.toString('utf8', textAt, end);
}
