import { isRecord } from './overlay.ts';

/** Values of a release that are written in ket.yaml, and those that come from the environment of this machine. */

/** The keys to a value: `db.password` is `password` in `db`; a backslash makes a dot part of a key. */
export const valuePath = (text: string): string[] =>
  (text.match(/(?:\\.|[^.\\])+|(?<=^|\.)(?=\.|$)/g) ?? []).map((key) => key.replace(/\\(.)/g, '$1'));

/** What is wrong with the keys to a value. */
export function valuePathProblem(text: string): string | undefined {
  if (/\\(?![.\\])/.test(text))
    return `"${text}" has a backslash that stands before neither a dot nor another`;
  if (valuePath(text).some((key) => key === '')) return `"${text}" has an empty key; write db.password`;
  if (/[[\]{}=,]/.test(text))
    return `"${text}" is not made of keys and dots alone: an entry of a list has no key`;
  return undefined;
}

/** The fields of a release in ket.yaml that this is about. */
interface Fields {
  readonly set: Readonly<Record<string, unknown>>;
  readonly inline: Readonly<Record<string, unknown>>;
  readonly secrets: Readonly<Record<string, string>>;
}

/** Secrets that would have no effect, or take the effect of something else, by their text in ket.yaml. */
export function secretValueProblems({ set, inline, secrets }: Fields): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  for (const text of Object.keys(secrets)) {
    const path = valuePath(text);
    const other = Object.keys(secrets).find((one) => one !== text && begins(path, valuePath(one)));
    if (Object.hasOwn(set, text)) found.set(text, 'stands in "set" too, which goes before it');
    else if (other !== undefined) found.set(text, `is within "${other}", which is a secret itself`);
    else if (crosses(inline, path)) found.set(text, 'is within a value of "inline" that has no keys');
  }
  return found;
}

const begins = (path: readonly string[], other: readonly string[]): boolean =>
  other.length <= path.length && other.every((key, index) => key === path[index]);

/** Whether something on the way is there and is no mapping. */
function crosses(values: Readonly<Record<string, unknown>>, path: readonly string[]): boolean {
  let at: unknown = values;
  for (const key of path.slice(0, -1)) {
    if (!isRecord(at) || !Object.hasOwn(at, key)) return false;
    at = at[key];
    if (!isRecord(at)) return true;
  }
  return false;
}
