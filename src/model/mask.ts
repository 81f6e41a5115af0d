import type { EventBody, RunEvent } from './events.ts';
import { Matcher } from './mask-matcher.ts';
import { maskable, variantsOf, type Escape } from './mask-variants.ts';

/** What stands in place of a secret. */
export const masked = '***';

/** Masks a text that comes in pieces; a secret across their borders is found. */
export interface MaskStream {
  /** Takes a piece and gives what can be given by now. */
  push(piece: string): string;
  /** Gives the rest. */
  end(): string;
  /** Secrets masked so far. */
  readonly count: number;
}

/** Looks for secrets in bytes that come in pieces. */
export interface SecretFinder {
  /** Takes a piece; true as soon as a secret was found. */
  push(piece: Uint8Array): boolean;
}

export interface Masker {
  /** Names of the values that are too short to be masked; empty values need no mask and are not among them. */
  readonly refused: readonly string[];
  readonly mask: (text: string) => string;
  readonly stream: () => MaskStream;
  /** In UTF-8 and UTF-16. Compressed data is not unpacked. */
  readonly finder: () => SecretFinder;
  /**
   * Masks more from now on; streams and finders that were begun before go on as they were. What stands in one of the
   * `open` texts is no secret.
   */
  readonly add: (secrets: Iterable<readonly [name: string, value: string]>, open?: readonly string[]) => void;
}

/**
 * A masker for secrets, given as pairs of name and value (a Map will do). `escapes` are what ket's own sinks do to a
 * text: a secret is found in a page that was written before it was masked, too.
 */
export function maskerOf(
  secrets: Iterable<readonly [name: string, value: string]>,
  escapes: readonly Escape[] = [],
): Masker {
  const refused: string[] = [];
  const forms = new Set<string>();
  let matcher = new Matcher(forms);
  let inBytes: Matcher | undefined;
  const add: Masker['add'] = (more, open = []) => {
    const before = forms.size;
    for (const [name, value] of more) {
      if (value.trim() === '') continue;
      if (!maskable(value)) {
        if (!refused.includes(name)) refused.push(name);
      } else
        for (const form of variantsOf(value, escapes))
          if (!open.some((text) => text.includes(form))) forms.add(form);
    }
    if (forms.size === before) return;
    matcher = new Matcher(forms);
    inBytes = undefined;
  };
  add(secrets);
  const stream = (): MaskStream => new Stream(matcher);
  return {
    refused,
    stream,
    add,
    mask(text) {
      if (matcher.longest === 0) return text;
      const whole = new Stream(matcher);
      return whole.push(text) + whole.end();
    },
    finder() {
      inBytes ??= new Matcher(new Set([...forms].flatMap(bytesOf)));
      return new Finder(inBytes);
    },
  };
}

const isHighSurrogate = (unit: number): boolean => unit >= 0xd800 && unit <= 0xdbff;

class Stream implements MaskStream {
  count = 0;
  readonly #matcher: Matcher;
  /** What was not given out yet: a secret may begin in it. */
  #rest = '';
  /** So many units of the rest belong to a secret that is masked already. */
  #covered = 0;

  constructor(matcher: Matcher) {
    this.#matcher = matcher;
  }

  push(piece: string): string {
    const text = this.#rest + piece;
    let upTo = text.length - Math.max(0, this.#matcher.longest - 1);
    // Half of a character at the end of a piece would be written as a replacement character.
    if (upTo > 0 && isHighSurrogate(text.charCodeAt(upTo - 1))) upTo -= 1;
    if (upTo > 0) return this.#take(text, upTo);
    this.#rest = text;
    return '';
  }

  end(): string {
    return this.#take(this.#rest, this.#rest.length);
  }

  /** Secrets that overlap become one mask: what the second adds to the first is secret too. */
  #take(text: string, upTo: number): string {
    let out = '';
    let covered = this.#covered;
    this.#matcher.scan(text, upTo, (at, length) => {
      if (at >= covered) {
        out += text.slice(covered, at) + masked;
        this.count += 1;
      }
      covered = Math.max(covered, at + length);
    });
    if (covered < upTo) out += text.slice(covered, upTo);
    this.#rest = text.slice(upTo);
    this.#covered = Math.max(0, covered - upTo);
    return out;
  }
}

const bytesOf = (form: string): string[] => {
  const little = Buffer.from(form, 'utf16le');
  return [Buffer.from(form, 'utf8'), little, Buffer.from(little).swap16()].map((b) => b.toString('latin1'));
};

class Finder implements SecretFinder {
  readonly #matcher: Matcher;
  #rest = '';
  #found = false;

  constructor(matcher: Matcher) {
    this.#matcher = matcher;
  }

  push(piece: Uint8Array): boolean {
    const text =
      this.#rest + Buffer.from(piece.buffer, piece.byteOffset, piece.byteLength).toString('latin1');
    this.#matcher.scan(text, text.length, () => {
      this.#found = true;
    });
    this.#rest = text.slice(Math.max(0, text.length - Math.max(0, this.#matcher.longest - 1)));
    return this.#found;
  }
}

/** Fields of events whose values are words and numbers of ket's own: a secret "passed" must not change an outcome. */
const ownWords = new Set([
  'type',
  'time',
  'outcome',
  'status',
  'phase',
  'level',
  'infraClass',
  'cause',
  'code',
]);

function deep(value: unknown, masker: Masker): unknown {
  if (typeof value === 'string') return masker.mask(value);
  if (Array.isArray(value)) return value.map((item) => deep(item, masker));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [
      key,
      ownWords.has(key) && typeof item === 'string' ? item : deep(item, masker),
    ]),
  );
}

/** The event with every text in it masked. */
export function maskEvent<E extends RunEvent | EventBody>(masker: Masker, event: E): E {
  return deep(event, masker) as E;
}
