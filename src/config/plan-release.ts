import path from 'node:path';
import type { CollectPlan, ReleasePlan } from '../model/plan.ts';
import { msOf as ms } from './duration.ts';
import { isRemoteChart } from './files.ts';
import { manifestFiles } from './manifest-files.ts';
import { valuePath } from './release-values.ts';
import type { ReleaseConfig } from './schema.ts';

/** A release of a plan; `nodes` is how many the cluster has. */
export function releaseOf(release: ReleaseConfig, root: string, nodes: number): ReleasePlan {
  return {
    name: release.name,
    namespace: release.namespace ?? release.name,
    ...sourceOf(release, root),
    ...(release.removeCRDs ? { removeCrds: true } : {}),
    ...(release.repo === undefined ? {} : { repo: release.repo }),
    ...(release.version === undefined ? {} : { version: release.version }),
    values: release.values.map((file) => path.resolve(root, file)),
    set: Object.fromEntries(Object.entries(release.set).map(([key, value]) => [key, String(value)])),
    inline: release.inline,
    secrets: Object.entries(release.secrets).map(([keys, variable]) => ({ path: valuePath(keys), variable })),
    dependsOn: release.dependsOn,
    limitMs: ms(release.timeout ?? (nodes > 1 ? '20m' : '10m')),
    ...(release.spread === undefined ? {} : { spread: release.spread }),
    collect: release.collect.map(({ from, container, path: file, command }): CollectPlan => ({
      from,
      ...(container === undefined ? {} : { container }),
      path: file,
      ...(command === undefined ? {} : { command }),
    })),
  };
}

/** What it is installed from; one that is there already is not installed. */
function sourceOf(
  { chart, repo, manifests, kustomize, installed }: ReleaseConfig,
  root: string,
): Pick<ReleasePlan, 'chart' | 'manifests' | 'kustomize' | 'installed'> {
  if (installed) return { installed: true };
  if (kustomize !== undefined) return { kustomize: path.resolve(root, kustomize) };
  if (chart === undefined) return { manifests: manifestFiles(manifests ?? [], root) };
  return { chart: repo !== undefined || isRemoteChart(chart) ? chart : path.resolve(root, chart) };
}
