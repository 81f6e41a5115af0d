import type { Budget } from '../model/budget.ts';
import type { Deps } from '../model/deps.ts';
import { errorInfo, messageOf } from '../model/errors.ts';
import type { EventBody } from '../model/events.ts';
import {
  addCounts,
  exitCodeOf,
  noCounts,
  runOutcomeOf,
  type ExitCode,
  type SuiteResult,
} from '../model/outcome.ts';
import type { Plan } from '../model/plan.ts';
import type { Task } from '../model/task.ts';
import { suiteNotRun, suiteResultOf } from '../suites/suite.ts';
import type { SuiteReport } from '../suites/suite.ts';
import { budgetUse, overBudget } from './budget.ts';
import type { Composition } from './composition.ts';
import type { EventLog } from './event-log.ts';
import type { TaskResult } from './executor.ts';
import type { ExistingCluster } from './existing.ts';
import { guarded } from './guarded.ts';
import type { Journal } from './journal.ts';
import type { RunEnd, RunOptions } from './run-options.ts';
import { settle } from './settle.ts';
import type { OpenState } from './state.ts';

export interface Executed {
  readonly options: Pick<RunOptions, 'connect' | 'up' | 'checksOnly' | 'cancel' | 'writeReports'> & {
    readonly deps: Deps;
    readonly existing?: ExistingCluster;
  };
  readonly runId: string;
  readonly folder: string;
  readonly plan: Plan;
  readonly state: OpenState;
  readonly journal: Journal;
  readonly log: EventLog;
  readonly composition: Composition;
  readonly results: ReadonlyMap<Task, TaskResult>;
  /** By the monotonic clock, ms. */
  readonly began: number;
  /** Of a task that ended before the run was taken up. */
  readonly earlierError?: unknown;
}

/** The end of a run whose tasks are done: outcome, reports, what it made removed or kept, reports again. */
export async function conclude(run: Executed): Promise<RunEnd> {
  const { options, runId, folder, plan, state, journal, log, composition, results, began } = run;
  const { cancel, deps } = options;
  const { emit } = log;
  const reports = composition.suites.flatMap(
    (task) => (results.get(task)?.output as SuiteReport | undefined) ?? [],
  );
  const suites = composition.suites.map((task, index): SuiteResult => {
    const report = results.get(task)?.output as SuiteReport | undefined;
    if (report !== undefined) return suiteResultOf(report);
    const suite = plan.suites[index];
    if (suite === undefined) throw new Error('a suite task without a suite');
    emitNotRun(suite.name, results.get(task), emit);
    return suiteNotRun(suite, results.get(task)?.error !== undefined);
  });
  const firstError =
    run.earlierError ?? [...results.values()].find((result) => result.error !== undefined)?.error;
  const noSuites = options.up === true || options.checksOnly === true;
  const exitCode = noSuites
    ? exitCodeWithoutSuites(cancel.aborted, firstError)
    : requestOr(worseBy(firstError, exitCodeOf(suites, cancel.aborted)), firstError);
  const outcome = noSuites && exitCode === 0 ? 'passed' : runOutcomeOf(suites, exitCode);

  await guarded('the reports', emit, async () => {
    for (const text of await options.writeReports(folder, log.events()))
      emit({ type: 'notice', level: 'warning', text });
  });
  const cluster = await settle(
    { ...options, folder },
    plan,
    state,
    { exitCode, reports, composition, results },
    emit,
  );

  const counts = reports.reduce((sum, report) => addCounts(sum, report.counts), noCounts);
  const error = firstError === undefined ? undefined : errorInfo(firstError);
  const runMs = Math.round(deps.clock.monotonic() - began);
  // What is brought up to stay is no run of its tier.
  const budget =
    plan.budget === undefined || options.up === true
      ? undefined
      : budgetUse(budgetFor(plan.budget, plan), runMs, log.events());
  for (const text of budget === undefined ? [] : overBudget(budget))
    emit({ type: 'notice', level: 'warning', text });
  emit({
    type: 'run-ended',
    outcome,
    exitCode,
    counts,
    runMs,
    ...(budget === undefined ? {} : { budget }),
    ...(error === undefined ? {} : { error }),
  });
  await guarded('the reports', emit, async () => {
    await options.writeReports(folder, log.events());
  });
  await log.close();
  await state.close();
  journal.remove();
  return { outcome, exitCode, runId, folder, counts, runMs, ...(cluster === undefined ? {} : { cluster }) };
}

/** A soak takes as long as was asked. */
function budgetFor(budget: Budget, { soakMs }: Plan): Budget {
  const { timeMs: _timeMs, ...rest } = budget;
  return soakMs === undefined ? budget : rest;
}

/** What the tier names and failed is told by the exit code too, when no suite needed it. */
const worseBy = (error: unknown, exitCode: ExitCode): ExitCode =>
  error !== undefined && exitCode === 0 ? 3 : exitCode;

/** A request that this machine cannot serve is the user's to mend, not an infrastructure error. */
function requestOr(exitCode: ExitCode, error: unknown): ExitCode {
  if (exitCode !== 3 || error === undefined) return exitCode;
  const { code } = errorInfo(error);
  return code === 'KET_PREREQUISITE' || code === 'KET_TOOL' || code === 'KET_CONFIG' || code === 'KET_RIGHTS'
    ? 2
    : exitCode;
}

function exitCodeWithoutSuites(cancelled: boolean, error: unknown): ExitCode {
  if (cancelled) return 130;
  return error === undefined ? 0 : requestOr(3, error);
}

function emitNotRun(suite: string, result: TaskResult | undefined, emit: (event: EventBody) => void): void {
  const why =
    result?.outcome === 'cancelled'
      ? 'cancelled before it started'
      : result?.error === undefined
        ? `not run: ${result?.reason ?? 'no reason known'}`
        : messageOf(result.error);
  emit({
    type: 'suite-ended',
    suite,
    outcome:
      result?.outcome === 'cancelled' ? 'cancelled' : result?.error === undefined ? 'skipped' : 'infra-error',
    message: why,
    counts: noCounts,
    attempts: 0,
    suiteMs: 0,
  });
}
