import { KetError } from '../model/errors.ts';
import type { Kube } from '../model/kube.ts';
import { leastKubernetes, tooOld } from '../tools/boot.ts';

const newerImage = 'name a newer node image: nodeImage in ket.yaml, --node-image or KET_NODE_IMAGE';

/** Refuses a cluster that is too old to bring results home. `text` is what `/version` answers. */
export function versionError(text: string, next = newerImage): KetError | undefined {
  let version: { readonly major?: string; readonly minor?: string; readonly gitVersion?: string };
  try {
    version = JSON.parse(text) as typeof version;
  } catch (error) {
    return new KetError('KET_CLUSTER', 'the API server does not tell its version', { cause: error });
  }
  const major = Number.parseInt(version.major ?? '', 10);
  // Some vendors write 29+.
  const minor = Number.parseInt(version.minor ?? '', 10);
  const least = leastKubernetes;
  if (major > least.major || (major === least.major && minor >= least.minor)) return undefined;
  return new KetError(
    'KET_CLUSTER',
    `Kubernetes ${version.gitVersion ?? 'of an unknown version'} ${tooOld}`,
    { next },
  );
}

export async function refuseOldKubernetes(kube: Kube, signal: AbortSignal): Promise<void> {
  const error = versionError(await kube.text('/version', signal));
  if (error !== undefined) throw error;
}
