import path from 'node:path';
import type { Deps } from '../model/deps.ts';
import type { EventBody } from '../model/events.ts';
import { maskerOf } from '../model/mask.ts';
import type { Plan } from '../model/plan.ts';
import type { RunContext } from '../model/run.ts';
import type { Task } from '../model/task.ts';
import type { UpStore } from '../model/up.ts';
import { childEnvName } from '../tools/child-env.ts';
import { outboundOf } from '../tools/outbound.ts';
import { endProcessesOf } from '../tools/processes.ts';
import { removedReleases } from '../releases/removed.ts';
import { secretsOf } from '../suites/job/secrets.ts';
import { leavingTasks, nameOf, remover } from './cleanup.ts';
import { compose } from './compose.ts';
import { conclude } from './conclude.ts';
import { durationsOf, testDurationsOf } from './durations.ts';
import { openEventLog } from './event-log.ts';
import { execute } from './executor.ts';
import { withKubeconfig } from './existing.ts';
import { loginTask, registriesFor } from '../images/registries.ts';
import { sharesOf, withCopies, withoutCopies } from './isolation.ts';
import { learnSecrets } from './learn-secrets.ts';
import { makeRunFolder, newRunId } from './folder.ts';
import { leaseOf } from './lease.ts';
import { guarded } from './guarded.ts';
import { journalFile, openJournal } from './journal.ts';
import { placesOf } from './places.ts';
import type { RunEnd, RunOptions } from './run-options.ts';
import { openState, readStates, stateHome } from './state.ts';
import { soak } from './soak.ts';
import { sweep } from './sweep.ts';
import { clusterMadeOf, openUpRecord, upRecordFile } from './up-record.ts';
import { Rounds } from '../suites/rounds.ts';

