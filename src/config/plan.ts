import path from 'node:path';
import { KetError } from '../model/errors.ts';
import type { ImagePlan, Keep, Plan, Resources, SuitePlan, ToolsPlan } from '../model/plan.ts';
import { openConfig, selectTier } from './chosen-tiers.ts';
import { msOf as ms, soakProblem } from './duration.ts';
import { forwardOf } from './endpoints.ts';
import { dockerfileOf } from './files.ts';
import { mainContainerIn, readJobFile, type JobContainer } from './job-file.ts';
import type { LoadedConfig } from './load.ts';
import { versionProblem } from './names.ts';
import { budgetOf } from './plan-budget.ts';
import { checksOf, requiredChecks } from './plan-checks.ts';
import { existingOf, requireForExisting } from './plan-existing.ts';
import { clusterOf, override } from './plan-cluster.ts';
import { releaseOf } from './plan-release.ts';
import { problemsError } from './problems.ts';
import { pinned, productionImages, productionOf, registriesOf } from './registries.ts';
import { referencesOf } from './release-objects.ts';
import { parseQuantity } from '../model/quantity.ts';
import {
  defaultKind,
  type ImageConfig,
  type KetConfig,
  type SuiteConfig,
  type TierConfig,
} from './schema.ts';
import { patchesOf, withProfile } from './profiles.ts';
import { unknownName } from './select.ts';
import { placesIn, requirePlaces } from './spread.ts';

/** What flags or the Action's inputs say; each goes before the environment, and that before ket.yaml. */
export interface PlanOverrides {
  /** Relative to `cwd`. */
  readonly output?: string | undefined;
  readonly keep?: Keep | undefined;
  /** A cluster that is there already, in place of the tier's: a context, a kubeconfig relative to `cwd`, or both. */
  readonly context?: string | undefined;
  readonly kubeconfig?: string | undefined;
  /** Another Kind config than the tier's, relative to `cwd`. */
  readonly clusterConfig?: string | undefined;
  readonly nodeImage?: string | undefined;
  /** A version of Kubernetes in place of an image. */
  readonly kubernetes?: string | undefined;
  readonly retries?: number | undefined;
  readonly parallel?: number | undefined;
  readonly failFast?: boolean | undefined;
  /** How long the suites are repeated. */
  readonly soak?: string | undefined;
  /** Images come from their registries, and from nowhere else. */
  readonly production?: boolean | undefined;
  /** Words appended to the command of every suite that runs. */
  readonly args?: readonly string[] | undefined;
}

export interface PlanInput {
  /** Relative to `cwd`; `ket.yaml` there unless given. It is not searched for in the folders above. */
  readonly configPath?: string | undefined;
  readonly tier?: string | undefined;
  /** All of the tier unless given. */
  readonly suites?: readonly string[] | undefined;
  readonly overrides?: PlanOverrides | undefined;
  /** Which of the versions of Kubernetes that ket.yaml lists; it goes before all else that names one. */
  readonly variant?: string | undefined;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly isTTY: boolean;
  readonly ci: boolean;
  readonly cwd?: string | undefined;
}

const keepMs = 3_600_000;

/** ket.yaml, flags and environment become the one immutable plan of a run, or a KetError that says what is wrong. */
export function resolvePlan(input: PlanInput): Plan {
  const cwd = input.cwd ?? process.cwd();
  const loaded = openConfig(input.configPath, cwd);
  return planOf({ ...loaded, tier: selectTier(loaded, input.tier) }, input);
}

/** A configuration that was checked, and the tier of it that is to run. */
export interface Chosen extends Omit<LoadedConfig, 'path'> {
  /** Absent where there is no file. */
  readonly path?: string;
  readonly tier: string;
}

