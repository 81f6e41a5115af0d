import path from 'node:path';
import type { ReleasePlan } from '../model/plan.ts';
import { cacheHome } from '../tools/find.ts';
import { hasInput } from './values.ts';

type Env = Readonly<Record<string, string | undefined>>;

/** What a user sets on purpose so that private charts can be had. */
const kept = ['HELM_REGISTRY_CONFIG', 'HELM_REPOSITORY_CONFIG', 'HELM_REPOSITORY_CACHE'];

/**
 * Environment for Helm: own homes, own kubeconfig. Whatever else the user's environment tells Helm (another context,
 * namespace or driver) is blanked, because it would change what the plan says.
 */
export function helmEnv(env: Env, kubeconfig: string): Record<string, string> {
  const home = path.join(cacheHome(env), 'helm');
  const blank = Object.keys(env).filter((name) => name.startsWith('HELM_') && !kept.includes(name));
  return {
    ...Object.fromEntries(blank.map((name) => [name, ''])),
    HELM_CACHE_HOME: path.join(home, 'cache'),
    HELM_CONFIG_HOME: path.join(home, 'config'),
    HELM_DATA_HOME: path.join(home, 'data'),
    KUBECONFIG: kubeconfig,
    // Its discovery cache would be written to ~/.kube otherwise.
    KUBECACHEDIR: path.join(home, 'kube'),
  };
}

/** Helm 4 can wait by watching; Helm 3 polls. `hooksOnly`: for hooks alone, where the rest is ket's to wait for. */
export function waitArgv(helmVersion: string, hooksOnly = false): string[] {
  const isThree = /^v3\./.test(helmVersion);
  if (hooksOnly) return isThree ? [] : ['--wait=hookOnly'];
  return [isThree ? '--wait' : '--wait=watcher'];
}

/** As Docker does it, a registry of this machine alone is spoken to without TLS. */
export const plainHttp = (chart: string): readonly string[] =>
  /^oci:\/\/(localhost|127(\.\d+){3}|\[::1\])(:\d+)?\//.test(chart) ? ['--plain-http'] : [];

/** What Helm calls it: a copy has the name of what it is a copy of, so that its services have too. */
export const helmName = (release: Pick<ReleasePlan, 'name' | 'copyOf'>): string =>
  release.copyOf?.release ?? release.name;

/** What it is installed from, as messages name it. */
export const placeOf = ({ chart, kustomize, manifests = [] }: ReleasePlan): string =>
  chart ?? kustomize ?? manifests.join(', ');

export interface InstallArgs {
  readonly helm: string;
  readonly helmVersion: string;
  readonly kubeconfig: string;
  readonly release: ReleasePlan;
  /** That of the release, the one fetched for it, or the one written for its manifests or kustomization. */
  readonly chart: string;
  /** Helm does not wait for what it installs. */
  readonly hooksOnly?: boolean;
  readonly namespaceIsThere?: boolean;
}

/** The options that give Helm the values of a release, in the order in which they go before each other. */
export const valuesArgv = (release: ReleasePlan): string[] => [
  ...release.values.flatMap((file) => ['--values', file]),
  // Standard input.
  ...(hasInput(release) ? ['--values', '-'] : []),
  ...Object.entries(release.set).flatMap(([key, value]) => ['--set', `${key}=${escapeSet(value)}`]),
];

/** argv that renders a release as an install would, without a cluster. */
export const templateArgv = (
  helm: string,
  release: ReleasePlan,
  chart: string,
  kubernetes: string | undefined,
): string[] => [
  ...[helm, 'template', helmName(release), chart, '--namespace', release.namespace, '--include-crds'],
  ...valuesArgv(release),
  ...(kubernetes === undefined ? [] : ['--kube-version', kubernetes]),
];

/** argv that fetches the chart of a release into a folder, unpacked. */
export const pullArgv = (
  helm: string,
  { chart = '', repo, version }: Pick<ReleasePlan, 'chart' | 'repo' | 'version'>,
  folder: string,
): string[] => [
  ...[helm, 'pull', chart, '--untar', '--untardir', folder, '--destination', folder],
  ...(repo === undefined ? [] : ['--repo', repo]),
  ...(version === undefined ? [] : ['--version', version]),
  ...plainHttp(chart),
];

/** argv that installs a release, or upgrades one that a kept cluster has already. */
export function installArgv({
  helm,
  helmVersion,
  kubeconfig,
  release,
  chart,
  hooksOnly,
  namespaceIsThere,
}: InstallArgs): string[] {
  return [
    helm,
    'upgrade',
    '--install',
    helmName(release),
    chart,
    '--namespace',
    release.namespace,
    // Helm would also change one that is there, by applying it.
    ...(namespaceIsThere === true ? [] : ['--create-namespace']),
    ...valuesArgv(release),
    ...waitArgv(helmVersion, hooksOnly),
    '--timeout',
    `${String(Math.ceil(release.limitMs / 1000))}s`,
    '--kubeconfig',
    kubeconfig,
  ];
}

/**
 * A value as Helm's `--set` reads it literally: without this a comma would begin the next key. Lists in Helm's own
 * form, `{a,b}`, stay lists.
 */
export function escapeSet(value: string): string {
  if (/^\{.*\}$/s.test(value)) return value;
  return value.replace(/[\\,]/g, (character) => `\\${character}`);
}

/** Helm's own lines about a failure, without its progress and warnings. */
export function helmSaid(stderr: string): string[] {
  const lines = stderr.split('\n').filter((line) => line.trim() !== '');
  const at = lines.findIndex((line) => /^Error:/.test(line));
  return (at < 0 ? lines : lines.slice(at)).slice(-10);
}

/** The next step for the failures of Helm that are well known. */
export function helmCure(said: string, release: ReleasePlan): string {
  const chart = release.chart ?? 'CHART';
  if (/missing in charts\/ directory|dependencies? .*(missing|out of sync)/i.test(said))
    return `fetch the chart's dependencies once: helm dependency build ${chart}`;
  const name = helmName(release);
  if (/another operation .* is in progress/i.test(said))
    return `an earlier install was cut off: helm uninstall ${name} --namespace ${release.namespace}`;
  if (
    release.copyOf !== undefined &&
    /cannot be imported|invalid ownership|already (exists|allocated)/i.test(said)
  )
    return `the chart makes something that a cluster has once only, so it cannot be there twice: put {{ .Release.Namespace }} into its name, or share the release: \`isolation: shared\` for suite ${release.copyOf.suite}`;
  if (/cannot re-use a name|invalid ownership metadata|already exists/i.test(said))
    return `something of that name is there and is not of this release: choose another name or namespace for ${release.name}`;
  if (/values don't meet the specifications/i.test(said))
    return `the chart's schema refuses the values: see ${[...release.values, 'what ket.yaml sets'].join(', ')}`;
  if (release.kustomize !== undefined)
    return 'see what the kustomization of the release builds, and what Helm says of it';
  if (release.manifests !== undefined) return 'see the manifests of the release, and what Helm says of them';
  if (/parse error|execution error|error calling|executing "|YAML parse/i.test(said))
    return `the chart does not render: helm template ${name} ${chart} shows where`;
  return `try it alone: helm upgrade --install ${name} ${chart} --namespace ${release.namespace}`;
}