/** One run, from the first check to the last thing removed. Rejects only when the run could not even begin. */
export async function runPlan(options: RunOptions): Promise<RunEnd> {
  const { cancel, checksOnly = false } = options;
  const began = options.deps.clock.monotonic();
  const runId = newRunId(new Date(options.deps.clock.now()));
  const isolated = withCopies(options.plan, runId);
  // Copies are of one run, and of suites.
  const plan: Plan =
    options.up === true ? staying(withoutCopies(isolated)) : checksOnly ? options.plan : isolated;
  const deps = ownedBy(runId, options.deps);
  const secrets = secretsOf(checksOnly ? { ...plan, suites: [] } : plan, deps.env);
  const masker = maskerOf([...secrets, ...(options.secrets ?? [])]);
  const home = stateHome(deps.env);
  const folder = makeRunFolder(plan.output, runId, home);
  const state = await openState(home, runId, folder);
  const kubeconfig = path.join(home, `${runId}.kubeconfig`);
  const existing = withKubeconfig(options.existing, kubeconfig);
  const soakMs = options.up === true || checksOnly ? undefined : plan.soakMs;
  // Pods of one round must not stand in the way of the next.
  const keepMs = options.up === true || plan.keep === 'never' || soakMs !== undefined ? 0 : plan.keepMs;
  const journal = openJournal(journalFile(home, runId), {
    v: 1,
    ket: options.version,
    plan,
    keepFailedMs: keepMs,
    up: options.up === true,
    ...(existing === undefined ? {} : { existing }),
  });
  const log = openEventLog(path.join(folder, 'events.ndjson'), deps.clock, options.sinks(folder), masker, {
    endless: soakMs !== undefined,
  });
  const { emit } = log;
  emit({
    type: 'run-started',
    run: runId,
    tier: plan.tier,
    ...(plan.cluster?.variant === undefined ? {} : { kubernetes: plan.cluster.variant }),
    suites: checksOnly ? [] : plan.suites.map((suite) => suite.name),
    ...(existing === undefined ? {} : { cluster: existing.name }),
    ...(checksOnly ? {} : sharesOf(plan)),
    ...(soakMs === undefined ? {} : { soakMs }),
    ket: options.version,
  });
  for (const name of masker.refused)
    emit({ type: 'notice', level: 'warning', text: `the secret ${name} is too short to be masked` });
  const outbound = outboundOf(deps.env);
  if (plan.cluster !== undefined)
    for (const text of outbound.notices) emit({ type: 'notice', level: 'warning', text });
  await sweepLeftovers({ ...options, deps }, emit);

  const mask = learnSecrets(masker, plan, emit, options.onSecrets);
  const registries = registriesFor(plan, { deps, runId, state, home, learn: mask });
  const access = registries === undefined ? {} : { registries };
  const run: RunContext = { runId, folder, kubeconfig, state, env: deps.env, outbound, ...access };
  const preflight = preflightTask(options, plan);
  const up = upStoreOf(options, plan, home, runId);
  if (up !== undefined && options.up !== true)
    for (const [name] of removedReleases(plan, up))
      emit({
        type: 'notice',
        level: 'info',
        text: `release ${name} is in the cluster and no more in the tier: ket up removes it`,
      });
  const rounds = soakMs === undefined ? undefined : new Rounds();
  const places = placesOf(runId, plan, deps.clock);
  const composition = await compose({
    run,
    ...(up === undefined ? {} : { up }),
    bringsUp: options.up === true,
    users: isolated.suites,
    plan,
    connect: options.connect,
    ...(existing === undefined ? {} : { existing }),
    preflight,
    ...(registries === undefined ? {} : { login: loginTask(registries, plan, deps.env, [preflight]) }),
    began: deps.clock.now(),
    checksOnly,
    settings: {
      runId,
      folder,
      assets: options.assets,
      keepFailedMs: keepMs,
      // In a soak the cluster stays from one round to the next.
      ephemeral: existing === undefined && soakMs === undefined,
      ownCluster: existing?.releasesStay ?? true,
      state,
      journal,
      secrets,
      mask,
      outbound,
      ...access,
      durationsOf: (suite) => testDurationsOf(plan.output, plan.tier, suite),
      ...places,
      ...(rounds === undefined ? {} : { rounds }),
    },
    knownRuns: () => new Set(readStates(home).states.map((one) => one.state.run)),
    durations: durationsOf(plan.output, plan.tier),
  });
  const results =
    rounds === undefined || soakMs === undefined
      ? await execute(composition.tasks, {
          ...{ deps, emit, signal: cancel, goals: composition.goals ?? [] },
          room: () => log.room(),
        })
      : await soak({
          plan,
          askedMs: soakMs,
          composition,
          rounds,
          deps,
          emit,
          room: () => log.room(),
          cancel,
          folder,
          closed: () => places.admission.closed(),
          forget: (suite, attempt) => journal.forget(suite, attempt),
          leaving: () => leavingTasks(state, remover(deps, options.connect)),
        });
  await registries?.close();

  return conclude({
    options: { ...withoutExisting(options), deps, ...(existing === undefined ? {} : { existing }) },
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

const withoutExisting = ({ existing: _existing, ...options }: RunOptions): Omit<RunOptions, 'existing'> =>
  options;
/** What `ket up` brings up: no suite, and a cluster without the settings for one that lives for one run. */
export const staying = (plan: Plan): Plan => ({
  ...plan,
  suites: [],
  ...(plan.cluster === undefined ? {} : { cluster: { ...plan.cluster, throwaway: false } }),
});

/** All that is started under these carries the run's id, so that nothing of it can outlive the run unknown. */
export const ownedBy = (runId: string, deps: Deps): Deps => ({
  ...deps,
  exec: (request) => deps.exec({ ...request, env: { ...request.env, [childEnvName]: runId } }),
});

/** What stands in the cluster of a `ket up`, as far as the run uses one or makes it. */
function upStoreOf(
  { existing, up }: RunOptions,
  plan: Plan,
  home: string,
  runId: string,
): UpStore | undefined {
  if (plan.cluster === undefined) return undefined;
  if (existing?.upFile !== undefined) return openUpRecord(existing.upFile, clusterMadeOf(plan));
  return up === true && existing === undefined
    ? openUpRecord(upRecordFile(home, runId), clusterMadeOf(plan))
    : undefined;
}

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
      remover(deps, options.connect, options.cancel, (text) =>
        emit({ type: 'notice', level: 'warning', text }),
      ),
      (run) => endProcessesOf(run, deps.clock),
      (run, made) => leaseOf(options.connect, run, made, deps.clock.now()),
    );
    for (const { run, why } of swept.held)
      emit({
        type: 'notice',
        level: 'info',
        text: `run ${run}, whose driver is gone, is left alone in its cluster for now: ${why}; ket attach ${run} goes on with it`,
      });
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
