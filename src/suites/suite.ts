import path from 'node:path';
import { plural } from '../model/format.ts';
import type { PodInfo } from '../model/events.ts';
import type { Counts, Outcome, SuiteResult, Verdict } from '../model/outcome.ts';
import { noCounts } from '../model/outcome.ts';
import type { SuitePlan } from '../model/plan.ts';
import type { TaskContext } from '../model/task.ts';
import type { ContainerRef } from '../model/kube.ts';
import { caseInfo } from '../results/junit-case.ts';
import type { AttemptResult, PodResult } from './verdict/attempt-result.ts';
import { casesToRetry, type FailedCases } from './verdict/failed-cases.ts';
import type { AttemptId } from './names.ts';
import { podFolder } from './verdict/pods.ts';
import type { RunRecord } from './verdict/record.ts';
import { anotherAttempt } from './retry.ts';
import type { SuiteRound } from './rounds.ts';

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
  /** How many there were. */
  readonly attempts: number;
  readonly ms: number;
  readonly kept: readonly ContainerRef[];
}

/** `failed`: the attempt runs these cases only. */
export type RunOneAttempt = (
  id: AttemptId,
  outDir: string,
  failed: FailedCases | undefined,
) => Promise<AttemptResult>;

/**
 * Runs a suite: attempts until no other is worth it. All of them stay in the report. `leave` removes what the last one
 * made, for which no verdict waits. `round`: one round of several, with attempts of its own.
 */
export async function runSuite(
  suite: SuitePlan,
  runId: string,
  runFolder: string,
  context: TaskContext,
  runOne: RunOneAttempt,
  round?: SuiteRound,
): Promise<{ readonly report: SuiteReport; readonly leave: () => Promise<void> }> {
  const began = context.deps.clock.monotonic();
  const attempts: AttemptSummary[] = [];
  let failed: FailedCases | undefined;
  for (;;) {
    const attempt = round?.next() ?? attempts.length + 1;
    const folder = path.join('suites', suite.name, `attempt-${attempt}`);
    const id = { run: runId, suite: suite.name, attempt };
    const result = await runOne(id, path.join(runFolder, folder), failed);
    attempts.push({ attempt, result, folder });
    emitAttempt(suite, attempt, result, failed, runFolder, folder, context);
    if (context.signal.aborted) break;
    const { again, why } = anotherAttempt(
      suite,
      attempts.map((one) => one.result),
    );
    if (why !== undefined && suite.retries > 0)
      context.emit({ type: 'notice', level: 'info', text: `${suite.name} is not tried again: ${why}` });
    if (!again) break;
    await result.leave?.();
    if (suite.retry === 'failed-cases') failed = await failedCasesOnly(suite, result, failed, context);
  }
  const last = attempts.at(-1)?.result;
  if (last === undefined) throw new Error(`suite ${suite.name} had no attempt`);
  const verdict = verdictOfSuite(attempts, last);
  // Attempts of a process that died have a time of their own.
  const tried = attempts.reduce((sum, one) => sum + one.result.ms, 0);
  const ms = Math.max(tried, context.deps.clock.monotonic() - began);
  const counts = last.results.proof.counts;
  context.emit({
    type: 'suite-ended',
    suite: suite.name,
    ...(round === undefined ? {} : { round: round.round }),
    outcome: verdict.outcome,
    ...(verdict.infraClass === undefined ? {} : { infraClass: verdict.infraClass }),
    message: verdict.message,
    counts,
    attempts: attempts.length,
    suiteMs: Math.round(ms),
  });
  return {
    report: {
      suite,
      outcome: verdict.outcome,
      verdict,
      counts,
      attempts: attempts.length,
      ms,
      kept: attempts.flatMap((a) => a.result.kept ?? []),
    },
    leave: async () => last.leave?.(),
  };
}

/** Undefined where the whole suite has to run again, which is said. */
async function failedCasesOnly(
  suite: SuitePlan,
  result: AttemptResult,
  before: FailedCases | undefined,
  context: TaskContext,
): Promise<FailedCases | undefined> {
  const next = await casesToRetry(suite, result, before);
  if ('cases' in next) return next;
  const text = `${suite.name}: the whole suite is tried again, not the failed cases only: ${next.whole}`;
  context.emit({ type: 'notice', level: 'info', text });
  return undefined;
}

/**
 * A pass after a failure is flaky; after an infrastructure error alone it is a pass, and that is said. A retry that ran
 * no test takes nothing back of a failure before it.
 */
function verdictOfSuite(attempts: readonly AttemptSummary[], { verdict, results }: AttemptResult): Verdict {
  const before = attempts.slice(0, -1).map(({ result }) => result.verdict);
  const failed = before.filter(({ outcome }) => outcome === 'failed');
  const after = (what: string): string => `${verdict.message}, after ${what}`;
  if (verdict.outcome === 'passed') {
    const times = plural(failed.length, 'failed attempt');
    if (failed[0] !== undefined)
      return { outcome: 'flaky', message: after(`${times} (${failed[0].message})`) };
    if (results.cases.some((found) => found.flaky.length > 0))
      return { outcome: 'flaky', message: after('a failed try within the run') };
    if (before[0] !== undefined)
      return { ...verdict, message: after(`an infrastructure error (${before[0].message})`) };
  }
  if (verdict.outcome === 'skipped' && failed[0] !== undefined)
    return { ...failed[0], message: `${failed[0].message}; in the retry ${verdict.message}` };
  return verdict;
}

function emitAttempt(
  plan: SuitePlan,
  attempt: number,
  result: AttemptResult,
  failed: FailedCases | undefined,
  runFolder: string,
  folder: string,
  context: TaskContext,
): void {
  const suite = plan.name;
  for (const found of result.results.cases)
    context.emit({ type: 'case', ...caseInfo(found, suite, attempt) });
  for (const problem of result.results.problems)
    context.emit({ type: 'notice', level: 'warning', text: `${suite}: ${problem}` });
  const { verdict, record } = result;
  if (typeof record?.console_error === 'string')
    context.emit({
      type: 'notice',
      level: 'warning',
      text: `${suite}: its console could not be kept whole in the pod: ${record.console_error}`,
    });
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
    ...(result.logGaps === undefined ? {} : { logGaps: result.logGaps }),
    ...usageOf(record),
    ...(failed === undefined ? {} : { retriedCases: failed.cases }),
    junit: result.results.files.map((file) => ({ path: path.relative(runFolder, file) })),
    ...(result.pods === undefined
      ? { console: { path: path.join(folder, 'console.log') } }
      : { pods: result.pods.map((pod, index) => podInfo(plan, pod, index, folder)) }),
    lastLines: verdict.outcome === 'passed' || verdict.outcome === 'skipped' ? [] : result.lastLines,
  });
}

function podInfo(suite: SuitePlan, pod: PodResult, index: number, folder: string): PodInfo {
  const { verdict, results, record } = pod;
  return {
    outcome: verdict.outcome,
    ...(verdict.infraClass === undefined ? {} : { infraClass: verdict.infraClass }),
    message: verdict.message,
    counts: results.proof.counts,
    ...(record === undefined ? {} : { commandMs: record.duration_ms }),
    console: { path: path.join(folder, podFolder(suite, index), 'console.log') },
  };
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
    report.suite.expectTests === false && report.counts.total === 0 && report.attempts > 0
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
