import path from 'node:path';
import { KetError } from '../model/errors.ts';
import type { ClusterPlan, ExistingPlan, ImagePlan } from '../model/plan.ts';
import { msOf } from './duration.ts';
import { contextProblem, kubeconfigProblem } from './names.ts';
import { override } from './plan-cluster.ts';
import type { PlanInput } from './plan.ts';
import type { ClusterConfig } from './schema.ts';

/** The cluster of a plan whose cluster is there already; undefined where the run makes one, or needs none. */
export function existingOf(
  cluster: ClusterConfig | undefined,
  root: string,
  { overrides, cwd = process.cwd() }: Pick<PlanInput, 'overrides' | 'cwd'>,
): ClusterPlan | undefined {
  if (cluster === undefined) return undefined;
  const context = override('--context', overrides?.context, contextProblem);
  const kubeconfig = override('--kubeconfig', overrides?.kubeconfig, (text) =>
    // The shell has filled in what it could; a tilde that is left was quoted.
    text.startsWith('~') ? kubeconfigProblem(text) : undefined,
  );
  const existing = chosen(cluster, root, { context, kubeconfig, cwd });
  if (existing === undefined) return undefined;
  for (const [flag, value] of [
    ['--node-image', overrides?.nodeImage],
    ['--kubernetes', overrides?.kubernetes],
  ] as const)
    if (value !== undefined)
      throw new KetError(
        'KET_USAGE',
        `${flag} contradicts a cluster that is there already, with the Kubernetes that it has`,
        { where: flag, next: 'leave it out; the report says which Kubernetes the cluster has' },
      );
  return {
    existing,
    configs: [],
    kindConfig: {},
    nodes: [],
    disableDefaultCNI: false,
    hostPorts: [],
    readyMs: msOf(cluster.ready),
    throwaway: false,
  };
}

/** What options say goes before ket.yaml; a kubeconfig of theirs has its own current context. */
function chosen(
  cluster: ClusterConfig,
  root: string,
  said: {
    readonly context: string | undefined;
    readonly kubeconfig: string | undefined;
    readonly cwd: string;
  },
): ExistingPlan | undefined {
  const file =
    said.kubeconfig !== undefined
      ? path.resolve(said.cwd, said.kubeconfig)
      : cluster.kubeconfig === undefined
        ? undefined
        : path.resolve(root, cluster.kubeconfig);
  const context = said.context ?? (said.kubeconfig === undefined ? cluster.context : undefined);
  if (file === undefined && context === undefined) return undefined;
  return {
    ...(file === undefined ? {} : { kubeconfig: file }),
    ...(context === undefined ? {} : { context }),
  };
}

export const imagesOfTier = 'images of the tier';

/** What no cluster can have that is there already: images that ket builds. In production mode there are none. */
export function requireForExisting(name: string, images: readonly ImagePlan[]): void {
  const built = images.flatMap((image) => ('context' in image ? image.name : []));
  if (built.length > 0)
    throw new KetError(
      'KET_USAGE',
      `tier ${name} builds ${built.join(', ')}, and ket cannot bring images to the nodes of a cluster that is there already`,
      {
        where: imagesOfTier,
        next: `push ${built.length === 1 ? 'it' : 'them'} to a registry that the cluster can pull from, and name ${built.length === 1 ? 'it' : 'them'} without "build", or with "digest" in production mode (the cluster pulls)`,
      },
    );
}
