import { createHash, createHmac } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import type { ReleasePlan } from '../model/plan.ts';
import { sumOf } from '../tools/cache.ts';
import { helmName } from './helm.ts';

export interface ReleaseInputs {
  readonly release: ReleasePlan;
  readonly helmVersion: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** The chart that was written for a kustomization, which may be made of anything. */
  readonly built: string;
  /** For secrets. */
  readonly key: Buffer;
}

/**
 * Hash of all that decides what Helm would make of a release: chart, manifests or what a kustomization builds, values in files, in ket.yaml and from
 * the environment, and Helm's version. Undefined for a chart that is not on this machine, which may have changed where
 * it is, and for files that cannot be read.
 */
export async function inputsOf({
  release,
  helmVersion,
  env,
  built,
  key,
}: ReleaseInputs): Promise<string | undefined> {
  const { chart, manifests = [], kustomize, values, set, inline, secrets, namespace } = release;
  if (chart !== undefined && !path.isAbsolute(chart)) return undefined;
  try {
    const files = await Promise.all(
      [
        ...(chart === undefined ? [] : [chart]),
        ...(kustomize === undefined ? [] : [built]),
        ...manifests,
        ...values,
      ].map((file) => sumOfTree(file)),
    );
    const secret = createHmac('sha256', key);
    for (const { path: at, variable } of secrets) secret.update(JSON.stringify([at, env[variable] ?? '']));
    const all = [
      helmVersion,
      helmName(release),
      namespace,
      chart ?? kustomize ?? null,
      manifests,
      values,
      files,
      set,
      inline,
    ];
    return createHash('sha256')
      .update(JSON.stringify([...all, secret.digest('hex')]))
      .digest('hex');
  } catch (error) {
    // A file that is gone, or not to be read.
    if ((error as NodeJS.ErrnoException).errno !== undefined) return undefined;
    throw error;
  }
}

/** Of a file, or of all files in a folder, links followed as Helm does. */
async function sumOfTree(file: string): Promise<string> {
  const stat = await fs.promises.stat(file);
  if (!stat.isDirectory()) return sumOf(file);
  const hash = createHash('sha256');
  for (const name of (await fs.promises.readdir(file)).sort())
    hash.update(`${JSON.stringify(name)} ${await sumOfTree(path.join(file, name))}\n`);
  return hash.digest('hex');
}
