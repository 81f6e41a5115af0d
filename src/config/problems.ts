import { distance } from 'fastest-levenshtein';
import { KetError } from '../model/errors.ts';

/** Something wrong in a file that ket reads, or in an input; all of them are found and told at once. */
export interface Problem {
  /** The Action's input that is the place, in place of a file and a line. */
  readonly input?: string;
  /** As people know it: relative to where they are, where that is shorter. */
  readonly file: string;
  /** From 1. */
  readonly line: number;
  readonly column: number;
  /** Keys and indices from the top of the file, e.g. `tiers`, `unit`, `suites`, 0, `name`. */
  readonly path: readonly (string | number)[];
  readonly message: string;
  /** What may stand there. */
  readonly allowed?: readonly string[];
  readonly suggestion?: string;
}

/** A problem whose place is an input: it comes before those of files, which have lines. */
export function inputProblem(
  input: string,
  message: string,
  more: Pick<Problem, 'allowed' | 'suggestion'> = {},
): Problem {
  return { input, file: '', line: 0, column: 0, path: [], message, ...more };
}

const placeOf = (problem: Problem): string =>
  problem.input === undefined
    ? `${problem.file}:${problem.line}:${problem.column}`
    : `input ${oneLine(problem.input)}`;

/** `ket.yaml:12:5: unknown key "comand" in suite "api" (did you mean "command"?)`, then what is allowed. */
export function renderProblem(problem: Problem): string[] {
  const suggestion = problem.suggestion === undefined ? '' : ` (did you mean "${problem.suggestion}"?)`;
  const lines = [`${placeOf(problem)}: ${oneLine(problem.message)}${suggestion}`];
  if (problem.allowed !== undefined && problem.allowed.length > 0)
    lines.push(`    allowed: ${problem.allowed.map(oneLine).join(', ')}`);
  return lines;
}

export function renderProblems(problems: readonly Problem[]): string[] {
  return problems.flatMap(renderProblem);
}

/** Text from a file must neither break the lines of a message, nor steer the terminal, nor fill it. */
function oneLine(text: string): string {
  // eslint-disable-next-line no-control-regex -- control characters are what is looked for
  const line = text.replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]+/g, ' ');
  return line.length > 500 ? `${line.slice(0, 500)}…` : line;
}

/** By file and place, each once (two tiers may name the same broken file). */
export function sortProblems(problems: readonly Problem[]): Problem[] {
  const unique = new Map(problems.map((problem) => [renderProblem(problem).join('\n'), problem]));
  return [...unique.values()].sort(
    (a, b) => a.file.localeCompare(b.file) || a.line - b.line || a.column - b.column,
  );
}

/** All problems as the one error that ends the command. */
export function problemsError(problems: readonly Problem[], file: string): KetError {
  const [first] = problems;
  const count = problems.length === 1 ? 'one problem' : `${problems.length} problems`;
  return new KetError('KET_CONFIG', `${file} cannot be used: ${count}`, {
    ...(first === undefined ? {} : { where: placeOf(first) }),
    details: renderProblems(problems),
    next: 'correct the lines named; `ket validate` checks again without running anything',
  });
}

/** All problems of the inputs as one error; a single one is the message itself, for that is all an annotation shows. */
export function inputsError(problems: readonly Problem[]): KetError {
  const inputs = [...new Set(problems.map(({ input = '' }) => input))];
  const lines = renderProblems(problems);
  const [only = ''] = lines;
  return new KetError(
    'KET_USAGE',
    problems.length === 1
      ? only
      : `${problems.length} problems with ${inputs.length === 1 ? 'input' : 'the inputs'} ${inputs.join(', ')}`,
    {
      where: `input ${inputs[0] ?? ''}`,
      details: problems.length === 1 ? lines.slice(1) : lines,
      next: 'correct the inputs of the step in the workflow; nothing was started',
    },
  );
}

/** What people write who know other tools, and what it is called here. */
const otherWords: Readonly<Record<string, string>> = {
  cmd: 'command',
  run: 'command',
  script: 'command',
  args: 'command',
  limit: 'timeout',
  dependson: 'needs',
  depends: 'needs',
  requires: 'needs',
  environment: 'env',
  context: 'build',
  buildargs: 'args',
  file: 'dockerfile',
  valuesfiles: 'values',
  valuefiles: 'values',
  charts: 'releases',
  tests: 'suites',
  cwd: 'workingDir',
  workdir: 'workingDir',
  workingdirectory: 'workingDir',
  junit: 'results',
};

const plain = (text: string): string => text.toLowerCase().replace(/[-_. ]/g, '');

/** The one of the allowed words that was most likely meant; undefined when none is near. */
export function nearest(word: string, allowed: readonly string[]): string | undefined {
  if (word.length > 60) return undefined;
  const wanted = plain(word);
  const other = otherWords[wanted];
  let best: string | undefined;
  let least = (wanted.length < 4 ? 1 : Math.max(2, Math.floor(wanted.length / 3))) + 1;
  for (const candidate of allowed) {
    const steps = distance(wanted, plain(candidate));
    if (steps < least) [best, least] = [candidate, steps];
  }
  if (least > 0 && other !== undefined && allowed.includes(other)) return other;
  return best;
}
