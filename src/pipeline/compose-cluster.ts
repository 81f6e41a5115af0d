import type { ClusterPlan, Plan } from '../model/plan.ts';
import type { Task } from '../model/task.ts';
import { checkTasks } from '../checks/tasks.ts';
import { sharedClusterTasks } from '../cluster/shared.ts';
import { clusterTasks, existingClusterTasks } from '../cluster/tasks.ts';
import { mappedIn, mappedPortsTask } from '../cluster/mapped-ports.ts';
import { stateWithin } from './existing.ts';
import { helmTestOf } from '../releases/helm-test.ts';
import { helmTestTask } from '../suites/helm-test.ts';
import { factsTask } from '../images/facts.ts';
import { imageTasks } from '../images/tasks.ts';
import { podsOfSuites } from '../suites/job/pods-of-suites.ts';
import { collectTask } from '../releases/collect-task.ts';
import { releaseGuard } from '../releases/guard.ts';
import { removedReleases, uninstallTasks } from '../releases/removed.ts';
import { prepareTasks } from '../releases/prepare-task.ts';
import { releaseTasks } from '../releases/tasks.ts';
import { usageOfSuites } from './usages.ts';
import { sparedDeliveries } from './release-images.ts';
import { sharedNeeds } from './shared-needs.ts';
import { clusterFactsTask } from '../suites/cluster-facts.ts';
import { hostSuiteTask } from '../suites/host/task.ts';
import { lackingTask, lacksSomething } from '../suites/lacking.ts';
import { prepareTask, type PreparedSuite } from '../suites/prepare.ts';
import { suiteTask } from '../suites/tasks.ts';
import { toolTasks } from '../tools/tasks.ts';
import { lastLooks } from './last-looks.ts';
import { inOrder, type ComposeOptions, type Composition } from './composition.ts';

/** The tasks of a run in a cluster. */
export function composeInCluster(
  options: ComposeOptions & { readonly plan: { readonly cluster: ClusterPlan } },
): Composition {
  const { run, plan, connect, existing, preflight, settings, checksOnly = false, up } = options;
  const removed = up === undefined ? [] : removedReleases(plan, up);
  // Of a cluster that is there, nothing waits for the look at the machine, which only warns.
  const there = existing !== undefined;
  const own = plan.releases.filter(({ installed }) => installed !== true);
  const tools = toolTasks(run, plan, {
    kind: !there,
    helm: own.length + removed.length > 0,
    kustomize: own.some(({ kustomize }) => kustomize !== undefined),
  });
  const login = options.login === undefined ? [] : [options.login];
  const find: typeof tools.find = { ...tools.find, needs: [...(there ? [] : [preflight]), ...login] };
  const prepared = prepareTasks(run, plan, find, there);
  const cluster =
    existing === undefined
      ? clusterTasks(run, plan, find, connect)
      : existing.shared === true
        ? sharedClusterTasks(
            run,
            find,
            existing,
            sharedNeeds({
              ...{ run, plan, checks: wantedChecks(plan, checksOnly), checksOnly, tools: find, prepared },
              knownRuns: options.knownRuns,
            }),
            connect,
          )
        : existingClusterTasks(run, plan, find, existing, connect);
  const dockerEnv: Record<string, string> =
    run.registries === undefined ? {} : { DOCKER_CONFIG: run.registries.dockerConfig };
  // The nodes of a cluster that is not of this machine pull their images.
  const brought: Plan = existing?.shared === true ? { ...plan, images: [], preload: 'off' } : plan;
  const ofSuites = new Set(options.users.flatMap(({ image }) => image ?? []));
  const users = {
    usage: usageOfSuites(settings.assets, { ...plan, suites: options.users }),
    pods: podsOfSuites({ ...plan, suites: options.users }, settings.assets),
    rendered: prepared.tasks,
    releases: () => own.map(({ name }) => prepared.objects.get(name)),
    last: there || own.length === 0 ? [] : [...ofSuites],
    env: dockerEnv,
  };
  const stays = options.bringsUp === true;
  const images = imageTasks(brought, cluster, users, { state: run.state, runId: run.runId, there, stays });
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
  const gone =
    up === undefined ? [] : uninstallTasks(run, options.bringsUp === true ? removed : [], up, cluster);
  // In a cluster that stays an image may be used by what is there already.
  const spared = there
    ? () => false
    : sparedDeliveries({ deliveries, found: images.preload?.deliver, ofSuites, objects: prepared.objects });
  const delivered = { deliver: images.deliver, spared };
  const releases = releaseTasks(within, plan, { ...cluster, gone, prepared }, delivered, {
    stays: there,
    releasesStay: existing?.releasesStay ?? true,
    up,
    suiteImages: [...ofSuites],
  });
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
  const helmTest = helmTestOf(within, plan, find);
  const { door, vigil } = checks;
  const onHost = !checksOnly && plan.suites.some((suite) => suite.on === 'host' && !lacksSomething(suite));
  const mapped =
    onHost && mappedIn(plan.cluster).length > 0
      ? mappedPortsTask(plan.cluster, find, cluster.create)
      : undefined;
  const ahead: Task<PreparedSuite>[] = [];
  const suites = (checksOnly ? [] : plan.suites).map((suite) => {
    if (lacksSomething(suite)) return lackingTask(suite);
    const needs = { cluster: cluster.ready, releases: installs, checks: checks.byName };
    if (suite.helmTest !== undefined) {
      const its = { ...needs, images: images.deliver, tools: find, ...guards };
      return helmTestTask(settings, plan, suite, its, helmTest);
    }
    if (suite.on === 'host')
      return hostSuiteTask(settings, plan, suite, {
        ...{ ...needs, door, vigil, mapped },
        images: suite.needs.length > 0 ? images.deliver : [],
        guard: guards.guard,
        home: run.kubeconfig,
      });
    const prepared = prepareTask(settings, plan, suite, { cluster: cluster.ready, clusterFacts });
    ahead.push(prepared);
    return suiteTask(settings, plan, suite, { ...needs, prepared, facts, deliveries, vigil, ...guards });
  });
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
    ...ahead,
    ...prepared.tasks,
    ...images.all,
    ...gone,
    ...facts.values(),
    ...releases.all,
    ...checks.all,
    ...(mapped === undefined ? [] : [mapped]),
    ...inOrder(suites, options.durations),
    ...collects,
  ];
  const looks = lastLooks({
    ...{ plan, cluster: cluster.ready, after: before, began: options.began },
    use: suites.length > 0 && existing?.shared !== true && plan.soakMs === undefined,
  });
  return {
    tasks: [...before, ...looks],
    suites,
    goals: goalsOf(plan, suites, checksOnly ? checks.all : releases.install),
    prepared: ahead,
    collects,
    cluster: cluster.ready,
  };
}

/** A suite that lacks something says so whatever becomes of the others. */
function goalsOf(plan: Plan, suites: readonly Task[], others: readonly Task[]): readonly Task[] {
  if (suites.length === 0) return others;
  return suites.filter((_, index) => plan.suites[index] !== undefined && !lacksSomething(plan.suites[index]));
}

/** Those that a suite of this run requires; all of them where only they are to run. */
function wantedChecks({ checks, suites }: Plan, all: boolean): Plan['checks'] {
  const running = suites.filter((suite) => !lacksSomething(suite));
  return all ? checks : checks.filter(({ name }) => running.some((suite) => suite.checks.includes(name)));
}