export function planOf({ config, root, path: configPath, tier: name }: Chosen, input: PlanInput): Plan {
  const cwd = input.cwd ?? process.cwd();
  const overrides = input.overrides ?? {};
  const tier = config.tiers[name];
  if (tier === undefined) throw new Error(`tier ${name} was chosen and is not there`);
  const cluster = existingOf(tier.cluster, root, input) ?? clusterOf(tier.cluster, config.tools, root, input);
  const nodes = cluster?.nodes.length ?? 0;
  const production = productionOf(overrides.production, input.env);
  const listed = tier.images.map((image) => imageOf(image, root));
  const images = production ? productionImages(listed, configPath) : listed;
  if (overrides.clusterConfig !== undefined && cluster !== undefined && cluster.existing === undefined)
    requirePlaces(tier.releases, placesIn(cluster), overrides.clusterConfig);
  const output =
    overrides.output === undefined ? path.resolve(root, config.output) : path.resolve(cwd, overrides.output);
  if (cluster?.existing !== undefined) requireForExisting(name, images);
  return deepFreeze<Plan>({
    version: 1,
    root,
    ...(configPath === undefined ? {} : { configPath }),
    tier: name,
    ...(cluster === undefined ? {} : { cluster }),
    images,
    preload: tier.preload,
    delivery: tier.delivery,
    registries: registriesOf(config.registries),
    production,
    releases: tier.releases.map((release) => releaseOf(release, root, nodes)),
    checks: checksOf(tier, root),
    suites: selectSuites(tier, name, input.suites).map((suite) => suiteOf(suite, tier, config, root, input)),
    namespace: {
      quota: Object.fromEntries(Object.entries(tier.quota).map(([key, value]) => [key, String(value)])),
      limitRange: tier.limitRange,
    },
    onUnhealthy: tier.onUnhealthy,
    ...budgetOf(name, tier),
    ...soakOf(overrides.soak, tier.soak),
    tools: toolsOf(config, input.env),
    output,
    keep: overrides.keep ?? config.keep ?? (input.isTTY && !input.ci ? 'on-failure' : 'never'),
    keepMs,
    ...parallelOf(overrides.parallel, config.parallel),
    failFast: overrides.failFast ?? config.failFast,
    logs: config.logs,
  });
}

function selectSuites(
  tier: TierConfig,
  name: string,
  wanted: readonly string[] | undefined,
): readonly SuiteConfig[] {
  if (wanted === undefined || wanted.length === 0) return tier.suites;
  const names = tier.suites.map((suite) => suite.name);
  const missing = wanted.filter((suite) => !names.includes(suite));
  if (missing.length > 0)
    throw new KetError('KET_USAGE', missing.map((suite) => unknownName('suite', suite, names)).join('; '), {
      next: `tier "${name}" has: ${names.join(', ')}`,
    });
  return tier.suites.filter((suite) => wanted.includes(suite.name));
}

function toolsOf(config: KetConfig, env: PlanInput['env']): ToolsPlan {
  const from = (name: string, least: readonly [number, number]): string | undefined =>
    override(name, env[name], (text) => versionProblem(text, least));
  const kind = from('KET_KIND_VERSION', [0, 20]) ?? config.tools.kind;
  return {
    kind: kind ?? defaultKind,
    helm: from('KET_HELM_VERSION', [3, 0]) ?? config.tools.helm,
    kindAsked: kind !== undefined,
    allowUnlisted: config.tools.allowUnlisted,
  };
}

function parallelOf(flag: number | undefined, file: number | undefined): { parallel?: number } {
  const parallel = within('parallel', flag, 1, 1000) ?? file;
  return parallel === undefined ? {} : { parallel };
}

function soakOf(flag: string | undefined, file: string | undefined): { soakMs?: number } {
  const problem = flag === undefined ? undefined : soakProblem(flag);
  if (problem !== undefined) throw new KetError('KET_USAGE', `--soak: ${problem}`);
  const soak = flag ?? file;
  return soak === undefined ? {} : { soakMs: ms(soak) };
}

function within(flag: string, value: number | undefined, least: number, most: number): number | undefined {
  if (value === undefined || (Number.isInteger(value) && value >= least && value <= most)) return value;
  throw new KetError('KET_USAGE', `--${flag} is a whole number from ${least} to ${most}, not ${value}`);
}

function imageOf(image: ImageConfig, root: string): ImagePlan & { readonly digest?: string } {
  const digest = image.digest === undefined ? {} : { digest: image.digest };
  if (image.build === undefined) return { name: image.name, ...digest, limitMs: ms(image.timeout) };
  return {
    name: image.name,
    ...digest,
    context: path.resolve(root, image.build),
    dockerfile: path.resolve(root, dockerfileOf(image.build, image.dockerfile)),
    ...(image.target === undefined ? {} : { target: image.target }),
    args: image.args,
    limitMs: ms(image.timeout),
  };
}

