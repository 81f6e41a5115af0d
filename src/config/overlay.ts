import type { InputName } from './inputs.ts';
import { valueAt } from './issues.ts';
import { inputProblem } from './problems.ts';
import type { Source } from './source.ts';

/** What inputs change in a configuration, and how a problem is then told: at the input, or at the line of the file. */

export type Path = readonly (string | number)[];

/** One place of ket.yaml that an input decides. */
export interface Edit {
  readonly input: InputName;
  readonly at: Path;
  /** `undefined` takes the key out of the file; or says, with `claim`, only who is to be named for this place. */
  readonly value?: unknown;
  readonly claim?: true;
}

/** A source in which nothing is, for a plan from inputs alone. */
export const noSource: Source = {
  file: '',
  data: {},
  problems: [],
  problem: (_, message, more = {}) =>
    inputProblem('config', message, more.allowed === undefined ? {} : { allowed: more.allowed }),
  written: () => undefined,
  scalar: () => undefined,
};

/** The file with these edits; what an edit brought in has the input as its place. */
export function withEdits(source: Source, edits: readonly Edit[]): Source {
  const data = edits.reduce(
    (value: unknown, edit) => (edit.claim ? value : put(value, edit.at, edit.value)),
    source.data,
  );
  const owner = (at: Path): InputName | undefined => {
    const above = edits.findLast((edit) => startsWith(at, edit.at));
    if (above !== undefined) return above.input;
    // What the file does not have at all was made by the inputs below it.
    if (valueAt(source.data, at) !== undefined) return undefined;
    return edits.find((edit) => startsWith(edit.at, at) && edit.value !== undefined)?.input;
  };
  return {
    ...source,
    data,
    problem: (at, message, more = {}) => {
      const input = owner(at);
      if (input === undefined) return source.problem(at, message, more);
      const { allowed, suggestion } = more;
      return {
        ...inputProblem(input, message, {
          ...(allowed === undefined ? {} : { allowed }),
          ...(suggestion === undefined ? {} : { suggestion }),
        }),
        path: at,
      };
    },
    written: (at) => (owner(at) === undefined ? source.written(at) : undefined),
    scalar: (at) => (owner(at) === undefined ? source.scalar(at) : undefined),
  };
}

const startsWith = (at: Path, start: Path): boolean =>
  start.length <= at.length && start.every((step, index) => step === at[index]);

/**
 * The data with another value at this path, the rest shared. Where the file has something else than a mapping or a
 * list on the way, it stays as it is: that is a mistake of the file, which an input must not hide.
 */
export function put(data: unknown, at: Path, value: unknown): unknown {
  const [step, ...rest] = at;
  if (step === undefined) return value;
  if (typeof step === 'number') {
    if (data !== undefined && !Array.isArray(data)) return data;
    const list = [...((data ?? []) as readonly unknown[])];
    if (step > list.length) return data;
    list[step] = put(list[step], rest, value);
    return list;
  }
  if (data !== undefined && !isRecord(data)) return data;
  const inner = put(data?.[step], rest, value);
  if (inner !== undefined) return { ...data, [step]: inner };
  return Object.fromEntries(Object.entries(data ?? {}).filter(([key]) => key !== step));
}

export const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
