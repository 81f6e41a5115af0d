import fs from 'node:fs';
import path from 'node:path';
import type { Deps } from '../model/deps.ts';
import { messageOf } from '../model/errors.ts';
import type { EventBody } from '../model/events.ts';
import { noCounts, type Outcome } from '../model/outcome.ts';
import type { Plan } from '../model/plan.ts';
import type { ClusterHandle } from '../model/run.ts';
import {
  hopelessRounds,
  isDull,
  worstOf,
  type RoundRelease,
  type RoundSuite,
  type SoakEnd,
} from '../model/soak.ts';
import type { Task } from '../model/task.ts';
import { ReleaseUse } from '../releases/use.ts';
import type { Rounds } from '../suites/rounds.ts';
import type { SuiteReport } from '../suites/suite.ts';
import type { Composition } from './composition.ts';
import { execute, type TaskResult } from './executor.ts';
import { SuiteTally } from './soak-verdict.ts';

export interface SoakOptions {
  readonly plan: Plan;
  readonly askedMs: number;
  readonly composition: Composition;
  readonly rounds: Rounds;
  readonly deps: Deps;
  readonly emit: (event: EventBody) => void;
  readonly room?: () => Promise<void> | undefined;
  readonly cancel: AbortSignal;
  /** The run's own. */
  readonly folder: string;
  /** Why no suite may start any more. */
  readonly closed: () => string | undefined;
  /** Drops what is known of a suite's attempts up to this one. */
  readonly forget: (suite: string, attempt: number) => void;
  /** Tasks that wait until what attempts made is gone. */
  readonly leaving: () => readonly Task[];
}

/** No round begins sooner after the one before it: suites that end at once would fill the log and the disk. */
const leastRoundMs = 1000;
/** Of rounds that passed, the results of the first and of so many of the latest stay. */
export const keptRounds = 3;
const lookMs = 30_000;

/**
 * Runs the tasks of a run with its suites again and again, in whole rounds, until the time is over: the set-up once,
 * then the rounds, then what waits for the end of the suites. The result of a suite's task is what its rounds come to.
 * What this keeps in memory and in the folder does not grow with the number of rounds that pass. Never rejects.
 */
export async function soak(options: SoakOptions): Promise<ReadonlyMap<Task, TaskResult>> {
  const { composition, deps, emit, room, cancel } = options;
  const run = (
    tasks: readonly Task[],
    known: ReadonlyMap<Task, TaskResult>,
    tell = emit,
  ): Promise<ReadonlyMap<Task, TaskResult>> =>
    execute(tasks, { deps, emit: tell, signal: cancel, known, ...(room === undefined ? {} : { room }) });
  const suites = new Set<Task>(composition.suites);
  const late = new Set<Task>(composition.collects);
  const setUp = await run(
    composition.tasks.filter((task) => !suites.has(task) && !late.has(task)),
    new Map(),
  );
  const inOrder = composition.tasks.filter((task) => suites.has(task));
  const ended = await rounds(options, setUp, (tell) => run(inOrder, setUp, tell));
  return run(composition.collects, new Map([...setUp, ...ended]));
}

