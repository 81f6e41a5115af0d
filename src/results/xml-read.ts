import { createReadStream } from 'node:fs';
import { SaxesParser } from 'saxes';
import { messageOf } from '../model/errors.ts';
import { XmlDecoder } from './xml-decode.ts';

/** How the reading of a file ended; only `ok` says that all of it was read. */
export type XmlEnd =
  | 'ok'
  /** There is no such file. */
  | 'missing'
  | 'empty'
  /** It ends before its root element is closed. */
  | 'cut'
  /** Not XML, or not the XML that was looked for. */
  | 'unreadable';

export interface XmlElement {
  /** Without a namespace prefix. */
  readonly name: string;
  readonly attributes: Readonly<Record<string, string | undefined>>;
}

export interface XmlHandlers {
  /** `depth` is 0 for the root. Throw `XmlRefused` for a file that is not what was looked for. */
  open(element: XmlElement, depth: number): void;
  /** Text or CDATA of the element that is open; of a long one only the beginning and the end. */
  text?(text: string): void;
  close?(name: string): void;
}

/** Thrown by a handler: the file is not what was looked for. */
export class XmlRefused extends Error {}

/** Thrown by a handler that has seen enough; the reading ends as `ok`. */
export class XmlEnough extends Error {}

export interface XmlOptions {
  /**
   * Accept a DOCTYPE that only names an external DTD, as several writers of coverage do; it is never loaded. One with
   * declarations of its own is always refused.
   */
  readonly allowDoctype?: boolean;
}

export interface XmlReading {
  readonly end: XmlEnd;
  readonly problems: readonly string[];
}

const limits = { text: 256 * 1024, name: 1024, depth: 256, attributes: 256 };
const keptOfText = 64 * 1024;
const strayAmpersand = 'it has an & that begins no reference (&amp;)';
const cutMark = '\n… (left out: the text is too long) …\n';

/** Fields of the parser that grow with the input; there is no public way to bound them. */
interface Growing {
  text: string;
  readonly name: string;
  readonly entity: string;
  readonly piTarget: string;
}

function growing(parser: SaxesParser): Growing {
  const fields = parser as unknown as Growing;
  for (const field of ['text', 'name', 'entity', 'piTarget'] as const)
    if (typeof fields[field] !== 'string') throw new TypeError(`saxes no longer has the field ${field}`);
  return fields;
}

/**
 * A strict reader for XML that nobody vouches for: no DTD, no entities but XML's own five, bounded depth and sizes.
 * It is stricter than most in one way: the first structural fault ends the reading, because a parser that goes on
 * after one may skip a failed case.
 */
class Reader {
  readonly #parser = new SaxesParser({ xmlns: false, forceXMLVersion: true, defaultXMLVersion: '1.0' });
  readonly #fields = growing(this.#parser);
  #depth = 0;
  #attributes = 0;
  #sawRoot = false;

  constructor(handlers: XmlHandlers, options: XmlOptions) {
    const parser = this.#parser;
    parser.on('error', (error) => {
      throw error;
    });
    parser.on('doctype', (text) => {
      if (options.allowDoctype !== true || text.includes('['))
        throw new XmlRefused('it has a DOCTYPE, which is refused');
    });
    parser.on('attribute', () => {
      if (++this.#attributes > limits.attributes) throw new XmlRefused('an element has too many attributes');
    });
    parser.on('opentag', (tag) => {
      this.#attributes = 0;
      this.#sawRoot = true;
      if (this.#depth >= limits.depth) throw new XmlRefused('its elements are nested too deeply');
      handlers.open({ name: localName(tag.name), attributes: tag.attributes }, this.#depth++);
    });
    parser.on('closetag', (tag) => {
      this.#depth--;
      handlers.close?.(localName(tag.name));
    });
    const onText = (text: string): void => {
      if (this.#depth > 0) handlers.text?.(text);
    };
    parser.on('text', onText);
    parser.on('cdata', onText);
  }

  write(text: string): void {
    for (let at = 0; at < text.length; at += limits.text) {
      this.#parser.write(text.slice(at, at + limits.text));
      const { name, entity, piTarget, text: held } = this.#fields;
      if (entity.length > limits.name) throw new XmlRefused(strayAmpersand);
      if (Math.max(name.length, piTarget.length) > limits.name)
        throw new XmlRefused('a name in it is too long');
      if (held.length > limits.text)
        this.#fields.text = held.slice(0, keptOfText) + cutMark + held.slice(-keptOfText);
    }
  }

  end(sawText: boolean): XmlEnd {
    if (!sawText) return 'empty';
    // The parser takes all up to the next `;` for the name of a reference.
    if (this.#fields.entity.length > 12) throw new XmlRefused(strayAmpersand);
    if (!this.#sawRoot || this.#depth > 0) return 'cut';
    try {
      this.#parser.close();
      return 'ok';
    } catch {
      // The root was closed, and something that began after it was not.
      return 'cut';
    }
  }
}

function localName(name: string): string {
  return name.slice(name.indexOf(':') + 1);
}

function codeOf(error: unknown): unknown {
  return typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined;
}

/** Reads XML from pieces of bytes. Never rejects: what goes wrong is the `end` and a problem. */
export async function readXmlFrom(
  source: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  handlers: XmlHandlers,
  options: XmlOptions = {},
): Promise<XmlReading> {
  const decoder = new XmlDecoder();
  const problems: string[] = [];
  let end: XmlEnd;
  try {
    const reader = new Reader(handlers, options);
    let sawText = false;
    const feed = (text: string): void => {
      // White space before the XML declaration is a fault of some writers, and harmless.
      const rest = sawText ? text : text.replace(/^[\s\ufeff]+/, '');
      sawText ||= rest !== '';
      reader.write(rest);
    };
    for await (const piece of source) feed(decoder.push(piece));
    feed(decoder.end());
    end = reader.end(sawText);
    if (end === 'cut') problems.push('the file ends before its root element is closed');
    if (end === 'empty') problems.push('the file is empty');
  } catch (error) {
    if (error instanceof XmlEnough) end = 'ok';
    else if (codeOf(error) === 'ENOENT' || codeOf(error) === 'ENOTDIR') {
      end = 'missing';
      problems.push('there is no such file');
    } else {
      end = 'unreadable';
      problems.push(`the file cannot be read: ${messageOf(error)}`);
    }
  }
  return { end, problems: [...problems, ...decoder.notes] };
}

/** Reads an XML file as a stream. Never rejects. */
export function readXml(path: string, handlers: XmlHandlers, options: XmlOptions = {}): Promise<XmlReading> {
  return readXmlFrom(createReadStream(path, { highWaterMark: 64 * 1024 }), handlers, options);
}

/** The name of a file's root element; undefined when it cannot be told. */
export async function rootOf(path: string): Promise<string | undefined> {
  let root: string | undefined;
  await readXml(
    path,
    {
      open({ name }) {
        root = name;
        throw new XmlEnough();
      },
    },
    { allowDoctype: true },
  );
  return root;
}
