import { availableParallelism } from 'node:os';
import path from 'node:path';
import type { Deps } from '../model/deps.ts';
import { errorInfo, messageOf, type ErrorInfo } from '../model/errors.ts';
import type { EventBody } from '../model/events.ts';
import {
  addCounts,
  exitCodeOf,
  noCounts,
  runOutcomeOf,
  type ExitCode,
  type SuiteResult,
} from '../model/outcome.ts';
import { maskerOf } from '../model/mask.ts';
import type { Plan } from '../model/plan.ts';
import type { RunContext } from '../model/run.ts';
import type { Task } from '../model/task.ts';
import { childEnvName } from '../tools/child-env.ts';
import { outboundOf } from '../tools/outbound.ts';
import { endProcessesOf } from '../tools/processes.ts';
import { suiteNotRun, suiteResultOf } from '../suites/suite.ts';
import { secretsOf } from '../suites/secrets.ts';
import { Admission } from '../suites/admission.ts';
import type { SuiteReport } from '../suites/tasks.ts';
import { nameOf, remover } from './cleanup.ts';
import { compose } from './compose.ts';
import { durationsOf, testDurationsOf } from './durations.ts';
import { openEventLog } from './event-log.ts';
import { execute, type TaskResult } from './executor.ts';
import { sharesOf, withCopies, withoutCopies } from './isolation.ts';
import { learnSecrets } from './learn-secrets.ts';
import { makeRunFolder, newRunId } from './folder.ts';
import { guarded } from './guarded.ts';
import type { RunEnd, RunOptions } from './run-options.ts';
import { settle } from './settle.ts';
import { openState, stateHome } from './state.ts';
import { sweep } from './sweep.ts';

/** One run, from the first check to the last thing removed. Rejects only when the run could not even begin. */
export async function runPlan(options: RunOptions): Promise<RunEnd> {
  const { cancel } = options;
  const began = options.deps.clock.monotonic();
  const runId = newRunId(new Date(options.deps.clock.now()));
  const isolated = withCopies(options.plan, runId);
  // Copies are of one run.
  const plan: Plan = options.up === true ? { ...withoutCopies(isolated), suites: [] } : isolated;
  const deps = ownedBy(runId, options.deps);
  const secrets = secretsOf(plan, deps.env);
  const masker = maskerOf([...secrets, ...(options.secrets ?? [])]);
  const home = stateHome(deps.env);
  const folder = makeRunFolder(plan.output, runId, home);
  const state = await openState(home, runId, folder);
  const log = openEventLog(path.join(folder, 'events.ndjson'), deps.clock, options.sinks(folder), masker);
  const { emit } = log;
  emit({
    type: 'run-started',
    run: runId,
    tier: plan.tier,
    suites: plan.suites.map((suite) => suite.name),
    ...(options.existing === undefined ? {} : { cluster: options.existing.name }),
    ...sharesOf(plan),
    ket: options.version,
  });
  for (const name of masker.refused)
    emit({ type: 'notice', level: 'warning', text: `the secret ${name} is too short to be masked` });
  const outbound = outboundOf(deps.env);
  if (plan.cluster !== undefined)
    for (const text of outbound.notices) emit({ type: 'notice', level: 'warning', text });
  await sweepLeftovers({ ...options, deps }, emit);

  const kubeconfig = path.join(home, `${runId}.kubeconfig`);
  const run: RunContext = { runId, folder, kubeconfig, state, env: deps.env, outbound };
  const keepMs = options.up === true || plan.keep === 'never' ? 0 : plan.keepMs;
  const composition = compose({
    run,
    plan,
    connect: options.connect,
    ...(options.existing === undefined ? {} : { existing: options.existing }),
    preflight: preflightTask(options, plan),
    settings: {
      runId,
      folder,
      assets: options.assets,
      keepFailedMs: keepMs,
      ephemeral: options.existing === undefined,
      state,
      secrets,
      mask: learnSecrets(masker, plan, emit, options.onSecrets),
      outbound,
      durationsOf: (suite) => testDurationsOf(plan.output, plan.tier, suite),
      admission: new Admission(
        runId,
        plan.parallel ?? (plan.cluster === undefined ? availableParallelism() : undefined),
      ),
    },
    durations: durationsOf(plan.output, plan.tier),
  });
  const results = await execute(composition.tasks, {
    deps,
    emit,
    signal: cancel,
  });

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
  const firstError = [...results.values()].find((result) => result.error !== undefined)?.error;
  const exitCode =
    options.up === true
      ? upExitCode(cancel.aborted, firstError)
      : requestOr(exitCodeOf(suites, cancel.aborted), firstError);
  const outcome = options.up === true && exitCode === 0 ? 'passed' : runOutcomeOf(suites, exitCode);

  await guarded('the reports', emit, async () => {
    for (const text of await options.writeReports(folder, log.events()))
      emit({ type: 'notice', level: 'warning', text });
  });
  const cluster = await settle(
    { ...options, deps, folder },
    plan,
    state,
    { exitCode, reports, composition, results },
    emit,
  );

  const counts = reports.reduce((sum, report) => addCounts(sum, report.counts), noCounts);
  const error: ErrorInfo | undefined = firstError === undefined ? undefined : errorInfo(firstError);
  emit({
    type: 'run-ended',
    outcome,
    exitCode,
    counts,
    runMs: Math.round(deps.clock.monotonic() - began),
    ...(error === undefined ? {} : { error }),
  });
  await guarded('the reports', emit, async () => {
    await options.writeReports(folder, log.events());
  });
  await log.close();
  await state.close();
  return { outcome, exitCode, runId, folder, counts, ...(cluster === undefined ? {} : { cluster }) };
}

/** All that is started under these carries the run's id, so that nothing of it can outlive the run unknown. */
const ownedBy = (runId: string, deps: Deps): Deps => ({
  ...deps,
  exec: (request) => deps.exec({ ...request, env: { ...request.env, [childEnvName]: runId } }),
});

function preflightTask(options: RunOptions, plan: Plan): Task {
  return {
    id: 'preflight',
    phase: 'preflight',
    title: 'check this machine',
    needs: [],
    limitMs: 10_000,
    run: (context) => options.preflight(plan, context.signal, (event) => context.emit(event)),
  };
}

/** A request that this machine cannot serve is the user's to mend, not an infrastructure error. */
function requestOr(exitCode: ExitCode, error: unknown): ExitCode {
  if (exitCode !== 3 || error === undefined) return exitCode;
  const { code } = errorInfo(error);
  return code === 'KET_PREREQUISITE' || code === 'KET_TOOL' || code === 'KET_CONFIG' ? 2 : exitCode;
}

function upExitCode(cancelled: boolean, error: unknown): ExitCode {
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

/** What earlier runs left, when their owner is proved gone. It must never keep this run from its work. */
async function sweepLeftovers(options: RunOptions, emit: (event: EventBody) => void): Promise<void> {
  const { deps } = options;
  await guarded('the sweep of leftovers', emit, async () => {
    const swept = await sweep(
      stateHome(deps.env),
      deps.clock.now(),
      remover(deps, options.connect, options.cancel),
      (run) => endProcessesOf(run, deps.clock),
    );
    for (const { run, made } of swept.removed)
      emit({ type: 'notice', level: 'info', text: `removed ${nameOf(made)}, left by run ${run}` });
    for (const { made, why } of swept.failed)
      emit({ type: 'leftover', what: nameOf(made), why, cure: 'ket cleanup' });
    for (const file of swept.unreadable)
      emit({
        type: 'notice',
        level: 'warning',
        text: `the state file ${file} cannot be read; what it lists is left alone`,
      });
  });
}