async function rounds(
  options: SoakOptions,
  setUp: ReadonlyMap<Task, TaskResult>,
  runOnce: (tell: (event: EventBody) => void) => Promise<ReadonlyMap<Task, TaskResult>>,
): Promise<ReadonlyMap<Task, TaskResult>> {
  const { plan, askedMs, composition, deps, emit, cancel } = options;
  const { clock } = deps;
  const tallies = plan.suites.map((suite) => new SuiteTally(suite));
  const cluster =
    composition.cluster === undefined
      ? undefined
      : (setUp.get(composition.cluster)?.output as ClusterHandle | undefined);
  const look = releaseLook(options, cluster);
  await look();
  const shelf = new Shelf(options.folder);
  const began = clock.monotonic();
  let idle = 0;
  let why: SoakEnd | undefined;
  let round = 0;
  while (why === undefined) {
    round = options.rounds.begin();
    const roundBegan = clock.monotonic();
    const firsts = plan.suites.map(({ name }) => options.rounds.attempts(name) + 1);
    emit({ type: 'round-started', round });
    const peaks = new Map<string, number>();
    const results = await runOnce((event) => {
      if (event.type === 'attempt-ended' && event.memoryPeakBytes !== undefined)
        peaks.set(event.suite, Math.max(event.memoryPeakBytes, peaks.get(event.suite) ?? 0));
      emit(event);
    });
    const found = composition.suites.map((task, index) => tallies[index]?.add(round, results.get(task)));
    const suites = plan.suites.map(({ name }, index): RoundSuite => {
      const { outcome = 'skipped', report } = found[index] ?? {};
      const first = firsts[index] ?? 1;
      const last = options.rounds.attempts(name);
      const peak = peaks.get(name);
      return {
        suite: name,
        outcome,
        ms: Math.round(report?.ms ?? 0),
        counts: report?.counts ?? noCounts,
        ...(last < first ? {} : { attempts: { first, last } }),
        ...(peak === undefined ? {} : { memoryPeakBytes: peak }),
      };
    });
    // A cancel does not wait here: the end of the run does.
    if (!cancel.aborted) await execute(options.leaving(), { deps, emit, signal: cancel });
    const releases = cancel.aborted ? [] : await look();
    const outcome = worstOf(suites.map((suite) => suite.outcome));
    const now = clock.monotonic();
    emit({
      type: 'round-ended',
      round,
      outcome,
      roundMs: Math.round(now - roundBegan),
      soakMs: Math.round(now - began),
      suites,
      releases,
    });
    for (const { suite, attempts } of suites)
      if (attempts !== undefined) options.forget(suite, attempts.last);
    shelf.put(round, outcome, suites);
    idle = suites.some((suite) => suite.outcome === 'passed' || suite.outcome === 'flaky') ? 0 : idle + 1;
    why = endOf(
      options,
      found.every((one) => one?.report === undefined),
      idle,
      now - began,
    );
    if (why !== undefined) break;
    const restMs = leastRoundMs - (clock.monotonic() - roundBegan);
    if (restMs > 0) await clock.sleep(restMs, cancel).catch(() => undefined);
    why = endOf(options, false, idle, clock.monotonic() - began);
  }
  emit({
    type: 'soak-ended',
    why,
    askedMs,
    lastedMs: Math.round(clock.monotonic() - began),
    rounds: round,
    removedRounds: shelf.removed,
  });
  return new Map(
    composition.suites.map((task, index): [Task, TaskResult] => {
      const result = tallies[index]?.result() ?? { outcome: 'cancelled' };
      sayEnd(result, emit);
      return [task, result];
    }),
  );
}

/** What the suite comes to; of one that never ran the end of the run says so. */
function sayEnd({ output }: TaskResult, emit: (event: EventBody) => void): void {
  const report = output as SuiteReport | undefined;
  if (report === undefined) return;
  const { suite, outcome, verdict, counts, attempts, ms } = report;
  emit({
    type: 'suite-ended',
    suite: suite.name,
    outcome,
    ...(verdict.infraClass === undefined ? {} : { infraClass: verdict.infraClass }),
    message: verdict.message,
    counts,
    attempts,
    suiteMs: Math.round(ms),
  });
}

function endOf(
  { askedMs, cancel, closed }: SoakOptions,
  noneRan: boolean,
  idle: number,
  lastedMs: number,
): SoakEnd | undefined {
  if (cancel.aborted) return 'cancelled';
  if (closed() !== undefined) return 'fail-fast';
  // What no suite could run for is there in the next round as well.
  if (noneRan || idle >= hopelessRounds) return 'hopeless';
  return lastedMs >= askedMs ? 'time' : undefined;
}

/** Looks at the releases; says once what cannot be seen of them. */
function releaseLook(
  { plan, emit, cancel }: SoakOptions,
  cluster: ClusterHandle | undefined,
): () => Promise<readonly RoundRelease[]> {
  if (cluster === undefined) return () => Promise.resolve([]);
  const use = new ReleaseUse(cluster.kube, plan.releases, cluster.nodes);
  const told = new Set<string>();
  return async () => {
    try {
      const signal = AbortSignal.any([cancel, AbortSignal.timeout(lookMs)]);
      const { releases, problems } = await use.look(signal);
      for (const text of problems) {
        const head = text.split(':')[0] ?? text;
        if (!told.has(head)) emit({ type: 'notice', level: 'warning', text });
        told.add(head);
      }
      return releases;
    } catch (error) {
      if (!cancel.aborted && !told.has(''))
        emit({ type: 'notice', level: 'warning', text: `releases were not looked at: ${messageOf(error)}` });
      told.add('');
      return [];
    }
  };
}

/** The results of rounds in the run's folder. Those of a round that did not pass are never removed. */
class Shelf {
  readonly #folder: string;
  /** Those that may go, the oldest first. */
  readonly #waiting: (readonly string[])[] = [];
  removed = 0;

  constructor(folder: string) {
    this.#folder = folder;
  }

  put(round: number, outcome: Outcome, suites: readonly RoundSuite[]): void {
    if (round === 1 || !isDull(outcome)) return;
    this.#waiting.push(
      suites.flatMap(({ suite, attempts }) =>
        attempts === undefined
          ? []
          : Array.from({ length: attempts.last - attempts.first + 1 }, (_, index) =>
              path.join(this.#folder, 'suites', suite, `attempt-${attempts.first + index}`),
            ),
      ),
    );
    if (this.#waiting.length <= keptRounds) return;
    for (const folder of this.#waiting.shift() ?? []) fs.rmSync(folder, { recursive: true, force: true });
    this.removed += 1;
  }
}
