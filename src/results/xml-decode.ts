import { TextDecoder } from 'node:util';

/**
 * Bytes of an XML file to text that an XML parser accepts: the encoding found as far as the bytes tell, characters
 * that XML forbids replaced. Test runners write such characters (a terminal's escape codes in a message), and a
 * replaced character changes no case, so it costs a note and not the file.
 */

// eslint-disable-next-line no-control-regex -- these are the characters that XML 1.0 forbids
const forbidden = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/g;
/** A terminal's colours, also where their escape character is written as a reference. */
// eslint-disable-next-line no-control-regex -- the escape character is what is looked for
const colours = /(?:\u001b|&#27;|&#x0?1[bB];)\[[0-9;]{0,30}m/g;
const numericReference = /&#(?:x([0-9a-fA-F]{1,8})|([0-9]{1,10}));/g;
/** An `&…` at the end of a piece that may go on in the next one. */
const openReference = /&[#0-9a-zA-Z]{0,12}$/;

export const replacement = '\ufffd';

/** Whether XML 1.0 allows the code point. */
export function isXmlChar(code: number): boolean {
  return (
    code === 9 ||
    code === 10 ||
    code === 13 ||
    (code >= 0x20 && code <= 0xd7ff) ||
    (code >= 0xe000 && code <= 0xfffd) ||
    (code >= 0x10000 && code <= 0x10ffff)
  );
}

interface Encoding {
  readonly label: string;
  /** Set when it is not UTF-8, or not what the file declares. */
  readonly note?: string;
}

/** The encoding of a document, from its first bytes: byte order mark, the look of `<`, then the declaration. */
function encodingOf(head: Buffer): Encoding {
  const utf16 = (label: string): Encoding => ({
    label,
    note: `the file is encoded in ${label}, not in UTF-8`,
  });
  if ((head[0] === 0xff && head[1] === 0xfe) || (head[0] === 0x3c && head[1] === 0)) return utf16('utf-16le');
  if ((head[0] === 0xfe && head[1] === 0xff) || (head[0] === 0 && head[1] === 0x3c)) return utf16('utf-16be');
  const declared = /^[^<]{0,3}<\?xml[^>]*?\sencoding\s*=\s*["']([A-Za-z0-9._-]{1,40})["']/.exec(
    head.toString('latin1', 0, 256),
  )?.[1];
  if (declared === undefined || /^(utf-?8|us-ascii|ascii)$/i.test(declared)) return { label: 'utf-8' };
  if (/^utf-?16/i.test(declared))
    return { label: 'utf-8', note: `the file declares the encoding ${declared} but is not written in it` };
  try {
    return {
      label: new TextDecoder(declared).encoding,
      note: `the file is encoded in ${declared}, not in UTF-8`,
    };
  } catch {
    return {
      label: 'utf-8',
      note: `the file declares the encoding ${declared}, which is not known; read as UTF-8`,
    };
  }
}

/** Decodes a document piece by piece. */
export class XmlDecoder {
  #decoder: TextDecoder | undefined;
  #carried = '';
  #head: Buffer = Buffer.alloc(0);
  readonly #notes = new Set<string>();

  /** What is odd about the characters of the file. */
  get notes(): readonly string[] {
    return [...this.#notes];
  }

  push(bytes: Uint8Array): string {
    if (this.#decoder !== undefined) return this.#clean(this.#decoder.decode(bytes, { stream: true }), false);
    // The first bytes may come in small pieces, and the encoding shows only in the declaration.
    this.#head = Buffer.concat([this.#head, bytes]);
    return this.#head.length < 256 ? '' : this.#start();
  }

  end(): string {
    const head = this.#decoder === undefined ? this.#start() : '';
    return head + this.#clean(this.#decoder?.decode() ?? '', true);
  }

  #start(): string {
    const { label, note } = encodingOf(this.#head);
    if (note !== undefined) this.#notes.add(note);
    this.#decoder = new TextDecoder(label);
    return this.#clean(this.#decoder.decode(this.#head, { stream: true }), false);
  }

  #clean(text: string, last: boolean): string {
    let whole = this.#carried + text;
    this.#carried = '';
    const open = last ? null : openReference.exec(whole);
    if (open !== null) {
      this.#carried = whole.slice(open.index);
      whole = whole.slice(0, open.index);
    }
    let replaced = whole.includes(replacement);
    const swap = (): string => {
      replaced = true;
      return replacement;
    };
    const cleaned = whole
      .replace(colours, '')
      .replace(forbidden, swap)
      .replace(numericReference, (all: string, hex: string | undefined, decimal: string | undefined) =>
        isXmlChar(hex === undefined ? Number(decimal) : Number.parseInt(hex, 16)) ? all : swap(),
      );
    if (replaced) this.#notes.add('characters that XML or the encoding does not allow were replaced');
    return cleaned;
  }
}
