import path from 'node:path';
import type { CaseInfo } from '../model/events.ts';
import { clip } from '../results/text.ts';
import { plainText } from './escape.ts';
import { caseTitle } from './final.ts';
import { plural } from '../model/format.ts';
import { lastAttempt, type RunView, type SuiteView } from './model.ts';

/** One thing to say beside the code: at its place, if that is known and in the workspace. */
export interface Annotation {
  readonly level: 'error' | 'warning' | 'notice';
  readonly title: string;
  readonly message: string;
  /** Relative to the workspace, with `/`. */
  readonly file?: string;
  /** From 1. */
  readonly line?: number;
}

/** The path in the workspace of a file that JUnit names; undefined when it is not there. */
export type Locate = (file: string) => string | undefined;

export interface LocateOptions {
  readonly workspace: string;
  /** Folders that JUnit's paths may be relative to, absolute: the workspace, the folder of ket.yaml. */
  readonly roots: readonly string[];
  readonly exists: (file: string) => boolean;
}

/** A pod's paths are its image's: only what is found at the same place in the workspace is taken for the same file. */
export function locator({ workspace, roots, exists }: LocateOptions): Locate {
  return (file) => {
    if (file === '' || file.includes('\0')) return undefined;
    for (const root of path.isAbsolute(file) ? ['/'] : roots) {
      const full = path.resolve(root, file);
      const relative = path.relative(workspace, full);
      const inside = relative !== '' && relative.split(path.sep)[0] !== '..' && !path.isAbsolute(relative);
      if (inside && exists(full)) return relative.split(path.sep).join('/');
    }
    return undefined;
  };
}

/** The runner keeps 4096 characters of a message. */
const messageBytes = 4000;
const titleBytes = 250;

const annotation = (
  level: Annotation['level'],
  title: string,
  message: string,
  place: { readonly file?: string; readonly line?: number } = {},
): Annotation => ({
  level,
  title: clip(plainText(title).replace(/\s+/g, ' ').trim(), titleBytes) || 'ket',
  message: clip(plainText(message).trim(), messageBytes) || 'there is no message',
  ...place,
});

/**
 * All that went wrong in a run, worst first: what ended it, suites that failed by more than a case, failed cases, then
 * cases and suites that passed after a failed try.
 */
export function annotationsOf(view: RunView, locate: Locate): Annotation[] {
  const suites = [...view.suites.values()];
  return [
    ...taskErrors(view),
    ...suites.flatMap(suiteFailure),
    ...suites.flatMap((suite) => badCases(suite, locate)),
    ...suites.flatMap((suite) => flakyCases(suite, locate)),
  ];
}

function taskErrors(view: RunView): Annotation[] {
  const failed = [...view.tasks.values()].flatMap(({ title, error }) =>
    error === undefined ? [] : [{ title, error }],
  );
  const own = view.ended?.error;
  if (own !== undefined && !failed.some(({ error }) => error.message === own.message))
    failed.push({ title: 'the run', error: own });
  return failed.map(({ title, error }) => {
    const next = error.next === undefined ? '' : `\nNext: ${error.next}`;
    return annotation('error', `${title}: ${error.code}`, `${error.message}${next}`);
  });
}

/** A suite whose failed cases tell all is not told once more. */
function suiteFailure(suite: SuiteView): Annotation[] {
  const { ended } = suite;
  if (ended?.outcome !== 'failed' && ended?.outcome !== 'infra-error') return [];
  if (ended.outcome === 'failed' && (lastAttempt(suite)?.bad.length ?? 0) > 0) return [];
  const kind = ended.infraClass === undefined ? ended.outcome : `${ended.outcome} (${ended.infraClass})`;
  return [annotation('error', `${suite.name}: ${kind}`, ended.message)];
}

function badCases(suite: SuiteView, locate: Locate): Annotation[] {
  if (suite.ended?.outcome === 'flaky' || suite.ended?.outcome === 'passed') return [];
  return (lastAttempt(suite)?.bad ?? []).map((found) => caseAnnotation('error', found, locate));
}

function flakyCases(suite: SuiteView, locate: Locate): Annotation[] {
  const last = lastAttempt(suite);
  const within = (last?.flaky ?? []).map((found) => caseAnnotation('warning', found, locate));
  if (suite.ended?.outcome !== 'flaky') return within;
  const earlier = suite.attempts.filter((attempt) => attempt !== last).flatMap((attempt) => attempt.bad);
  const told = [...earlier.map((found) => caseAnnotation('warning', found, locate)), ...within];
  return told.length > 0 ? told : [annotation('warning', `${suite.name}: flaky`, suite.ended.message)];
}

function caseAnnotation(level: Annotation['level'], found: CaseInfo, locate: Locate): Annotation {
  const file = found.file === undefined ? undefined : locate(found.file);
  const kind = level === 'warning' ? 'flaky' : found.status === 'error' ? 'error' : 'failed';
  const { line } = found;
  return annotation(
    level,
    `${found.suite}: ${caseTitle(found)}`,
    found.message ?? `${kind}, without a message`,
    file === undefined
      ? {}
      : { file, ...(line !== undefined && Number.isSafeInteger(line) && line > 0 ? { line } : {}) },
  );
}

/** A runner keeps 10 of a kind per step; one error is the step's own end, one notice says what is left out. */
export const mostPerStep = { error: 9, warning: 10, notice: 9 } as const;

/** As many as a step may have, and one notice with the number of the others. */
export function stepAnnotations(
  all: readonly Annotation[],
  most: Readonly<Record<Annotation['level'], number>> = mostPerStep,
): Annotation[] {
  const left = { ...most };
  const kept = all.filter(({ level }) => left[level]-- > 0);
  const more = all.length - kept.length;
  if (more === 0) return kept;
  return [
    ...kept,
    annotation('notice', 'ket', `${plural(more, 'more problem')}: the summary has all of them`),
  ];
}

/** As the functions `error`, `warning` and `notice` of @actions/core take it, beside the message. */
export function annotationProperties({ title, file, line }: Annotation): {
  title: string;
  file?: string;
  startLine?: number;
} {
  return {
    title,
    ...(file === undefined ? {} : { file }),
    ...(file === undefined || line === undefined ? {} : { startLine: line }),
  };
}
