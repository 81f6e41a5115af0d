import { KetError, type ErrorInfo } from '../model/errors.ts';
import type { EventBody, RunEvent } from '../model/events.ts';
import type { Kube } from '../model/kube.ts';
import type { SuitePlan } from '../model/plan.ts';
import type { ClusterHandle, ImageFacts, RunContext } from '../model/run.ts';
import type { Made } from '../model/state.ts';
import type { Task } from '../model/task.ts';
import { nodeNames } from '../cluster/names.ts';
import { imageFacts } from '../images/facts.ts';
import { deliveryOf } from '../images/preload.ts';
import { collectTask } from '../releases/collect-task.ts';
import { releaseGuard } from '../releases/guard.ts';
import type { ReadyRelease } from '../releases/tasks.ts';
import { clusterFactsTask } from '../suites/cluster-facts.ts';
import { lostHelmTest } from '../suites/helm-test.ts';
import { lackingTask, lacksSomething } from '../suites/lacking.ts';
import { prepareTask, type PreparedSuite } from '../suites/prepare.ts';
import { processSuiteTask } from '../suites/process-task.ts';
import { suiteTask } from '../suites/tasks.ts';
import type { SuiteReport } from '../suites/suite.ts';
import type { SuiteSettings } from '../suites/settings.ts';
import { findDocker } from '../tools/find.ts';
import type { Composition } from './composition.ts';
import type { TaskResult } from './executor.ts';
import type { Journal, JournalHead } from './journal.ts';
import { keepLease, longestMs } from './lease.ts';

export interface AttachComposeOptions {
  readonly run: RunContext;
  readonly head: JournalHead;
  readonly journal: Pick<Journal, 'hasBegun' | 'kept'>;
  /** The events of the driver that died. */
  readonly before: readonly RunEvent[];
  readonly made: readonly Made[];
  readonly connect: (kubeconfig: string) => Promise<Kube>;
  readonly settings: SuiteSettings;
}

export interface AttachComposition {
  readonly composition: Composition;
  /** Suites about which there is nothing to do any more. */
  readonly decided: ReadonlyMap<Task, TaskResult>;
}

const neverBegan = 'the driver died before it began';
/** The reason of tasks that it left open. */
export const driverDied = 'the driver died';

/** The tasks that are left of a run whose driver died; nothing is done yet. */
export function composeAttach(options: AttachComposeOptions): AttachComposition {
  const { run, head, journal, before, settings } = options;
  const { plan } = head;
  const ended = suitesEnded(before);
  const done = tasksDone(before);
  const tasksOver = tasksWithoutOutput(before);
  const cluster = clusterTask(options, done);
  const clusterFacts = cluster === undefined ? undefined : clusterFactsTask(cluster, settings.assets);
  const releases = new Map(
    cluster === undefined
      ? []
      : plan.releases
          .filter((release) => done.has(`install ${release.name}`))
          .map((release) => [release.name, readyRelease(release, cluster)] as const),
  );
  const images = new Set(plan.suites.flatMap((suite) => suite.image ?? []));
  const facts = new Map([...images].map((image) => [image, factsTask(image)] as const));
  const guards = releaseGuard(plan, run.folder);
  const needsReady = (suite: SuitePlan): boolean =>
    suite.needs.every((name) => releases.has(name)) &&
    suite.checks.every((name) => done.has(`check ${name}`)) &&
    (plan.production ||
      plan.images.every((image) => image.name !== suite.image || done.has(deliveryOf(image))));
  const decided = new Map<Task, TaskResult>();
  const without = (suite: SuitePlan, result: TaskResult): Task<SuiteReport> => {
    const task = nothingLeft(suite);
    decided.set(task, result);
    return task;
  };

  const ahead: Task<PreparedSuite>[] = [];
  const suites = plan.suites.map((suite): Task<SuiteReport> => {
    const end = ended.get(suite.name);
    if (end !== undefined) return without(suite, resultOf(suite, end, journal.kept(suite.name)));
    const told = tasksOver.get(`suite ${suite.name}`);
    if (told !== undefined) return without(suite, told);
    if (lacksSomething(suite)) return lackingTask(suite);
    // Ports of the process that died are closed, and so is what ran against them.
    if (suite.on === 'host')
      return wasStarted(before, suite.name)
        ? without(suite, { outcome: 'failed', error: lostProcess(suite) })
        : without(suite, { outcome: 'skipped', reason: neverBegan });
    if (plan.cluster === undefined)
      return wasStarted(before, suite.name)
        ? without(suite, { outcome: 'failed', error: lostProcess(suite) })
        : processSuiteTask(settings, plan, suite, []);
    if (suite.helmTest !== undefined)
      return wasStarted(before, suite.name)
        ? without(suite, { outcome: 'failed', error: lostHelmTest(suite) })
        : without(suite, { outcome: 'skipped', reason: neverBegan });
    const begun = journal.hasBegun(suite.name);
    if (cluster === undefined || clusterFacts === undefined || !(begun || needsReady(suite)))
      return without(suite, { outcome: 'skipped', reason: neverBegan });
    const prepared = prepareTask(settings, plan, suite, { cluster, clusterFacts });
    ahead.push(prepared);
    const task = suiteTask(settings, plan, suite, {
      cluster,
      prepared,
      facts,
      deliveries: new Map(),
      releases,
      // Those that it requires have held.
      checks: new Map(),
      ...guards,
    });
    if (!begun) return task;
    // Its pod has its place already, and waits for a driver only so long.
    const { pool: _pool, ...atOnce } = task;
    return atOnce;
  });
  const left = suites.filter((task) => !decided.has(task));
  const needed = new Set([...left, ...ahead].flatMap((task) => task.needs));
  const collects = plan.releases.flatMap((release) => {
    const ready = releases.get(release.name);
    if (ready === undefined || release.collect.length === 0 || done.has(`collect ${release.name}`)) return [];
    needed.add(ready);
    return [collectTask(run, ready, release, left)];
  });
  return {
    composition: {
      tasks: [
        ...(cluster === undefined ? [] : [cluster]),
        ...[
          ...(clusterFacts === undefined ? [] : [clusterFacts]),
          ...releases.values(),
          ...facts.values(),
        ].filter((task) => needed.has(task)),
        ...ahead,
        ...left,
        ...collects,
      ],
      suites,
      prepared: ahead,
      collects,
      ...(cluster === undefined ? {} : { cluster }),
    },
    decided,
  };
}

