import type { Problem } from './problems.ts';
import type { ProblemMore, Source } from './source.ts';
import { fill, placeOfVariable, type Environment } from './variables.ts';

/** Data of YAML files in which every part knows its own file and place, so that what was merged of several still does. */

export type Path = readonly (string | number)[];

interface Placed {
  readonly from: Source;
  readonly at: Path;
}

export interface Leaf extends Placed {
  readonly is: 'scalar';
  readonly value: unknown;
  /** `filled`: made of variables. `open`: of one whose value is not known here. */
  readonly made?: 'filled' | 'open';
}

export interface Mapping extends Placed {
  readonly is: 'mapping';
  readonly entries: ReadonlyMap<string, Tree>;
}

export interface List extends Placed {
  readonly is: 'list';
  readonly items: readonly Tree[];
}

export type Tree = Leaf | Mapping | List;

/** The tree of a file's data, its variables filled in; a key with an empty value says nothing and is left out. */
export function treeOf(from: Source, env?: Environment): { tree: Tree; problems: Problem[] } {
  const problems: Problem[] = [];
  const build = (value: unknown, at: Path): Tree => {
    if (Array.isArray(value))
      return { is: 'list', from, at, items: value.map((item, index) => build(item, [...at, index])) };
    if (typeof value === 'object' && value !== null) {
      const entries = Object.entries(value).filter(([, inner]) => inner !== null);
      for (const [key] of entries)
        if (fill(key).variables)
          problems.push(
            from.problem([...at, key], `"${key}" is a key; variables are filled in in values only`, {
              key: true,
            }),
          );
      return {
        is: 'mapping',
        from,
        at,
        entries: new Map(entries.map(([key, inner]) => [key, build(inner, [...at, key])])),
      };
    }
    if (typeof value !== 'string') return { is: 'scalar', from, at, value };
    const filled = fill(value, env);
    for (const { message, index } of filled.faults)
      problems.push(from.problem(at, message, { inside: placeOfVariable(from, at, index) }));
    const made = filled.open || filled.faults.length > 0 ? 'open' : filled.variables ? 'filled' : undefined;
    return { is: 'scalar', from, at, value: filled.text, ...(made === undefined ? {} : { made }) };
  };
  const tree = build(from.data, []);
  return { tree, problems };
}

/** The plain data of a tree. */
export function dataOf(tree: Tree): unknown {
  if (tree.is === 'scalar') return tree.value;
  if (tree.is === 'list') return tree.items.map(dataOf);
  return Object.fromEntries([...tree.entries].map(([key, inner]) => [key, dataOf(inner)]));
}

export function childOf(tree: Tree | undefined, step: string | number): Tree | undefined {
  if (tree?.is === 'mapping') return tree.entries.get(String(step));
  return tree?.is === 'list' && typeof step === 'number' ? tree.items[step] : undefined;
}

export const itemsOf = (tree: Tree | undefined): readonly Tree[] => (tree?.is === 'list' ? tree.items : []);

export const valueOf = (tree: Tree | undefined): unknown => (tree?.is === 'scalar' ? tree.value : undefined);

/** A problem of a part of a tree, in the file and at the place that the part comes from. */
export function problemAt(tree: Tree, message: string, more?: ProblemMore): Problem {
  return tree.from.problem(tree.at, message, more);
}

/** A place as messages name it: `nodes[0].extraMounts[1].hostPath`. */
export const nameOf = (at: Path): string =>
  at
    .map((step) => (typeof step === 'number' ? `[${step}]` : `.${step}`))
    .join('')
    .replace(/^\./, '');
