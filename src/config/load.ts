import path from 'node:path';
import { fieldProblems } from './checks.ts';
import { fileProblems, type Folders } from './files.ts';
import { problemsOfIssues, valueAt } from './issues.ts';
import { isRecord, put } from './overlay.ts';
import { problemsError, sortProblems, type Problem } from './problems.ts';
import { configSchema, type KetConfig } from './schema.ts';
import { follows, soundPart } from './repair.ts';
import { readSource, shownPath, type Source } from './source.ts';

export interface LoadedConfig {
  readonly config: KetConfig;
  /** Absolute. */
  readonly path: string;
  /** Folder of the file, absolute: what its paths are relative to. */
  readonly root: string;
}

/** A file is either usable as a whole or has problems; there is nothing between. */
export type CheckedConfig =
  | ({ readonly problems: readonly [] } & LoadedConfig)
  | { readonly problems: readonly [Problem, ...Problem[]] };

/** Reads and checks a ket.yaml without an exception: all problems at once, in the order of the file. */
export function checkConfig(file: string, cwd = process.cwd()): CheckedConfig {
  const absolute = path.resolve(cwd, file);
  const root = path.dirname(absolute);
  const source = readSource(absolute, shownPath(absolute, cwd));
  const { config, problems } = validateSource(source, { root, cwd });
  const [first, ...others] = sortProblems(problems);
  if (first !== undefined) return { problems: [first, ...others] };
  if (config === undefined) throw new Error('a file without problems has a configuration');
  return { problems: [], config, path: absolute, root };
}

/** All that can be said of a ket.yaml; from its text alone where no folders are given. */
export function validateSource(file: Source, folders?: Folders): { config?: KetConfig; problems: Problem[] } {
  const source = withWrittenVersions(file);
  const problems = [...source.problems];
  if (source.data === undefined) return { problems };
  if (source.data === null) {
    problems.push(source.problem([], 'the file is empty; `ket init` writes one to start from'));
    return { problems };
  }
  const parsed = configSchema.safeParse(source.data);
  const issues = parsed.error?.issues ?? [];
  problems.push(...problemsOfIssues(issues, source));
  const config = parsed.data ?? soundPart(source.data, issues);
  if (config === undefined) return { problems };
  problems.push(...fieldProblems(config, source).filter((problem) => !follows(problem, issues)));
  // A file that is not there is a problem of its own, whatever else is wrong beside it.
  if (folders !== undefined) problems.push(...fileProblems(config, source, folders));
  return { config, problems };
}

/** Versions of Kubernetes that YAML takes for numbers, as they stand in the file. */
function withWrittenVersions(source: Source): Source {
  const tiers = valueAt(source.data, ['tiers']);
  const places = [
    ['tools', 'kubernetes'],
    ...Object.keys(isRecord(tiers) ? tiers : {}).flatMap((name) => {
      const at = ['tiers', name, 'cluster', 'kubernetes'];
      const value = valueAt(source.data, at);
      return Array.isArray(value) ? value.map((_, index) => [...at, index]) : [at];
    }),
  ];
  const data = places.reduce((whole, at) => {
    const text = typeof valueAt(whole, at) === 'number' ? source.written(at) : undefined;
    return text === undefined ? whole : put(whole, at, text);
  }, source.data);
  return { ...source, data };
}

/** Reads ket.yaml; throws one KetError (`KET_CONFIG`) that names every problem. */
export function loadConfig(file: string, cwd = process.cwd()): LoadedConfig {
  const checked = checkConfig(file, cwd);
  if (checked.problems.length > 0)
    throw problemsError(checked.problems, shownPath(path.resolve(cwd, file), cwd));
  return checked as LoadedConfig;
}
