import path from 'node:path';
import { KetError } from '../model/errors.ts';
import type { ClusterPlan } from '../model/plan.ts';
import { msOf } from './duration.ts';
import { readKindConfig } from './kind-config.ts';
import { imageProblem, kubernetesProblem } from './names.ts';
import { listedNodeImages } from './node-images.ts';
import type { PlanInput } from './plan.ts';
import { problemsError } from './problems.ts';
import type { ClusterConfig, KetConfig } from './schema.ts';
import { shownPath } from './source.ts';

/** The cluster of a plan: what kind gets, and which Kubernetes. */
export function clusterOf(
  cluster: ClusterConfig | undefined,
  tools: KetConfig['tools'],
  root: string,
  input: PlanInput,
): ClusterPlan | undefined {
  if (cluster === undefined) return undefined;
  const cwd = input.cwd ?? process.cwd();
  const other = input.overrides?.clusterConfig;
  const configs =
    other === undefined
      ? [cluster.config ?? []].flat().map((file) => path.resolve(root, file))
      : [path.resolve(cwd, other)];
  const shown = (file: string): string => shownPath(file, cwd);
  const { problems, name, data, ...facts } = readKindConfig(configs, { shown, env: input.env });
  if (problems.length > 0) throw problemsError(problems, problems[0]?.file ?? '');
  const nodeImages = listedNodeImages(input.env);
  return {
    configs,
    kindConfig: data,
    ...facts,
    ...(name === undefined ? {} : { configName: name }),
    ...kubernetesOf(cluster, tools, input),
    throwaway: cluster.throwaway,
    ...(nodeImages.length === 0 ? {} : { nodeImages }),
    readyMs: msOf(cluster.ready),
  };
}

/** The versions of Kubernetes that ket.yaml names for the cluster, without the leading v. */
export const versionsOf = (cluster: ClusterConfig | undefined): readonly string[] =>
  [cluster?.kubernetes ?? []].flat().map((version) => String(version).replace(/^v/, ''));

/**
 * The versions of which each is a run of its own: those that ket.yaml lists. None where it does not list several, or
 * where an option or the environment says which Kubernetes it is.
 */
export function variantsOf(
  cluster: ClusterConfig | undefined,
  { overrides, env }: Pick<PlanInput, 'overrides' | 'env'>,
): readonly string[] {
  const versions = versionsOf(cluster);
  const said = [
    overrides?.nodeImage,
    overrides?.kubernetes,
    // One that is there already has the version that it has.
    overrides?.context,
    overrides?.kubeconfig,
    env['KET_NODE_IMAGE'],
    env['KET_KUBERNETES_VERSION'],
  ].some((value) => value !== undefined && value !== '');
  return versions.length < 2 || said ? [] : versions;
}

/** The first that says anything decides: options, the environment, the cluster in ket.yaml, its tools. */
function kubernetesOf(
  cluster: ClusterConfig,
  tools: KetConfig['tools'],
  { overrides, env, variant }: PlanInput,
): Pick<ClusterPlan, 'nodeImage' | 'kubernetes' | 'variant'> {
  if (variant !== undefined) return { kubernetes: withV(variant), variant };
  const given = {
    '--node-image': overrides?.nodeImage,
    '--kubernetes': overrides?.kubernetes,
    KET_NODE_IMAGE: env['KET_NODE_IMAGE'],
    KET_KUBERNETES_VERSION: env['KET_KUBERNETES_VERSION'],
  };
  for (const [image, version] of [
    ['--node-image', '--kubernetes'],
    ['KET_NODE_IMAGE', 'KET_KUBERNETES_VERSION'],
  ] as const) {
    const nodeImage = override(image, given[image], (text) => imageProblem(text, 'pull'));
    const kubernetes = override(version, given[version], kubernetesProblem);
    if (nodeImage !== undefined && kubernetes !== undefined)
      throw new KetError(
        'KET_USAGE',
        `${version} contradicts ${image}, which is a version of Kubernetes already`,
        { where: version, next: 'leave one of them out' },
      );
    if (nodeImage !== undefined) return { nodeImage };
    if (kubernetes !== undefined) return { kubernetes: withV(kubernetes) };
  }
  if (cluster.nodeImage !== undefined) return { nodeImage: cluster.nodeImage };
  const [listed, second] = versionsOf(cluster);
  if (listed !== undefined && second !== undefined)
    throw new KetError(
      'KET_USAGE',
      `the cluster is for several versions of Kubernetes, ${versionsOf(cluster).join(', ')}, and this is about one`,
      {
        where: 'cluster.kubernetes',
        next: `name one: --kubernetes ${listed}, or kubernetes-version in a step of the Action`,
      },
    );
  const kubernetes = listed ?? tools.kubernetes;
  return kubernetes === undefined ? {} : { kubernetes: withV(String(kubernetes)) };
}

/** As images and tables have it. */
const withV = (version: string): string => `v${version.replace(/^v/, '')}`;

/** A value from outside of ket.yaml, under the same rules as there; an empty one is none, as everywhere in CI. */
export function override(
  from: string,
  value: string | undefined,
  check: (text: string) => string | undefined,
): string | undefined {
  if (value === undefined || value === '') return undefined;
  const problem = check(value);
  if (problem !== undefined) throw new KetError('KET_USAGE', `${from}: ${problem}`, { where: from });
  return value;
}
