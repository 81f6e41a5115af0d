import { Readable } from 'node:stream';
import { parseAllDocuments } from 'yaml';
import type { Deps } from '../model/deps.ts';
import { KetError } from '../model/errors.ts';
import type { AnyObject } from '../model/kube.ts';
import type { ReleasePlan } from '../model/plan.ts';
import { helmCure, helmEnv, helmName, helmSaid, placeOf, valuesArgv } from './helm.ts';
import { hasInput, inputOf } from './values.ts';

/** What a chart asks of the cluster that it is rendered for. */
export interface Capabilities {
  readonly kubeVersion: string;
  /** `apps/v1` … */
  readonly apiVersions: readonly string[];
}

const renderMs = 120_000;

/** What Helm would install, hooks and CRDs included; nothing of it reaches the cluster or a file, for it has secrets. */
export async function renderRelease(
  deps: Deps,
  helm: string,
  { release, chart }: { readonly release: ReleasePlan; readonly chart: string },
  { kubeVersion, apiVersions }: Capabilities,
  signal: AbortSignal,
): Promise<AnyObject[]> {
  const argv = [
    ...[helm, 'template', helmName(release), chart, '--namespace', release.namespace],
    ...['--include-crds', '--skip-tests', '--kube-version', kubeVersion],
    ...apiVersions.flatMap((version) => ['--api-versions', version]),
    ...valuesArgv(release),
  ];
  const result = await deps.exec({
    argv,
    // No cluster is asked; without a kubeconfig Helm would look for one.
    env: helmEnv(deps.env, '/dev/null'),
    ...(hasInput(release) ? { stdin: Readable.from([inputOf(release, deps.env)]) } : {}),
    limitMs: renderMs,
    signal,
  });
  if (result.code !== 0) {
    const said = helmSaid(result.stderr);
    throw new KetError('KET_RELEASE', `release ${release.name} does not render`, {
      where: placeOf(release),
      details: said,
      next: helmCure(said.join('\n'), release),
    });
  }
  return objectsIn(result.stdout);
}

/** The objects of a YAML stream; those of a List one by one. */
export function objectsIn(text: string): AnyObject[] {
  return parseAllDocuments(text).flatMap((document) => flat(document.toJS()));
}

function flat(value: unknown): AnyObject[] {
  if (typeof value !== 'object' || value === null) return [];
  const object = value as AnyObject & { readonly items?: unknown };
  if (typeof object.kind !== 'string' || typeof object.apiVersion !== 'string') return [];
  return object.kind.endsWith('List') && Array.isArray(object.items)
    ? (object.items as unknown[]).flatMap(flat)
    : [object];
}
