import { KetError } from '../model/errors.ts';
import type { CheckPlan, Plan } from '../model/plan.ts';
import type { ClusterHandle, RegistryAccess } from '../model/run.ts';
import type { StateFile } from '../model/state.ts';
import type { Task } from '../model/task.ts';
import { helmName } from '../releases/helm.ts';
import { groundTask, type ClusterPart } from './ground.ts';
import { runCheck } from './run-check.ts';

export interface CheckTasks {
  readonly byName: ReadonlyMap<string, Task>;
  readonly all: readonly Task[];
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

/** A task for each check, and one for the pods from which they look. */
export function checkTasks(plan: Pick<Plan, 'releases' | 'suites'>, options: CheckOptions): CheckTasks {
  const { checks, cluster, facts, releases } = options;
  const fromPods = checks.filter(({ look }) => ['http', 'tcp', 'network', 'policy'].includes(look.kind));
  const image = plan.suites.flatMap((suite) => suite.image ?? [])[0];
  if (fromPods.length > 0 && image === undefined)
    throw new KetError(
      'KET_CONFIG',
      `check ${fromPods[0]?.name ?? ''} needs an image for its pod, and no suite has one`,
      {
        where: 'checks of the tier',
        next: 'checks look from pods with the image of a suite; give one an `image`',
      },
    );
  const ground =
    fromPods.length === 0 || image === undefined
      ? undefined
      : groundTask({ ...options, image, checks: fromPods, delivery: options.deliveries.get(image) });
  const helmNames = new Map(plan.releases.map((release) => [release.name, helmName(release)]));
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
        await runCheck(
          check,
          {
            kube: context.output(cluster).kube,
            releases: check.releases.map((name) => helmNames.get(name) ?? name),
            folder: options.folder,
            ground: ground !== undefined && fromPods.includes(check) ? context.output(ground) : undefined,
          },
          context,
        );
      },
    },
  ]);
  return {
    byName: new Map(tasks),
    all: [...(ground === undefined ? [] : [ground]), ...tasks.map(([, task]) => task)],
  };
}
