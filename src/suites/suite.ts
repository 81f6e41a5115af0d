import path from 'node:path';
import type { Counts, Outcome, SuiteResult, Verdict } from '../model/outcome.ts';
import { noCounts } from '../model/outcome.ts';
import type { SuitePlan } from '../model/plan.ts';
import type { TaskContext } from '../model/task.ts';
import type { ContainerRef } from '../model/kube.ts';
import { caseInfo } from '../results/junit-case.ts';
import type { AttemptResult } from './attempt-result.ts';
import type { AttemptId } from './names.ts';
import type { RunRecord } from './record.ts';

/** One attempt as the suite keeps it. */
export interface AttemptSummary {
  readonly attempt: number;
  readonly result: AttemptResult;
  readonly folder: string;
}

export interface SuiteReport {
  readonly suite: SuitePlan;
  readonly outcome: Outcome;
  readonly verdict: Verdict;
  readonly counts: Counts;
  readonly attempts: readonly AttemptSummary[];
  readonly ms: number;
  readonly kept: readonly ContainerRef[];
}

export type RunOneAttempt = (id: AttemptId, outDir: string) => Promise<AttemptResult>;

/**
 * Runs a suite: attempts until one passes or there are no retries left. A pass after a failed attempt is flaky, and
 * both attempts stay in the report.
 */
export async function runSuite(
  suite: SuitePlan,
  runId: string,
  runFolder: string,
  context: TaskContext,
  runOne: RunOneAttempt,
): Promise<SuiteReport> {
  const began = context.deps.clock.monotonic();
  const attempts: AttemptSummary[] = [];
  for (let attempt = 1; attempt <= suite.retries + 1; attempt++) {
    const folder = path.join('suites', suite.name, `attempt-${attempt}`);
    const result = await runOne({ run: runId, suite: suite.name, attempt }, path.join(runFolder, folder));
    attempts.push({ attempt, result, folder });
    emitAttempt(suite.name, attempt, result, runFolder, folder, context);
    // Only what may come out differently is worth another Job.
    if (result.verdict.outcome !== 'failed' || context.signal.aborted) break;
  }
  const last = attempts.at(-1)?.result;
  if (last === undefined) throw new Error(`suite ${suite.name} had no attempt`);
  const flaky =
    last.verdict.outcome === 'passed' &&
    (attempts.length > 1 || last.results.cases.some((c) => c.flaky.length > 0));
  const verdict: Verdict = flaky
    ? { outcome: 'flaky', message: `${last.verdict.message}, after ${flakyWhy(attempts)}` }
    : verdictOfLast(attempts, last.verdict);
  const ms = context.deps.clock.monotonic() - began;
  const counts = last.results.proof.counts;
  context.emit({
    type: 'suite-ended',
    suite: suite.name,
    outcome: verdict.outcome,
    ...(verdict.infraClass === undefined ? {} : { infraClass: verdict.infraClass }),
    message: verdict.message,
    counts,
    attempts: attempts.length,
    suiteMs: Math.round(ms),
  });
  return {
    suite,
    outcome: verdict.outcome,
    verdict,
    counts,
    attempts,
    ms,
    kept: attempts.flatMap((a) => (a.result.kept === undefined ? [] : [a.result.kept])),
  };
}

/** A retry that ran no test takes nothing back of the failure before it. */
function verdictOfLast(attempts: readonly AttemptSummary[], last: Verdict): Verdict {
  const before = attempts.at(-2)?.result.verdict;
  return last.outcome === 'skipped' && before !== undefined
    ? { ...before, message: `${before.message}; in the retry ${last.message}` }
    : last;
}

function flakyWhy(attempts: readonly AttemptSummary[]): string {
  const failed = attempts.slice(0, -1);
  if (failed.length === 0) return 'a failed try within the run';
  return `${failed.length} failed attempt${failed.length === 1 ? '' : 's'} (${failed[0]?.result.verdict.message ?? ''})`;
}

function emitAttempt(
  suite: string,
  attempt: number,
  result: AttemptResult,
  runFolder: string,
  folder: string,
  context: TaskContext,
): void {
  for (const found of result.results.cases)
    context.emit({ type: 'case', ...caseInfo(found, suite, attempt) });
  for (const problem of result.results.problems)
    context.emit({ type: 'notice', level: 'warning', text: `${suite}: ${problem}` });
  const { verdict, record } = result;
  context.emit({
    type: 'attempt-ended',
    suite,
    attempt,
    outcome: verdict.outcome,
    ...(verdict.infraClass === undefined ? {} : { infraClass: verdict.infraClass }),
    ...(verdict.cause === undefined ? {} : { cause: verdict.cause }),
    message: verdict.message,
    counts: result.results.proof.counts,
    attemptMs: Math.round(result.ms),
    ...(record === undefined ? {} : { exitCode: record.exit_code }),
    ...(result.logComplete === undefined ? {} : { logComplete: result.logComplete }),
    ...usageOf(record),
    junit: result.results.files.map((file) => ({ path: path.relative(runFolder, file) })),
    console: { path: path.join(folder, 'console.log') },
    lastLines: verdict.outcome === 'passed' || verdict.outcome === 'skipped' ? [] : result.lastLines,
  });
}

function usageOf(record: RunRecord | undefined): { memoryPeakBytes?: number; cpuMs?: number } {
  const peak = record?.memory_peak_bytes ?? undefined;
  const cpu = record?.cpu_usec ?? undefined;
  return {
    ...(peak === undefined ? {} : { memoryPeakBytes: peak }),
    ...(cpu === undefined ? {} : { cpuMs: Math.round(cpu / 1000) }),
  };
}

/** What the run's exit code depends on. */
export const suiteResultOf = (report: SuiteReport): SuiteResult => ({
  outcome: report.outcome,
  allowSkip: report.suite.allowSkip,
  executed:
    report.suite.expectTests === false && report.counts.total === 0
      ? 1
      : report.counts.total - report.counts.skipped,
});

/** A suite without a report: something it needs failed, or its own task did (which nothing excuses). */
export const suiteNotRun = (suite: SuitePlan, broke: boolean): SuiteResult => ({
  outcome: broke ? 'infra-error' : 'skipped',
  allowSkip: suite.allowSkip,
  executed: noCounts.total,
  skippedByNeed: true,
});
