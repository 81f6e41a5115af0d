import { readFileSync } from 'node:fs';
import path from 'node:path';
import {
  LineCounter,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  parseDocument,
  visit,
  type Document,
  type Node,
} from 'yaml';
import { messageOf } from '../model/errors.ts';
import type { Problem } from './problems.ts';

/** No configuration is larger; what is larger was named by mistake. */
const mostBytes = 1024 * 1024;

type Path = readonly (string | number)[];

/** A YAML file with the place of everything in it. */
export interface Source {
  /** As messages name it. */
  readonly file: string;
  readonly data: unknown;
  /** What is wrong with the file as YAML; `data` is undefined when it could not be read at all. */
  readonly problems: readonly Problem[];
  /** A problem at the key, or at the value, that has this path; at its nearest parent where there is none. */
  problem(at: Path, message: string, more?: ProblemMore): Problem;
  /** The text of a scalar as it stands in the file, e.g. `1.10` for a number. */
  written(at: Path): string | undefined;
  /** How a scalar stands in the file; undefined where no node has this path, e.g. what came by a merge. */
  scalar(at: Path): WrittenScalar | undefined;
}

export interface WrittenScalar {
  /** With its quotes, or the header and indentation of a block. */
  readonly raw: string;
  /** Without quotes, and not a block: YAML may make another type of it than text. */
  readonly plain: boolean;
}

export interface ProblemMore {
  readonly allowed?: readonly string[];
  readonly suggestion?: string | undefined;
  /** The place is that of the key; of the value unless given. */
  readonly key?: boolean;
  /** So many characters after the beginning of the value. */
  readonly inside?: number;
}

/** A path as messages show it. */
export function shownPath(file: string, cwd: string): string {
  const relative = path.relative(cwd, file);
  return relative === '' || relative.startsWith('..') ? file : relative;
}

/** Reads a YAML file of one document; whatever is wrong with it becomes a problem, never an exception. */
export function readSource(file: string, shown: string): Source {
  const whole = (message: string): Source => broken(shown, message);
  let bytes: Buffer;
  try {
    bytes = readFileSync(file);
  } catch (error) {
    return whole(`cannot be read: ${messageOf(error)}`);
  }
  if (bytes.length > mostBytes) return whole(`has ${bytes.length} bytes; at most ${mostBytes} are read`);
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return whole('is not UTF-8 text');
  }
  return parseSource(text, shown);
}

export function parseSource(text: string, file: string): Source {
  const lines = new LineCounter();
  try {
    const document = parseDocument(text, {
      lineCounter: lines,
      prettyErrors: false,
      merge: true,
      logLevel: 'error',
    });
    const at = (offset: number): { line: number; column: number } => {
      const { line, col } = lines.linePos(offset);
      return { line: Math.max(1, line), column: Math.max(1, col) };
    };
    const problems: Problem[] = [...document.errors, ...document.warnings].map((error) => ({
      file,
      ...at(error.pos[0]),
      path: [],
      message: `bad YAML: ${yamlFault(error.code, error.message, text.slice(error.pos[0]))}`,
    }));
    const lost = losses(document, (offset) => ({ file, ...at(offset) }));
    problems.push(...lost);
    const readable = lost.length === 0 && document.errors.every((error) => error.code === 'DUPLICATE_KEY');
    return {
      file,
      data: readable ? document.toJS() : undefined,
      problems,
      problem: (where, message, more = {}) => ({
        file,
        ...at(offsetOf(document, where, more.key === true) + (more.inside ?? 0)),
        path: where,
        message,
        ...(more.allowed === undefined ? {} : { allowed: more.allowed }),
        ...(more.suggestion === undefined ? {} : { suggestion: more.suggestion }),
      }),
      written: (where) => {
        const node = nodeAt(document, where);
        return isScalar(node) ? node.source : undefined;
      },
      scalar: (where) => {
        const node = nodeAt(document, where);
        if (!isScalar(node) || !node.range) return undefined;
        return { raw: text.slice(node.range[0], node.range[1]), plain: node.type === 'PLAIN' };
      },
    };
  } catch (error) {
    // Nesting too deep for the parser, or aliases that grow without end.
    return broken(file, `bad YAML: ${messageOf(error)}`);
  }
}

/** The parser's words, where they are not meant for programmers. */
function yamlFault(code: string, message: string, text: string): string {
  if (code === 'DUPLICATE_KEY') return `the key "${/^[^\s:]+/.exec(text)?.[0] ?? ''}" is there twice`;
  if (code === 'MULTIPLE_DOCS') return 'a second document begins here; only one is read';
  return message;
}

function broken(file: string, message: string): Source {
  const problem = (at: Path, text: string): Problem => ({
    file,
    line: 1,
    column: 1,
    path: at,
    message: text,
  });
  return {
    file,
    data: undefined,
    problems: [problem([], message)],
    problem,
    written: () => undefined,
    scalar: () => undefined,
  };
}

/** What would be lost, or fail without a place, on the way to plain data. */
function losses(
  document: Document.Parsed,
  place: (offset: number) => Pick<Problem, 'file' | 'line' | 'column'>,
): Problem[] {
  const found: Problem[] = [];
  const add = (node: Node | null, message: string): void => {
    found.push({ ...place(node?.range?.[0] ?? 0), path: [], message: `bad YAML: ${message}` });
  };
  visit(document, {
    Pair(_, { key }) {
      if (!isScalar(key) || key.value === '__proto__') add(key as Node | null, 'a key is a plain text here');
    },
    Alias(_, alias) {
      if (alias.resolve(document) === undefined)
        add(alias, `there is no anchor "&${alias.source}" before this`);
    },
  });
  return found;
}

/** The node with this path, aliases followed; undefined where the document has none (or it came by a merge). */
function nodeAt(document: Document.Parsed, where: Path): unknown {
  let node: unknown = document.contents;
  for (const step of where) {
    node = resolved(document, node);
    if (isMap(node)) node = node.items.find((pair) => keyText(pair.key) === String(step))?.value;
    else if (isSeq(node)) node = typeof step === 'number' ? node.items[step] : undefined;
    else return undefined;
  }
  return resolved(document, node);
}

const keyText = (key: unknown): string => String(isScalar(key) ? key.value : key);

const resolved = (document: Document.Parsed, node: unknown): unknown =>
  isAlias(node) ? node.resolve(document) : node;

function offsetOf(document: Document.Parsed, where: Path, key: boolean): number {
  for (let length = where.length; length > 0; length--) {
    const parent = nodeAt(document, where.slice(0, length - 1));
    const step = where[length - 1];
    const pair = isMap(parent) ? parent.items.find((item) => keyText(item.key) === String(step)) : undefined;
    const own = isSeq(parent) && typeof step === 'number' ? parent.items[step] : pair?.value;
    const nodes = key && length === where.length ? [pair?.key, own] : [own, pair?.key];
    for (const node of nodes) {
      const range = (node as Node | null | undefined)?.range;
      // An empty value has an empty range, which stands after its key: the key is the better place.
      if (range && (range[1] > range[0] || node === pair?.key)) return range[0];
    }
  }
  return (document.contents as Node | null)?.range?.[0] ?? 0;
}
