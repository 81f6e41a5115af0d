import type { Plan } from '../model/plan.ts';
import type { ClusterHandle, RunContext } from '../model/run.ts';
import type { Task } from '../model/task.ts';
import type { Kube } from '../model/kube.ts';
import { checkTasks } from '../checks/tasks.ts';
import { clusterTasks, existingClusterTasks } from '../cluster/tasks.ts';
import { nodePullsTask } from '../cluster/node-pulls.ts';
import { stateWithin, type ExistingCluster } from './existing.ts';
import { factsTask } from '../images/facts.ts';
import { imageTasks } from '../images/tasks.ts';
import { renderTask } from '../releases/render-task.ts';
import { podsOfSuites } from '../suites/job/pods-of-suites.ts';
import { collectTask } from '../releases/collect-task.ts';
import { releaseGuard } from '../releases/guard.ts';
import { releaseTasks } from '../releases/tasks.ts';
import { clusterFactsTask } from '../suites/cluster-facts.ts';
import { lackingTask, lacksSomething } from '../suites/lacking.ts';
import { processSuiteTask, suiteTask, type SuiteReport, type SuiteSettings } from '../suites/tasks.ts';
import { toolTasks } from '../tools/tasks.ts';

export interface Composition {
  readonly tasks: readonly Task[];
  readonly suites: readonly Task<SuiteReport>[];
  /** Absent in a tier without a cluster. */
  readonly cluster?: Task<ClusterHandle>;
}

export interface ComposeOptions {
  readonly run: RunContext;
  readonly plan: Plan;
  readonly connect: (kubeconfig: string) => Promise<Kube>;
  /** A cluster that is there already and stays. */
  readonly existing?: ExistingCluster;
  readonly preflight: Task;
  /** Tries the logins at registries; absent where there are none. */
  readonly login?: Task;
  readonly settings: SuiteSettings;
  /** When the run began, unix ms. */
  readonly began: number;
  /** `ket check`: all checks, and no suite. */
  readonly checksOnly?: boolean;
  /** How long suites took before, ms. */
  readonly durations: ReadonlyMap<string, number>;
}

/** All tasks of a run and what each needs; nothing is done yet. */
export function compose(options: ComposeOptions): Composition {
  const { run, plan, connect, existing, preflight, settings, checksOnly = false } = options;
  // Nothing is made for suites that will not run.
  if (
    plan.cluster === undefined ||
    (!checksOnly && plan.suites.length > 0 && plan.suites.every(lacksSomething))
  ) {
    const suites = plan.suites.map((suite) =>
      lacksSomething(suite) ? lackingTask(suite) : processSuiteTask(settings, plan, suite, [preflight]),
    );
    return { tasks: [preflight, ...inOrder(suites, options.durations)], suites };
  }
  const withCluster = { ...plan, cluster: plan.cluster };
  const tools = toolTasks(run, plan);
  const login = options.login === undefined ? [] : [options.login];
  const find: typeof tools.find = { ...tools.find, needs: [preflight, ...login] };
  const cluster =
    existing === undefined
      ? clusterTasks(run, withCluster, find, connect)
      : existingClusterTasks(run, withCluster, find, existing, connect);
  const dockerEnv: Record<string, string> =
    run.registries === undefined ? {} : { DOCKER_CONFIG: run.registries.dockerConfig };
  const found = plan.preload === 'auto' && !plan.production && plan.releases.length > 0;
  const rendered = found ? renderTask(run, plan, find) : undefined;
  const images = imageTasks(plan, cluster, {
    ...(rendered === undefined ? {} : { rendered }),
    others: plan.preload === 'auto' ? podsOfSuites(plan, settings.assets) : [],
    env: dockerEnv,
  });
  const builds = new Map(plan.images.map((image, index) => [image.name, images.build[index]]));
  const deliveries = new Map(plan.images.map((image, index) => [image.name, images.deliver[index]]));
  const suiteImages = new Set(plan.suites.flatMap((suite) => suite.image ?? []));
  const facts = new Map(
    [...suiteImages].map((name) => [
      name,
      factsTask(
        ...([name, find, builds.get(name) ?? images.preload?.pull] as const),
        plan.production ? dockerEnv : undefined,
      ),
    ]),
  );
  // An image that is not of the plan may be among those that are found.
  for (const name of images.preload === undefined ? [] : suiteImages)
    if (!deliveries.has(name)) deliveries.set(name, images.preload?.deliver);
  const within = existing === undefined ? run : { ...run, state: stateWithin(run.state, existing, connect) };
  const releases = releaseTasks(within, plan, cluster, images, existing !== undefined);
  const installs = new Map(plan.releases.map((release, index) => [release.name, releases.install[index]]));
  const guards = releaseGuard(plan, run.folder);
  const clusterFacts = clusterFactsTask(cluster.ready, settings.assets);
  const checks = checkTasks(plan, {
    runId: run.runId,
    folder: run.folder,
    state: run.state,
    registries: run.registries,
    checks: wantedChecks(plan, checksOnly),
    cluster: cluster.ready,
    facts: clusterFacts,
    deliveries,
    releases: installs,
  });
  const suites = (checksOnly ? [] : plan.suites).map((suite) =>
    lacksSomething(suite)
      ? lackingTask(suite)
      : suiteTask(settings, plan, suite, {
          cluster: cluster.ready,
          clusterFacts,
          facts,
          releases: installs,
          checks: checks.byName,
          deliveries,
          ...guards,
        }),
  );
  const collects = plan.releases.flatMap((release, index) => {
    const install = releases.install[index];
    return install === undefined || release.collect.length === 0
      ? []
      : [collectTask(run, install, release, suites)];
  });
  const before: readonly Task[] = [
    preflight,
    ...login,
    find,
    ...cluster.all,
    clusterFacts,
    ...(rendered === undefined ? [] : [rendered]),
    ...images.all,
    ...facts.values(),
    ...releases.all,
    ...checks.all,
    ...inOrder(suites, options.durations),
    ...collects,
  ];
  return {
    tasks: [...before, nodePullsTask(cluster.ready, before, options.began)],
    suites,
    cluster: cluster.ready,
  };
}

/** Those that a suite of this run requires; all of them where only they are to run. */
function wantedChecks({ checks, suites }: Plan, all: boolean): Plan['checks'] {
  const running = suites.filter((suite) => !lacksSomething(suite));
  return all ? checks : checks.filter(({ name }) => running.some((suite) => suite.checks.includes(name)));
}

/**
 * By priority; then the longest first, as far as that is known, because a long one that starts last is waited for
 * alone. One that never ran comes before all that did: it may be long.
 */
function inOrder(
  suites: readonly Task<SuiteReport>[],
  durations: ReadonlyMap<string, number>,
): Task<SuiteReport>[] {
  const lasts = (task: Task): number => durations.get(task.title) ?? Infinity;
  return [...suites].sort(
    (a, b) => (b.priority ?? 0) - (a.priority ?? 0) || (lasts(a) === lasts(b) ? 0 : lasts(b) - lasts(a)),
  );
}
