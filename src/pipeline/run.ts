import path from 'node:path';
import type { Deps } from '../model/deps.ts';
import type { EventBody } from '../model/events.ts';
import { maskerOf } from '../model/mask.ts';
import type { Plan } from '../model/plan.ts';
import type { RunContext } from '../model/run.ts';
import type { Task } from '../model/task.ts';
import { childEnvName } from '../tools/child-env.ts';
import { outboundOf } from '../tools/outbound.ts';
import { endProcessesOf } from '../tools/processes.ts';
import { secretsOf } from '../suites/job/secrets.ts';
import { nameOf, remover } from './cleanup.ts';
import { compose } from './compose.ts';
import { conclude } from './conclude.ts';
import { durationsOf, testDurationsOf } from './durations.ts';
import { openEventLog } from './event-log.ts';
import { execute } from './executor.ts';
import { loginTask, registriesFor } from '../images/registries.ts';
import { sharesOf, withCopies, withoutCopies } from './isolation.ts';
import { learnSecrets } from './learn-secrets.ts';
import { makeRunFolder, newRunId } from './folder.ts';
import { guarded } from './guarded.ts';
import { journalFile, openJournal } from './journal.ts';
import { placesOf } from './places.ts';
import type { RunEnd, RunOptions } from './run-options.ts';
import { openState, stateHome } from './state.ts';
import { sweep } from './sweep.ts';

/** One run, from the first check to the last thing removed. Rejects only when the run could not even begin. */
export async function runPlan(options: RunOptions): Promise<RunEnd> {
  const { cancel, checksOnly = false } = options;
  const began = options.deps.clock.monotonic();
  const runId = newRunId(new Date(options.deps.clock.now()));
  const isolated = withCopies(options.plan, runId);
  // Copies are of one run, and of suites.
  const plan: Plan =
    options.up === true ? { ...withoutCopies(isolated), suites: [] } : checksOnly ? options.plan : isolated;
  const deps = ownedBy(runId, options.deps);
  const secrets = secretsOf(checksOnly ? { ...plan, suites: [] } : plan, deps.env);
  const masker = maskerOf([...secrets, ...(options.secrets ?? [])]);
  const home = stateHome(deps.env);
  const folder = makeRunFolder(plan.output, runId, home);
  const state = await openState(home, runId, folder);
  const keepMs = options.up === true || plan.keep === 'never' ? 0 : plan.keepMs;
  const journal = openJournal(journalFile(home, runId), {
    v: 1,
    ket: options.version,
    plan,
    keepFailedMs: keepMs,
    up: options.up === true,
    ...(options.existing === undefined ? {} : { existing: options.existing }),
  });
  const log = openEventLog(path.join(folder, 'events.ndjson'), deps.clock, options.sinks(folder), masker);
  const { emit } = log;
  emit({
    type: 'run-started',
    run: runId,
    tier: plan.tier,
    ...(plan.cluster?.variant === undefined ? {} : { kubernetes: plan.cluster.variant }),
    suites: checksOnly ? [] : plan.suites.map((suite) => suite.name),
    ...(options.existing === undefined ? {} : { cluster: options.existing.name }),
    ...(checksOnly ? {} : sharesOf(plan)),
    ket: options.version,
  });
  for (const name of masker.refused)
    emit({ type: 'notice', level: 'warning', text: `the secret ${name} is too short to be masked` });
  const outbound = outboundOf(deps.env);
  if (plan.cluster !== undefined)
    for (const text of outbound.notices) emit({ type: 'notice', level: 'warning', text });
  await sweepLeftovers({ ...options, deps }, emit);

  const kubeconfig = path.join(home, `${runId}.kubeconfig`);
  const mask = learnSecrets(masker, plan, emit, options.onSecrets);
  const registries = registriesFor(plan, { deps, runId, state, home, learn: mask });
  const access = registries === undefined ? {} : { registries };
  const run: RunContext = { runId, folder, kubeconfig, state, env: deps.env, outbound, ...access };
  const preflight = preflightTask(options, plan);
  const composition = compose({
    run,
    plan,
    connect: options.connect,
    ...(options.existing === undefined ? {} : { existing: options.existing }),
    preflight,
    ...(registries === undefined ? {} : { login: loginTask(registries, plan, deps.env, [preflight]) }),
    began: deps.clock.now(),
    checksOnly,
    settings: {
      runId,
      folder,
      assets: options.assets,
      keepFailedMs: keepMs,
      ephemeral: options.existing === undefined,
      state,
      journal,
      secrets,
      mask,
      outbound,
      ...access,
      durationsOf: (suite) => testDurationsOf(plan.output, plan.tier, suite),
      ...placesOf(runId, plan, deps.clock),
    },
    durations: durationsOf(plan.output, plan.tier),
  });
  const results = await execute(composition.tasks, {
    deps,
    emit,
    room: () => log.room(),
    signal: cancel,
  });
  await registries?.close();

  return conclude({
    options: { ...options, deps },
    runId,
    folder,
    plan,
    state,
    journal,
    log,
    composition,
    results,
    began,
  });
}

/** All that is started under these carries the run's id, so that nothing of it can outlive the run unknown. */
export const ownedBy = (runId: string, deps: Deps): Deps => ({
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
