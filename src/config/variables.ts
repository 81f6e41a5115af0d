import { ofTheRunner } from '../model/runner.ts';
import type { Source } from './source.ts';

/**
 * `${NAME}` and `${NAME:-default}` in a text, `$$` for a dollar itself. Any other dollar stands for itself. Files are
 * parsed first and their texts filled in afterwards, so that no value can change what a file is made of.
 */

export type Environment = Readonly<Record<string, string | undefined>>;

export interface Filled {
  readonly text: string;
  /** Whether a variable stood in the text. */
  readonly variables: boolean;
  /** Without an environment: a variable has no default, and its value is not known here. */
  readonly open: boolean;
  readonly faults: readonly Fault[];
}

interface Fault {
  readonly message: string;
  /** Which `${` of the text it is, from 0. */
  readonly index: number;
}

const piece = (): RegExp => /\$\$|\$\{([^}]*)(\}?)/g;
const variable = /^([A-Za-z_]\w*)(?::-([^]*))?$/;

/** The text with its variables filled in; without an environment only with their defaults. */
export function fill(text: string, env?: Environment): Filled {
  const faults: Fault[] = [];
  let count = 0;
  let open = false;
  const filled = text.replace(piece(), (whole: string, body: string | undefined, end: string) => {
    if (body === undefined) return '$';
    const index = count++;
    const [, name, standard] = (end === '' ? null : variable.exec(body)) ?? [];
    if (name === undefined || standard?.includes('${') === true) {
      faults.push({ index, message: malformed(whole, end !== '') });
      return whole;
    }
    if (ofTheRunner.test(name)) {
      faults.push({ index, message: `the variable ${name} is for the runner alone and is not filled in` });
      return whole;
    }
    // An empty one is none, as everywhere in CI.
    const value = (env !== undefined && Object.hasOwn(env, name) ? env[name] : undefined) ?? '';
    if (value !== '') return value;
    if (standard !== undefined) return standard;
    open = true;
    if (env !== undefined) faults.push({ index, message: unset(name) });
    return whole;
  });
  return { text: filled, variables: count > 0, open, faults };
}

const unset = (name: string): string =>
  `the variable ${name} is not set: set it, or say with \${${name}:-VALUE} what it is otherwise`;

function malformed(whole: string, closed: boolean): string {
  const cure = 'write $${ where no variable is meant';
  if (!closed) return `a variable begins here that no "}" ends; ${cure}`;
  if (whole.indexOf('${', 1) > 0)
    return `"${whole}" has a variable in the default of another, which is not filled in`;
  return `"${whole}" is neither \${NAME} nor \${NAME:-default}; ${cure}`;
}

/** Whether the text is one variable and nothing else. */
export const isOneVariable = (text: string): boolean => /^\$\{[^}]*\}$/.test(text);

/** Where in a scalar of a file the variable with this index begins. */
export function placeOfVariable(source: Source, at: readonly (string | number)[], index: number): number {
  const raw = source.scalar(at)?.raw ?? '';
  const found = [...raw.matchAll(piece())].filter(([text]) => text !== '$$');
  return found[index]?.index ?? 0;
}
