import path from 'node:path';
import fs from 'node:fs';
import { KetError } from '../model/errors.ts';
import type { AnyObject } from '../model/kube.ts';
import type { Plan, ReleasePlan } from '../model/plan.ts';
import type { RunContext, Tools } from '../model/run.ts';
import type { Task } from '../model/task.ts';
import { needsFolder, prepareRelease, type PreparedRelease } from './prepare.ts';

/** A chart that is fetched may be large, and its repository slow. */
const limitMs = 5 * 60_000;
const graceMs = 15_000;

/** Where the chart of a release is until it is installed: not in the run's folder, for it may hold Secrets. */
const folderOf = (run: RunContext, release: ReleasePlan): string =>
  path.join(path.dirname(run.kubeconfig), `${run.runId}.chart-${release.name}`);

/** Removes what was fetched or written for a release, once it is installed. */
export async function discardChart(run: RunContext, release: ReleasePlan): Promise<void> {
  if (!needsFolder(release)) return;
  const folder = folderOf(run, release);
  await fs.promises.rm(folder, { recursive: true, force: true });
  await run.state.remove({ type: 'folder', path: folder });
}

/** Releases as far as they can be had without a cluster. */
export interface Prepared {
  /** One for each release that the run installs, in the order of the plan. */
  readonly tasks: readonly Task<PreparedRelease>[];
  readonly byName: ReadonlyMap<string, Task<PreparedRelease>>;
  /** By release: what it is made of, as soon as that is known; for those who do without where it is not. */
  readonly objects: ReadonlyMap<string, readonly AnyObject[]>;
}

export function prepareTasks(
  run: RunContext,
  plan: Plan,
  tools: Task<Tools>,
  clusterStays: boolean,
): Prepared {
  const objects = new Map<string, readonly AnyObject[]>();
  const own = plan.releases.filter(({ installed }) => installed !== true);
  const byName = new Map(
    own.map((release): [string, Task<PreparedRelease>] => {
      const task = prepareTask(run, plan, tools, release, clusterStays);
      const noted: typeof task = {
        ...task,
        async run(context) {
          const prepared = await task.run(context);
          if (prepared.objects !== undefined) objects.set(release.name, prepared.objects);
          return prepared;
        },
      };
      return [release.name, noted];
    }),
  );
  return { tasks: [...byName.values()], byName, objects };
}

/** Fetches and renders a release: it needs nothing but the tools, so the cluster starts meanwhile. */
function prepareTask(
  run: RunContext,
  plan: Plan,
  tools: Task<Tools>,
  release: ReleasePlan,
  clusterStays: boolean,
): Task<PreparedRelease> {
  return {
    id: `prepare ${release.name}`,
    phase: 'releases',
    title: `render release ${release.name}`,
    needs: [tools],
    limitMs: limitMs + graceMs,
    async run(context) {
      const { helm, kustomize } = context.output(tools);
      if (helm === undefined)
        throw new KetError('KET_INTERNAL', 'no helm among the tools of a plan with releases');
      const folder = folderOf(run, release);
      if (needsFolder(release)) await run.state.add({ type: 'folder', path: folder });
      const kubernetes = clusterStays ? undefined : versionOf(plan);
      const prepared = await prepareRelease(
        { ...context.deps, env: run.env },
        {
          helm,
          release,
          folder,
          ...(kubernetes === undefined ? {} : { kubernetes }),
          ...(kustomize === undefined ? {} : { kustomize }),
          registryConfig: run.registries?.helmConfig,
          limitMs,
          signal: context.signal,
          awaiting: (what) => context.awaiting(what),
        },
      );
      if (prepared.unsure !== undefined)
        context.emit({
          type: 'notice',
          level: 'info',
          text: `release ${release.name} cannot be rendered ahead, for its chart asks the cluster: ${prepared.unsure}`,
        });
      return prepared;
    },
  };
}

/** Version of the cluster that the run makes, as far as the plan says it. */
function versionOf({ cluster }: Plan): string | undefined {
  if (cluster?.kubernetes !== undefined)
    return /^v\d+\.\d+$/.test(cluster.kubernetes) ? `${cluster.kubernetes}.0` : cluster.kubernetes;
  return /:(v\d+\.\d+\.\d+)/.exec(cluster?.nodeImage ?? '')?.[1];
}
