import type { Plan, SuitePlan } from '../model/plan.ts';
import type { ClusterHandle, ImageFacts, Outbound } from '../model/run.ts';
import type { StateFile } from '../model/state.ts';
import type { Task } from '../model/task.ts';
import { attemptLimits } from './limits.ts';
import { runAttempt } from './attempt.ts';
import { runProcess } from './process.ts';
import type { Secrets } from './secrets.ts';
import { runSuite, type SuiteReport } from './suite.ts';
import { clusterFacts, readPrograms, readTemplate, type Assets, type SuiteWorld } from './world.ts';

export type { SuiteReport } from './suite.ts';

export interface SuiteSettings {
  readonly runId: string;
  readonly folder: string;
  readonly assets: Assets;
  readonly keepFailedMs: number;
  readonly ephemeral: boolean;
  readonly state: StateFile;
  readonly secrets: Secrets;
  readonly outbound: Outbound;
}

export interface SuiteNeeds {
  readonly cluster: Task<ClusterHandle>;
  /** What is known of each suite's image, by its name. */
  readonly facts: ReadonlyMap<string, Task<ImageFacts | undefined>>;
  /** By image name: done when it is on the nodes. */
  readonly deliveries: ReadonlyMap<string, Task | undefined>;
  /** By release name: done when it is ready. */
  readonly releases: ReadonlyMap<string, Task | undefined>;
}

/** The pool of suites, whose size is the plan's `parallel`. */
export const suitePool = 'suites';

/** All attempts of a suite, one after another, with room for what each needs besides its own limit. */
const suiteLimit = (suite: SuitePlan, keepMs: number): number =>
  (suite.retries + 1) * attemptLimits(suite.limitMs, keepMs, suite.pendingMs).jobMs;

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
  const namespaces = Object.fromEntries(plan.releases.map((release) => [release.name, release.namespace]));
  return {
    id: `suite ${suite.name}`,
    phase: 'suites',
    title: suite.name,
    needs: [needs.cluster, ...releases, ...[facts, delivery].filter((task) => task !== undefined)],
    limitMs: suiteLimit(suite, settings.keepFailedMs),
    pool: suitePool,
    async run(context) {
      const cluster = context.output(needs.cluster);
      const { kube } = cluster;
      const world: SuiteWorld = {
        runId: settings.runId,
        kube,
        template: (s) => readTemplate(settings.assets, s),
        programs: readPrograms(settings.assets),
        ...(await clusterFacts(kube, context.signal)),
        namespaces,
        image: facts === undefined ? undefined : context.output(facts),
        keepFailedMs: settings.keepFailedMs,
        ephemeral: settings.ephemeral,
        lists: settings.state,
        secrets: settings.secrets,
        outbound: settings.outbound,
        cluster,
      };
      return runSuite(suite, settings.runId, settings.folder, context, (id, outDir) =>
        runAttempt(world, suite, id, outDir, context),
      );
    },
  };
}

/** One suite as processes of this machine. */
export function processSuiteTask(
  settings: SuiteSettings,
  plan: Plan,
  suite: SuitePlan,
  needs: readonly Task[],
): Task<SuiteReport> {
  return {
    id: `suite ${suite.name}`,
    phase: 'suites',
    title: suite.name,
    needs,
    limitMs: suiteLimit(suite, 0),
    pool: suitePool,
    run: (context) =>
      runSuite(suite, settings.runId, settings.folder, context, (id, outDir) =>
        runProcess(suite, id, plan.root, outDir, settings.secrets, context),
      ),
  };
}
