import { countCase, type JUnitCase } from '../../results/junit-case.ts';
import { caseLine, eachCase, isBad, type RetriedCases } from '../../results/junit-retry.ts';
import { noCounts } from '../../model/outcome.ts';
import type { SuitePlan } from '../../model/plan.ts';
import type { AttemptResult, PodResult } from './attempt-result.ts';
import type { ResultsReading } from './proof.ts';

/** What an attempt goes on from that runs only the cases that failed in the one before. */
export interface FailedCases {
  /** `classname.name` of each. */
  readonly cases: readonly string[];
  /** JUnit files of the last attempt that ran the whole suite. */
  readonly files: readonly string[];
  /** Attempts since, which ran failed cases only. */
  readonly since: readonly RetriedCases[];
}

/** What `KET_RETRY_CASES` names: in the ConfigMap of the attempt, and as a file beside ket-run in the pod. */
export const retryCasesKey = 'retry-cases.txt';
export const retryCasesFile = `/ket/bin/${retryCasesKey}`;

/** The file that the test runner reads: a line for each case. */
export const retryCasesText = ({ cases }: FailedCases): string => cases.map((line) => `${line}\n`).join('');

/** It travels in a ConfigMap, beside a program. */
const mostText = 128 * 1024;

/**
 * The cases that alone need another try. `whole` says why the whole suite does: only an attempt that is known to have
 * run every case, and to have failed for nothing but its failed cases, leaves nothing else to prove.
 */
export async function casesToRetry(
  suite: Pick<SuitePlan, 'expectTests'>,
  result: AttemptResult,
  before: FailedCases | undefined,
): Promise<FailedCases | { readonly whole: string }> {
  const { results } = result;
  const { proof } = results;
  const ends: readonly End[] = result.pods ?? [result];
  const why = ends.map(whyWhole).find((one) => one !== undefined);
  if (why !== undefined) return { whole: why };
  if (suite.expectTests === false || proof.counts.total < suite.expectTests)
    return { whole: 'it did not run all the cases that are expected' };
  const { files, since } =
    before === undefined
      ? { files: results.files, since: [] }
      : { files: before.files, since: [...before.since, { cases: before.cases, files: results.files }] };
  const lines = new Set<string>();
  await eachCase(files, since, (found) => {
    if (isBad(found)) lines.add(caseLine(found));
  });
  const cases = [...lines].sort();
  if (cases.length === 0) return { whole: 'no case failed' };
  // eslint-disable-next-line no-control-regex -- one case a line
  if (cases.some((line) => line === '' || /[\u0000-\u001f\u007f\u0085\u2028\u2029]/.test(line)))
    return { whole: 'the name of a case does not fit into a line' };
  const next = { cases, files, since };
  if (Buffer.byteLength(retryCasesText(next)) > mostText)
    return { whole: 'the names of the cases are too long' };
  return next;
}

type End = Pick<PodResult, 'verdict' | 'results' | 'record' | 'collectError'>;

/** What else than its failed cases an end is to be proved anew for. */
function whyWhole({ verdict, results, record, collectError }: End): string | undefined {
  if (collectError !== undefined) return 'its results are not complete';
  if (verdict.outcome === 'passed' || verdict.outcome === 'skipped') return undefined;
  if (verdict.outcome !== 'failed' || verdict.cause !== 'cases') return 'no case failed';
  if (results.proof.state !== 'ok') return 'its JUnit is not whole';
  // 125 and up: the shell's and ket-run's own codes, and deaths by signal.
  if (record === undefined || record.exit_code >= 125) return 'its command did not end by itself';
  return undefined;
}

/**
 * How the suite stands after an attempt that was asked to run failed cases only: every case with its last result. One
 * that was asked for and is not in the attempt's JUnit, or was skipped, is failed as before, and is named.
 */
export async function afterRetry(from: FailedCases, own: ResultsReading): Promise<ResultsReading> {
  const ran = new Set<string>();
  for (const found of own.cases) if (found.status !== 'skipped') ran.add(caseLine(found));
  let counts = noCounts;
  const failed: JUnitCase[] = [];
  await eachCase(from.files, [...from.since, { cases: from.cases, files: own.files }], (found) => {
    counts = countCase(counts, found.status);
    if (isBad(found)) failed.push(found);
  });
  const now = new Set(own.cases.filter(isBad).map(caseLine));
  const left = failed.filter((found) => !now.has(caseLine(found)));
  const names = failed.map((found) =>
    now.has(caseLine(found))
      ? found.name
      : `${found.name} (not run again${ran.has(caseLine(found)) ? ' as often as before' : ''})`,
  );
  return {
    ...own,
    cases: [...own.cases, ...left.map(notRunAgain)],
    proof: { ...own.proof, counts, failedNames: names.slice(0, 10) },
  };
}

const notRunAgain = ({ name, classname, file, line, suites }: JUnitCase): JUnitCase => ({
  name,
  ...(classname === undefined ? {} : { classname }),
  ...(file === undefined ? {} : { file }),
  ...(line === undefined ? {} : { line }),
  suites,
  status: 'failed',
  message: 'it failed before, and this attempt did not run it again',
  flaky: [],
  reruns: [],
  properties: [],
});
