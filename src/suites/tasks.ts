import { withDependencies } from '../model/dependencies.ts';
import type { Plan, SuitePlan } from '../model/plan.ts';
import type { Assets, ClusterHandle, Guard, ImageFacts, Vigil } from '../model/run.ts';
import type { Task, TaskContext } from '../model/task.ts';
import type { AttemptResult } from './verdict/attempt-result.ts';
import { whyRefusedConnections } from './hints.ts';
import { runAttempt } from './attempt.ts';
import { podsOf } from './verdict/pods.ts';
import { mainContainerOf } from './job/in-pod.ts';
import { requestsOf, type Amount } from './admission/room.ts';
import { endIfNotPassed, priorityOf, suiteLimit, withStops, type SuiteSettings } from './settings.ts';
import { runSuite, type SuiteReport } from './suite.ts';
import { readTemplate } from './job/template.ts';
import { tellsUnavailable } from './collect/unavailable.ts';
import type { PreparedSuite } from './prepare.ts';
import { neededNamespaces, type SuiteWorld } from './world.ts';

export interface SuiteNeeds {
  readonly cluster: Task<ClusterHandle>;
  readonly prepared: Task<PreparedSuite>;
  /** What is known of each suite's image, by its name. */
  readonly facts: ReadonlyMap<string, Task<ImageFacts | undefined>>;
  /** By image name: done when it is on the nodes. */
  readonly deliveries: ReadonlyMap<string, Task | undefined>;
  /** By release name: done when it is ready. */
  readonly releases: ReadonlyMap<string, Task | undefined>;
  /** By name: done when it holds. */
  readonly checks: ReadonlyMap<string, Task>;
  readonly guard: Guard;
  readonly vigil?: Vigil;
  /** Releases that are unavailable now, and why; kept with `onUnhealthy: report` only. */
  readonly unavailable: ReadonlyMap<string, string>;
}

/** One suite as Jobs in the cluster. */
export function suiteTask(
  settings: SuiteSettings,
  plan: Plan,
  suite: SuitePlan,
  needs: SuiteNeeds,
): Task<SuiteReport> {
  const facts = suite.image === undefined ? undefined : needs.facts.get(suite.image);
  const delivery = suite.image === undefined ? undefined : needs.deliveries.get(suite.image);
  const releases = suite.needs.flatMap((name) => needs.releases.get(name) ?? []);
  const checks = suite.checks.flatMap((name) => needs.checks.get(name) ?? []);
  const { admission } = settings;
  const task: Task<SuiteReport> = {
    id: `suite ${suite.name}`,
    phase: 'suites',
    title: suite.name,
    needs: [
      needs.cluster,
      needs.prepared,
      ...releases,
      ...checks,
      ...[facts, delivery].filter((task) => task !== undefined),
    ],
    limitMs: suiteLimit(suite, settings.keepFailedMs),
    pool: admission,
    priority: priorityOf(suite),
    async run(outer) {
      const cluster = outer.output(needs.cluster);
      const watched = withDependencies(suite.needs, plan.releases);
      const guards = watched.map((name) => needs.guard(name, cluster, outer));
      const vigil = needs.vigil?.(suite.checks, outer);
      const context = withStops(outer, [admission.stopped, ...guards, ...(vigil?.signals ?? [])]);
      const prepared = outer.output(needs.prepared);
      const world: SuiteWorld = {
        ...prepared.world,
        image: facts === undefined ? undefined : context.output(facts),
        ...(tellsUnavailable(plan, suite) ? { unavailable: needs.unavailable } : {}),
        mayGetRoom: () => admission.mayGetRoom(task),
      };
      if (suite.placement === 'own' && suite.podSecurity !== 'restricted')
        context.emit({
          type: 'notice',
          level: 'warning',
          text: `${suite.name} runs under Pod Security ${suite.podSecurity}, not restricted`,
        });
      const { report, leave } = await runSuite(
        suite,
        settings.runId,
        settings.folder,
        context,
        async (id, outDir, failed) => {
          const ahead = id.attempt === 1 ? await prepared.take() : undefined;
          const result = await runAttempt(world, suite, id, outDir, context, failed, ahead);
          await sayHints(world, suite, result, context);
          return result;
        },
        settings.rounds?.of(suite.name),
      ).finally(() => vigil?.end());
      endIfNotPassed(plan, suite.name, report.outcome, admission);
      await leave();
      return report;
    },
  };
  admission.expect(task, {
    suite: suite.name,
    wanted: wantedBy(suite, settings.assets),
    count: podsOf(suite).count,
    mayRetry: suite.retries > 0,
  });
  return task;
}

/** What is worth a hint is said while the cluster still has it. */
async function sayHints(
  world: SuiteWorld,
  suite: SuitePlan,
  result: AttemptResult,
  context: TaskContext,
): Promise<void> {
  try {
    const signal = AbortSignal.timeout(hintMs);
    const text = await whyRefusedConnections(
      suite,
      neededNamespaces(suite, world),
      result,
      world.kube,
      signal,
    );
    if (text !== undefined) context.emit({ type: 'notice', level: 'warning', text });
  } catch {
    // A hint that cannot be had changes nothing about the verdict.
  }
}

const hintMs = 5000;

/** Undefined with a template that cannot be read, which the suite itself reports. */
function wantedBy(suite: SuitePlan, assets: Assets): Amount | undefined {
  try {
    const spec = readTemplate(assets, suite).spec?.template.spec;
    if (spec === undefined) return undefined;
    const { requests, limits } = suite.resources;
    const resources = { requests: { ...requests }, limits: { ...limits } };
    const containers = spec.containers.map((one) =>
      one.name === mainContainerOf(suite) ? { ...one, resources } : one,
    );
    return requestsOf({ ...spec, containers });
  } catch {
    return undefined;
  }
}
