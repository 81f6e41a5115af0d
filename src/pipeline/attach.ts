import fs from 'node:fs';
import path from 'node:path';
import type { Deps } from '../model/deps.ts';
import type { KetError } from '../model/errors.ts';
import type { EventSink, RunEvent } from '../model/events.ts';
import { maskerOf } from '../model/mask.ts';
import type { RunContext } from '../model/run.ts';
import { registriesFor } from '../images/registries.ts';
import { secretsOf } from '../suites/job/secrets.ts';
import { endIfNotPassed } from '../suites/settings.ts';
import { outboundOf } from '../tools/outbound.ts';
import { endProcessesOf } from '../tools/processes.ts';
import { composeAttach, driverDied, errorOf } from './attach-compose.ts';
import { conclude } from './conclude.ts';
import { testDurationsOf } from './durations.ts';
import { openEventLog, readEvents } from './event-log.ts';
import { execute } from './executor.ts';
import { eventsToKeep, interruptedAt, onlyNew, openTasks } from './interrupted.ts';
import type { Journal } from './journal.ts';
import { learnSecrets } from './learn-secrets.ts';
import { ownedBy } from './run.ts';
import { placesOf } from './places.ts';
import type { RunEnd, RunOptions } from './run-options.ts';
import type { OpenState, RunState } from './state.ts';

export interface AttachOptions extends Pick<RunOptions, 'connect' | 'assets' | 'cancel' | 'writeReports'> {
  readonly deps: Deps;
  readonly sinks: (folder: string) => readonly EventSink[];
  /** As the driver left it that died. */
  readonly was: RunState;
  /** This process's own. */
  readonly state: OpenState;
  readonly journal: Journal;
}

/**
 * Goes on with a run whose driver died: attempts that have a Job are watched to their end, suites whose needs were
 * ready begin, the others are skipped for that reason; then reports, exit code and removal as the run would have had
 * them.
 */
export async function attachRun(options: AttachOptions): Promise<RunEnd> {
  const { was, state, journal, connect, cancel } = options;
  const { run: runId, folder } = was;
  const { plan, keepFailedMs, existing } = journal.head;
  const deps = ownedBy(runId, options.deps);
  // What a creation that still runs would make, nobody would know of.
  await endProcessesOf(runId, deps.clock);
  const file = path.join(folder, 'events.ndjson');
  const before = eventsToKeep(fs.existsSync(file) ? readEvents(file) : []);
  const interrupted = interruptedAt(before, deps.clock);
  const secrets = secretsOf(plan, deps.env);
  const masker = maskerOf(secrets);
  const log = openEventLog(file, deps.clock, options.sinks(folder), masker, { before: interrupted });
  const emit = onlyNew(before, log.emit);
  const last = before.at(-1)?.time ?? was.started;
  emit({
    type: 'notice',
    level: 'warning',
    text: `taken up by ket attach: the driver of the run, process ${String(was.pid)}, died after ${last}`,
  });
  for (const { task, phase } of openTasks(before))
    emit({ type: 'task-ended', task, phase, outcome: 'cancelled', taskMs: 0, reason: driverDied });

  const outbound = outboundOf(deps.env);
  const kubeconfig = path.join(path.dirname(state.file), `${runId}.kubeconfig`);
  const mask = learnSecrets(masker, plan, emit);
  const registries = registriesFor(plan, { deps, runId, state, home: path.dirname(state.file), learn: mask });
  const access = registries === undefined ? {} : { registries };
  const run: RunContext = { runId, folder, kubeconfig, state, env: deps.env, outbound, ...access };
  const places = placesOf(runId, plan, deps.clock);
  for (const event of before)
    if (event.type === 'suite-ended') endIfNotPassed(plan, event.suite, event.outcome, places.admission);
  const { composition, decided } = composeAttach({
    run,
    head: journal.head,
    journal,
    before,
    made: state.list(),
    connect,
    settings: {
      runId,
      folder,
      assets: options.assets,
      keepFailedMs,
      ephemeral: existing === undefined,
      ownCluster: existing?.releasesStay ?? true,
      state,
      journal,
      secrets,
      mask,
      outbound,
      ...access,
      durationsOf: (suite) => testDurationsOf(plan.output, plan.tier, suite),
      ...places,
    },
  });
  const executed = await execute(composition.tasks, { deps, emit, room: () => log.room(), signal: cancel });
  await registries?.close();
  const earlierError = errorBefore(before);
  return conclude({
    options: { ...options, deps, ...(existing === undefined ? {} : { existing }) },
    ...{ runId, folder, plan, state, journal, composition },
    log: { ...log, emit },
    results: new Map([...executed, ...decided]),
    began: interrupted.began,
    ...(earlierError === undefined ? {} : { earlierError }),
  });
}

/** What had failed before the driver died. */
function errorBefore(events: readonly RunEvent[]): KetError | undefined {
  const failed = events.flatMap((event) => (event.type === 'task-ended' ? (event.error ?? []) : []))[0];
  return failed === undefined ? undefined : errorOf(failed);
}
