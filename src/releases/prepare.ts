import fs from 'node:fs';
import path from 'node:path';
import { Readable } from 'node:stream';
import { parseAllDocuments } from 'yaml';
import { KetError } from '../model/errors.ts';
import { formatMs } from '../model/format.ts';
import type { Deps, ExecResult } from '../model/deps.ts';
import type { AnyObject } from '../model/kube.ts';
import type { ReleasePlan } from '../model/plan.ts';
import { asksCluster } from './asks-cluster.ts';
import { helmCure, helmEnv, helmSaid, placeOf, pullArgv, templateArgv } from './helm.ts';
import { buildKustomization } from './kustomize.ts';
import { writeBuiltChart, writeChart } from './manifests.ts';
import type { Kustomize } from '../tools/kustomize.ts';
import { hasInput, inputOf } from './values.ts';

/** A release as far as it can be had without a cluster. */
export interface PreparedRelease {
  /** What Helm installs: a folder or an archive of this machine. */
  readonly chart: string;
  /** What it is made of, hooks included; absent where only the cluster can tell. */
  readonly objects?: readonly AnyObject[];
  /** Why it could not be rendered; the install will tell whether that holds in the cluster too. */
  readonly unsure?: string;
}

export interface PrepareOptions {
  readonly helm: string;
  readonly release: ReleasePlan;
  /** A folder for what is fetched or written, which this makes; it is removed by who asks for it. */
  readonly folder: string;
  /** Helm's logins at registries. */
  readonly registryConfig?: string | undefined;
  /** Version that the cluster will have, where that is known. */
  readonly kubernetes?: string;
  /** What builds kustomizations; there for a release that is one. */
  readonly kustomize?: Kustomize;
  readonly limitMs: number;
  readonly signal: AbortSignal;
  readonly awaiting: (what: string) => void;
}

/** Whether something is fetched or written for it, so that it needs a folder of its own. */
export const needsFolder = (release: ReleasePlan): boolean =>
  release.chart === undefined || isFetched(release.chart) || release.repo !== undefined;

const isFetched = (chart: string): boolean => /^(oci|https?):\/\//.test(chart);

/**
 * Fetches the chart of a release and renders it, so that what is wrong with it is known while the cluster starts.
 * Rejects with Helm's own words.
 */
export async function prepareRelease(deps: Deps, options: PrepareOptions): Promise<PreparedRelease> {
  const chart = await chartOf(deps, options);
  options.awaiting(`helm template ${chart}`);
  const result = await runHelm(
    deps,
    options,
    templateArgv(options.helm, options.release, chart, options.kubernetes),
    {
      stdin: true,
    },
  );
  const said = helmSaid(result.stderr);
  if (result.code === 0) {
    const objects = objectsOf(result.stdout);
    return { chart, ...(objects === undefined ? {} : { objects }) };
  }
  if (!result.timedOut && isUnsure(said.join('\n'), options, chart)) return { chart, unsure: said.join(' ') };
  throw new KetError('KET_RELEASE', failureOf(result, options, 'does not render'), {
    where: placeOf(options.release),
    details: said,
    next: helmCure(
      said.join('\n'),
      options.release.chart === undefined ? options.release : { ...options.release, chart },
    ),
  });
}

/** Without a cluster its version is a guess, and what a template asks it is answered with nothing. */
const isUnsure = (said: string, { kubernetes }: PrepareOptions, chart: string): boolean =>
  /execution error|error calling|executing "|nil pointer/i.test(said)
    ? asksCluster(chart)
    : kubernetes === undefined && /chart requires kubeVersion/i.test(said);

async function chartOf(deps: Deps, options: PrepareOptions): Promise<string> {
  const { release, folder } = options;
  if (!needsFolder(release)) return release.chart ?? '';
  // One of an earlier try may have other files.
  await fs.promises.rm(folder, { recursive: true, force: true });
  await fs.promises.mkdir(folder, { recursive: true, mode: 0o700 });
  if (release.kustomize !== undefined) {
    const { kustomize } = options;
    if (kustomize === undefined)
      throw new KetError(
        'KET_INTERNAL',
        'nothing that builds kustomizations among the tools of a plan with one',
      );
    const text = await buildKustomization(deps, { ...options, kustomize, folder: release.kustomize });
    return writeBuiltChart(release, text, path.join(folder, 'chart'));
  }
  if (release.chart === undefined) return writeChart(release, path.join(folder, 'chart'));
  const name = `${release.chart}${release.version === undefined ? '' : ` ${release.version}`}`;
  const from = release.repo === undefined ? '' : ` from ${release.repo}`;
  options.awaiting(`chart ${name}${from}`);
  const pulled = path.join(folder, 'chart');
  const result = await runHelm(deps, options, pullArgv(options.helm, release, pulled), {});
  if (result.code !== 0)
    throw new KetError('KET_RELEASE', failureOf(result, options, 'has a chart that could not be fetched'), {
      where: `${name}${from}`,
      details: helmSaid(result.stderr),
      next: 'see that address, name and version of the chart are right and that this machine reaches it',
    });
  const [found] = fs.globSync(path.join(pulled, '*', 'Chart.yaml'));
  if (found === undefined)
    throw new KetError('KET_RELEASE', `helm pull brought no chart for release ${release.name}`, {
      where: name,
    });
  return path.dirname(found);
}

function failureOf({ timedOut }: ExecResult, { release, limitMs }: PrepareOptions, fault: string): string {
  return `release ${release.name} ${fault}${timedOut ? ` within ${formatMs(limitMs)}` : ''}`;
}

async function runHelm(
  deps: Deps,
  { release, folder, registryConfig, limitMs, signal }: PrepareOptions,
  argv: readonly string[],
  { stdin = false }: { readonly stdin?: boolean },
): Promise<ExecResult> {
  return deps.exec({
    argv,
    env: {
      // There is no cluster yet, and that of somebody else is not asked.
      ...helmEnv(deps.env, '/dev/null'),
      ...(registryConfig === undefined ? {} : { HELM_REGISTRY_CONFIG: registryConfig }),
      // An index is written under a new name each time, and would stay for ever.
      ...(release.repo === undefined ? {} : { HELM_REPOSITORY_CACHE: path.join(folder, 'cache') }),
    },
    ...(stdin && hasInput(release) ? { stdin: Readable.from([inputOf(release, deps.env)]) } : {}),
    limitMs,
    signal,
  });
}

/** More than this of output is not kept whole (src/tools/exec.ts), so its beginning may lack. */
const mostBytes = 10 * 1024 * 1024;

/** The objects of a rendered chart; undefined when they cannot all be known. */
export function objectsOf(text: string): readonly AnyObject[] | undefined {
  if (Buffer.byteLength(text) >= mostBytes) return undefined;
  const documents = parseAllDocuments(text, { uniqueKeys: false });
  if (!Array.isArray(documents) || documents.some(({ errors }) => errors.length > 0)) return undefined;
  return documents.flatMap((document) => flat(document.toJS({ maxAliasCount: -1 })));
}

/** A List stands for its items. */
function flat(value: unknown): AnyObject[] {
  if (typeof value !== 'object' || value === null) return [];
  const { kind, items } = value as { kind?: unknown; items?: unknown };
  if (typeof kind !== 'string') return [];
  if (/List$/.test(kind) && Array.isArray(items)) return items.flatMap(flat);
  return [value as AnyObject];
}
