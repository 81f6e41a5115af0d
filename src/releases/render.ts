import fs from 'node:fs';
import { Readable } from 'node:stream';
import { parseAllDocuments } from 'yaml';
import type { Deps } from '../model/deps.ts';
import { KetError } from '../model/errors.ts';
import type { ReleasePlan } from '../model/plan.ts';
import { escapeSet, helmEnv, helmName, helmSaid, plainHttp } from './helm.ts';
import { hasInput, inputOf } from './values.ts';

export interface RenderOptions {
  readonly helm: string;
  readonly release: ReleasePlan;
  /** A full version, e.g. v1.34.0, for charts that look at it. */
  readonly kubernetes?: string | undefined;
  /** Helm's logins at registries. */
  readonly registryConfig?: string | undefined;
  readonly limitMs: number;
  readonly signal: AbortSignal;
}

/** argv that renders a chart as an install would, with its hooks and without its tests, and asks no cluster. */
export function renderArgv({ helm, release, kubernetes }: RenderOptions, chart: string): string[] {
  return [
    helm,
    'template',
    helmName(release),
    chart,
    '--namespace',
    release.namespace,
    '--skip-tests',
    ...plainHttp(chart),
    ...release.values.flatMap((file) => ['--values', file]),
    ...(hasInput(release) ? ['--values', '-'] : []),
    ...Object.entries(release.set).flatMap(([key, value]) => ['--set', `${key}=${escapeSet(value)}`]),
    ...(kubernetes === undefined ? [] : ['--kube-version', kubernetes]),
  ];
}

/**
 * The objects of a release before it is installed; of plain manifests those of the files. Throws a KetError
 * (`KET_RELEASE`) where they cannot be had.
 */
export async function renderRelease(deps: Deps, options: RenderOptions): Promise<readonly unknown[]> {
  const { release, registryConfig, limitMs, signal } = options;
  const { chart } = release;
  if (chart === undefined) {
    const files = release.manifests ?? [];
    const texts = await Promise.all(files.map((file) => fs.promises.readFile(file, 'utf8')));
    return texts.flatMap(objectsOf);
  }
  const result = await deps.exec({
    argv: renderArgv(options, chart),
    env: {
      // There is no cluster yet, and the user's must not be asked.
      ...helmEnv(deps.env, '/dev/null'),
      ...(registryConfig === undefined ? {} : { HELM_REGISTRY_CONFIG: registryConfig }),
    },
    ...(hasInput(release) ? { stdin: Readable.from([inputOf(release, deps.env)]) } : {}),
    limitMs,
    signal,
  });
  if (result.code !== 0 || result.timedOut)
    throw new KetError('KET_RELEASE', `Helm could not render release ${release.name}`, {
      details: helmSaid(result.stderr),
    });
  return objectsOf(result.stdout);
}

/** The documents of a text that can be read; the others are for whoever applies them to refuse. */
function objectsOf(text: string): readonly unknown[] {
  const documents = parseAllDocuments(text);
  return documents.flatMap((document) =>
    document.errors.length > 0 ? [] : [document.toJS({ maxAliasCount: 1000 }) as unknown],
  );
}
