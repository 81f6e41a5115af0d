import type { CheckPlan, Plan } from '../model/plan.ts';
import type { ClusterHandle, Door, RegistryAccess, Vigil } from '../model/run.ts';
import type { StateFile } from '../model/state.ts';
import type { Task } from '../model/task.ts';
import { helmName } from '../releases/helm.ts';
import { groundTask, type ClusterPart } from './ground.ts';
import { groupKey, groupsOf, placesOf } from './places.ts';
import { runCheck, type CheckPlace } from './run-check.ts';
import { vigilOver } from './vigil.ts';

export interface CheckTasks {
  readonly byName: ReadonlyMap<string, Task>;
  readonly all: readonly Task[];
  /** From where connections into the cluster are made. */
  readonly door?: Task<Door>;
  /** Over those that have held. */
  readonly vigil: Vigil;
}

export interface CheckOptions {
  readonly runId: string;
  /** Of the run. */
  readonly folder: string;
  readonly state: StateFile;
  readonly registries?: RegistryAccess | undefined;
  /** The checks of the plan that are wanted. */
  readonly checks: readonly CheckPlan[];
  readonly cluster: Task<ClusterHandle>;
  readonly facts: Task<ClusterPart>;
  readonly deliveries: ReadonlyMap<string, Task | undefined>;
  /** By release name: done when it is ready. */
  readonly releases: ReadonlyMap<string, Task | undefined>;
}

/** For pods, and for the message after the limit proper. */
const graceMs = 120_000;

/** What short names are looked up in, for each suite on this machine that has ports forwarded. */
const forwardedFrom = ({ suites, releases }: Pick<Plan, 'suites' | 'releases'>): string[][] =>
  suites
    .filter(({ forward = [], lacks }) => forward.length > 0 && lacks.length === 0)
    .map(({ needs }) => [
      ...new Set(needs.map((need) => releases.find(({ name }) => name === need)?.namespace ?? need)),
    ]);

/** A task for each check, and one for the pods from which they look. */
export function checkTasks(
  plan: Pick<Plan, 'releases' | 'suites' | 'checks' | 'onUnhealthy'>,
  options: CheckOptions,
): CheckTasks {
  const { checks, cluster, facts, releases } = options;
  const places = new Map(checks.map((check) => [check, placesOf(check, plan)]));
  const fromPods = checks.filter(({ look }) =>
    ['http', 'tcp', 'grpc', 'network', 'policy'].includes(look.kind),
  );
  const needsWall = fromPods.some(({ look }) => look.kind === 'policy');
  const groups = groupsOf(fromPods.map((check) => ({ check, places: places.get(check) ?? [] })));
  // From somewhere it is tried whether policies are enforced.
  if (needsWall && groups.every(({ place }) => place !== undefined))
    groups.push({ place: undefined, namespaces: [], everyNode: false });
  for (const namespaces of forwardedFrom(plan))
    if (groups.every((group) => groupKey(group.place, group.namespaces) !== groupKey(undefined, namespaces)))
      groups.push({ place: undefined, namespaces, everyNode: false });
  const image = plan.suites.flatMap((suite) => suite.image ?? [])[0];
  const delivery = image === undefined ? undefined : options.deliveries.get(image);
  const ground =
    groups.length === 0 ? undefined : groundTask({ ...options, image, groups, needsWall, delivery });
  const held = new Map<string, CheckPlace>();
  const helmNames = new Map(plan.releases.map((release) => [release.name, helmName(release)]));
  const hosts = plan.releases.map((release) => ({
    name: helmName(release),
    namespace: release.namespace,
    installed: release.installed === true,
  }));
  const tasks = checks.map((check): [string, Task] => [
    check.name,
    {
      id: `check ${check.name}`,
      phase: 'checks',
      title: `check ${check.name}`,
      needs: [
        cluster,
        facts,
        ...(ground !== undefined && fromPods.includes(check) ? [ground] : []),
        ...check.releases.flatMap((name) => releases.get(name) ?? []),
      ],
      limitMs: check.totalMs + graceMs,
      async run(context) {
        const place: CheckPlace = {
          kube: context.output(cluster).kube,
          releases: check.releases.map((name) => helmNames.get(name) ?? name),
          hosts,
          folder: options.folder,
          places: places.get(check) ?? [],
          ground: ground !== undefined && fromPods.includes(check) ? context.output(ground) : undefined,
        };
        await runCheck(check, place, context);
        held.set(check.name, place);
      },
    },
  ]);
  return {
    ...(ground === undefined ? {} : { door: ground }),
    byName: new Map(tasks),
    vigil: vigilOver(plan, (name) => held.get(name)),
    all: [...(ground === undefined ? [] : [ground]), ...tasks.map(([, task]) => task)],
  };
}