type SuiteEnded = Extract<EventBody, { type: 'suite-ended' }>;

const suitesEnded = (events: readonly RunEvent[]): ReadonlyMap<string, SuiteEnded> =>
  new Map(events.flatMap((event) => (event.type === 'suite-ended' ? [[event.suite, event] as const] : [])));

const tasksDone = (events: readonly RunEvent[]): ReadonlySet<string> =>
  new Set(
    events.flatMap((event) => (event.type === 'task-ended' && event.outcome === 'done' ? event.task : [])),
  );

/** Suites that were cancelled or skipped before the driver died, or whose task failed: those stay so. */
const tasksWithoutOutput = (events: readonly RunEvent[]): ReadonlyMap<string, TaskResult> =>
  new Map(
    events.flatMap((event): [string, TaskResult][] => {
      if (event.type !== 'task-ended' || event.outcome === 'done' || event.reason === driverDied) return [];
      const { task, outcome, reason, error } = event;
      const why = reason === undefined ? {} : { reason };
      return [[task, { outcome, ...why, ...(error === undefined ? {} : { error: errorOf(error) }) }]];
    }),
  );

/** The error that stands in an event. */
export const errorOf = (info: ErrorInfo): KetError => new KetError(info.code, info.message, info);

const wasStarted = (events: readonly RunEvent[], suite: string): boolean =>
  events.some((event) => event.type === 'attempt-started' && event.suite === suite);

const lostProcess = (suite: SuitePlan): KetError =>
  new KetError(
    'KET_STATE',
    `the driver died while ${suite.name} ran as a process of this machine, which nobody can take up`,
    { next: 'run it again' },
  );

/** Only where the cluster was ready, and its removal had not begun. */
function clusterTask(
  { run: { runId }, head, made, before, connect }: AttachComposeOptions,
  done: ReadonlySet<string>,
): Task<ClusterHandle> | undefined {
  const { plan, existing } = head;
  const where = existing ?? made.find((one) => one.type === 'kind-cluster');
  const leaving = before.some((event) => event.type === 'task-started' && event.phase === 'cleanup');
  if (plan.cluster === undefined || where === undefined || leaving || !done.has('cluster ready'))
    return undefined;
  const { name, kubeconfig } = where;
  const nodes = existing?.nodes ?? nodeNames(name, plan.cluster.nodes);
  return {
    id: 'attach to the cluster',
    phase: 'suites',
    title: `attach to cluster ${name}`,
    needs: [],
    limitMs: 120_000,
    async run(context) {
      const kube = await connect(kubeconfig);
      await kube.text('/readyz', context.signal);
      if (existing?.shared === true)
        keepLease({ kube, runId, longestMs: longestMs(plan), now: () => context.deps.clock.now() });
      return { name, kubeconfig, nodes, kube };
    },
  };
}

const readyRelease = (
  release: ReadyRelease['release'],
  cluster: Task<ClusterHandle>,
): Task<ReadyRelease> => ({
  id: `attach to release ${release.name}`,
  phase: 'suites',
  title: `attach to release ${release.name}`,
  needs: [cluster],
  limitMs: 10_000,
  run: (context) => Promise.resolve({ release, cluster: context.output(cluster) }),
});

/** What is known of an image matters for a Job that is still to be made, and says itself when it lacks. */
const factsTask = (image: string): Task<ImageFacts | undefined> => ({
  id: `attach: look at ${image}`,
  phase: 'suites',
  title: `look at image ${image}`,
  needs: [],
  limitMs: 40_000,
  async run({ deps, signal }) {
    try {
      return await imageFacts(deps, findDocker(deps.env), image, signal);
    } catch {
      return undefined;
    }
  },
});

/** It stands for the suite; nobody runs it. */
const nothingLeft = (suite: SuitePlan): Task<SuiteReport> => ({
  id: `suite ${suite.name}`,
  phase: 'suites',
  title: suite.name,
  needs: [],
  limitMs: 0,
  run: () => Promise.reject(new Error(`nothing is left to do of ${suite.name}`)),
});

/** What the driver that died had found. */
function resultOf(suite: SuitePlan, end: SuiteEnded, kept: SuiteReport['kept']): TaskResult {
  const { outcome, infraClass, message, counts, attempts, suiteMs } = end;
  if (attempts === 0 && !lacksSomething(suite)) {
    if (outcome === 'infra-error') return { outcome: 'failed', error: new KetError('KET_STATE', message) };
    return outcome === 'cancelled' ? { outcome: 'cancelled' } : { outcome: 'skipped', reason: message };
  }
  const verdict = { outcome, message, ...(infraClass === undefined ? {} : { infraClass }) };
  const report: SuiteReport = { suite, outcome, verdict, counts, attempts, ms: suiteMs, kept };
  return { outcome: 'done', output: report };
}
