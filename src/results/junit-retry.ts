import { readJUnit } from './junit-read.ts';
import type { JUnitCase } from './junit-case.ts';

/** What an attempt left that was asked to run some cases only. */
export interface RetriedCases {
  /** The lines (`caseLine`) of the cases that it was asked to run. */
  readonly cases: readonly string[];
  /** Its JUnit files, absolute. */
  readonly files: readonly string[];
}

/** How a case is named to a test runner: `classname.name`. */
export const caseLine = ({ classname = '', name }: Pick<JUnitCase, 'classname' | 'name'>): string =>
  classname === '' ? name : `${classname}.${name}`;

export const isBad = ({ status }: Pick<JUnitCase, 'status'>): boolean =>
  status === 'failed' || status === 'error';

/**
 * Calls `take` with each case as it stands after `retries`, attempts that were asked to run failed cases only. A case
 * of theirs takes the place of the one before if it failed, or if it was asked for and ran as often as in `files`, the
 * JUnit of the attempt that ran everything: what was not run again stays as it was. Gives what is wrong with the
 * files; never rejects.
 */
export async function eachCase(
  files: readonly string[],
  retries: readonly RetriedCases[],
  take: (found: JUnitCase) => void,
): Promise<string[]> {
  const replaced = await replacedBy(files, retries);
  const stands = (line: string, from: number): boolean =>
    replaced.every((lines, index) => index < from || !lines.has(line));
  const faults = await readAll(files, (found) => {
    if (stands(caseLine(found), 0)) take(found);
  });
  for (const [index, retry] of retries.entries()) {
    const more = await readAll(retry.files, (found) => {
      const line = caseLine(found);
      const counts = found.status !== 'skipped' && replaced[index]?.has(line) === true;
      if (counts && stands(line, index + 1)) take(found);
    });
    faults.push(...more);
  }
  return faults;
}

/** For each retry the lines of the cases that it decides anew. */
async function replacedBy(
  files: readonly string[],
  retries: readonly RetriedCases[],
): Promise<ReadonlySet<string>[]> {
  const asked = new Set(retries.flatMap(({ cases }) => cases));
  const before = asked.size === 0 ? new Map<string, number>() : (await executed(files, asked)).times;
  return Promise.all(
    retries.map(async ({ cases, files: own }) => {
      const { times, bad } = await executed(own, new Set(cases));
      // Cases of one name cannot be told apart: all of them must have run again.
      const again = cases.filter((line) => {
        const now = times.get(line) ?? 0;
        return now > 0 && now >= (before.get(line) ?? 0);
      });
      return new Set([...again, ...bad]);
    }),
  );
}

/** How often the cases of these lines were executed, and the lines of all that failed. */
async function executed(
  files: readonly string[],
  lines: ReadonlySet<string>,
): Promise<{ times: Map<string, number>; bad: Set<string> }> {
  const times = new Map<string, number>();
  const bad = new Set<string>();
  await readAll(files, (found) => {
    const line = caseLine(found);
    if (isBad(found)) bad.add(line);
    if (found.status !== 'skipped' && lines.has(line)) times.set(line, (times.get(line) ?? 0) + 1);
  });
  return { times, bad };
}

async function readAll(files: readonly string[], take: (found: JUnitCase) => void): Promise<string[]> {
  const faults: string[] = [];
  for (const file of files) {
    const { end } = await readJUnit(file, { onCase: take, keep: 0 });
    if (end !== 'ok') faults.push(`a JUnit file is ${end}; its cases end there`);
  }
  return faults;
}
