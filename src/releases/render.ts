import fs from 'node:fs';
import path from 'node:path';
import { Readable } from 'node:stream';
import { parseAllDocuments } from 'yaml';
import type { Deps } from '../model/deps.ts';
import type { ReleasePlan } from '../model/plan.ts';
import { helmEnv, templateArgv } from './helm.ts';
import { chartOf } from './manifests.ts';
import { hasInput, inputOf } from './values.ts';

export interface RenderOptions {
  readonly helm: string;
  readonly release: ReleasePlan;
  /** For a chart that is written for manifests; removed again. */
  readonly folder: string;
  readonly signal: AbortSignal;
}

const renderMs = 60_000;

/**
 * The objects of a release as `helm template` gives them, with its hooks. Undefined when it does not render so: a chart
 * may ask the cluster, and what is wrong with one is told when it is installed.
 */
export async function renderRelease(
  deps: Deps,
  { helm, release, folder, signal }: RenderOptions,
): Promise<readonly unknown[] | undefined> {
  try {
    const chart = await chartOf(release, folder);
    const result = await deps.exec({
      argv: templateArgv({ helm, release, chart }),
      env: helmEnv(deps.env, path.join(folder, 'no-kubeconfig')),
      ...(hasInput(release) ? { stdin: Readable.from([inputOf(release, deps.env)]) } : {}),
      limitMs: Math.min(renderMs, release.limitMs),
      signal,
    });
    if (result.code !== 0) return undefined;
    const documents = parseAllDocuments(result.stdout);
    return documents.some(({ errors }) => errors.length > 0)
      ? undefined
      : documents.map((document) => document.toJS() as unknown);
  } catch {
    signal.throwIfAborted();
    return undefined;
  } finally {
    await fs.promises.rm(folder, { recursive: true, force: true });
  }
}