function suiteOf(
  own: SuiteConfig,
  tier: TierConfig,
  { profiles }: KetConfig,
  root: string,
  input: PlanInput,
): SuitePlan {
  const suite = withProfile(own, profiles);
  const job = jobOf(suite, root);
  const { command, setup, teardown, workingDir, template, shm, shards, replicas } = suite;
  const named = suite.image ?? job?.container.image;
  const digest = tier.images.find(({ name }) => name === named)?.digest;
  const production = productionOf(input.overrides?.production, input.env);
  const image = production && named !== undefined ? pinned(named, digest) : named;
  const overrides = input.overrides ?? {};
  const here = tier.cluster === undefined || suite.on === 'host';
  return {
    name: suite.name,
    ...hostOf(suite),
    ...(command === undefined ? {} : { command }),
    ...(setup === undefined ? {} : { setup }),
    setupMs: ms(suite.setupTimeout),
    ...(teardown === undefined ? {} : { teardown }),
    args: overrides.args ?? [],
    ...(suite.helmTest === undefined ? {} : { helmTest: suite.helmTest }),
    ...(image === undefined ? {} : { image }),
    ...(workingDir === undefined ? {} : { workingDir: here ? path.resolve(root, workingDir) : workingDir }),
    env: Object.fromEntries(
      Object.entries(suite.env).flatMap(([name, value]) =>
        typeof value === 'string' ? [[name, value]] : [],
      ),
    ),
    references: referencesOf(suite),
    secrets: suite.secrets,
    needs: neededBy(suite, tier),
    isolation: suite.isolation,
    limitMs: ms(suite.timeout),
    pendingMs: ms(suite.pending),
    retries: within('retries', overrides.retries, 0, 2) ?? suite.retries,
    retry: suite.retry,
    idempotent: suite.idempotent,
    priority: suite.priority,
    ...(shards === undefined ? {} : { shards }),
    ...(replicas === undefined ? {} : { replicas }),
    resources: job === undefined ? resourcesOf(suite) : resourcesOfJob(suite, job.container),
    lacks: suite.requires.env.filter((name) => (input.env[name] ?? '') === ''),
    checks: requiredChecks(suite, tier),
    placement: suite.placement,
    podSecurity: suite.podSecurity ?? 'restricted',
    ingress: suite.ingress,
    ...(shm === undefined ? {} : { shm: String(shm) }),
    api: suite.api,
    expectTests: suite.expectTests,
    allowSkip: suite.allowSkip,
    allowChildOom: suite.allowChildOom,
    results: here ? suite.results.map((file) => path.resolve(root, file)) : suite.results,
    caps: {
      bytes: bytesOf(suite.caps.total),
      fileBytes: bytesOf(suite.caps.file),
      files: suite.caps.files,
    },
    ...(template === undefined ? {} : { template: path.resolve(root, template) }),
    ...(job === undefined ? {} : { job: { file: job.file, container: job.container.name } }),
    patches: patchesOf(own, profiles),
  };
}

/** The tests of a release need that one alone. */
const neededBy = ({ needs, helmTest }: SuiteConfig, { releases }: TierConfig): readonly string[] =>
  helmTest === undefined
    ? (needs ?? releases.map(({ name }) => name))
    : [...new Set([helmTest, ...(needs ?? [])])];
/** What only a suite on this machine has. */
function hostOf({ on, forward }: SuiteConfig): Pick<SuitePlan, 'on' | 'forward'> {
  if (on !== 'host') return {};
  return {
    on,
    forward: Object.entries(forward).map(([variable, text]) => ({ variable, ...forwardOf(text) })),
  };
}

/** The suite's own Job as the checks have seen it. */
function jobOf(suite: SuiteConfig, root: string): { file: string; container: JobContainer } | undefined {
  if (suite.job === undefined) return undefined;
  const file = path.resolve(root, suite.job);
  const { containers, problems } = readJobFile(file);
  if (problems.length > 0) throw problemsError(problems, file);
  const container = mainContainerIn(containers, suite.container, suite.name);
  if (container === undefined) throw new Error(`the checks let a Job without a main container pass: ${file}`);
  return { file, container };
}

const texts = (amounts: Readonly<Record<string, string | number | undefined>>): Record<string, string> =>
  Object.fromEntries(
    Object.entries(amounts).flatMap(([key, value]) => (value === undefined ? [] : [[key, String(value)]])),
  );

/** A Job of the user's own has what it says, and no defaults of ket's. */
const resourcesOfJob = ({ resources }: SuiteConfig, { requests, limits }: JobContainer): Resources => ({
  requests: { ...requests, ...texts(resources.requests) },
  limits: { ...limits, ...texts(resources.limits) },
});

/** Defaults give way to what is set, so that no request is above its limit. */
function resourcesOf({ resources }: SuiteConfig): Resources {
  const [requests, limits] = [texts(resources.requests), texts(resources.limits)];
  const size = (text: string): number => parseQuantity(text) ?? 0;
  const least = (a: string, b: string | undefined): string => (b !== undefined && size(b) < size(a) ? b : a);
  const most = (a: string, b: string | undefined): string => (b !== undefined && size(b) > size(a) ? b : a);
  return {
    requests: { cpu: least('100m', limits['cpu']), memory: least('128Mi', limits['memory']), ...requests },
    limits: { memory: most('512Mi', requests['memory']), ...limits },
  };
}

const bytesOf = (quantity: string | number): number => Math.floor(parseQuantity(String(quantity)) ?? 0);

function deepFreeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null) {
    for (const inner of Object.values(value)) deepFreeze(inner);
    Object.freeze(value);
  }
  return value;
}
