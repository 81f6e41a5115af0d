import { gunzipSync } from 'node:zlib';
import type { V1Secret } from '@kubernetes/client-node';
import { parseAllDocuments } from 'yaml';
import type { Kube, Wire } from '../model/kube.ts';
import type { ReleasePlan } from '../model/plan.ts';
import type { ReleaseMade } from '../model/up.ts';
import { helmName } from './helm.ts';

type Stored = Wire<V1Secret>;

/**
 * The Secret in which Helm keeps the newest revision of a release; undefined unless that one is deployed. After an
 * upgrade that failed the one before it is still called so, and is not what runs.
 */
export async function deployedRevision(
  kube: Pick<Kube, 'list'>,
  release: ReleasePlan,
  signal: AbortSignal,
): Promise<Stored | undefined> {
  const labelSelector = `owner=helm,name=${helmName(release)}`;
  const { namespace } = release;
  const found = await kube.list<Stored>(
    { apiVersion: 'v1', kind: 'Secret', namespace, labelSelector },
    signal,
  );
  const versionOf = ({ metadata }: Stored): number => Number(metadata?.labels?.['version'] ?? 0);
  const [newest] = [...found].sort((a, b) => versionOf(b) - versionOf(a));
  return newest?.metadata?.labels?.['status'] === 'deployed' ? newest : undefined;
}

/** The parts of Helm's own record that matter here. */
interface HelmRelease {
  readonly manifest?: string;
  readonly hooks?: readonly { readonly manifest?: string }[];
}

/** What Helm keeps of a release: JSON, zipped, and base64 twice, once by Helm and once by Kubernetes. */
export function helmReleaseOf({ data }: Stored): HelmRelease {
  const helms = Buffer.from(data?.['release'] ?? '', 'base64').toString();
  return JSON.parse(gunzipSync(Buffer.from(helms, 'base64')).toString()) as HelmRelease;
}

export interface MadeFrom {
  readonly release: ReleasePlan;
  readonly inputs: string;
  readonly stored: Stored;
  /** Images of the plan, each with Docker's id. */
  readonly ids: Readonly<Record<string, string>>;
  /** Those that no suite uses: something of the release may, also where its objects do not name them as they are. */
  readonly loose: readonly string[];
}

/** What is to be known of a release that was just installed. */
export function madeOf({ release, inputs, stored, ids, loose }: MadeFrom): ReleaseMade {
  const { manifest = '', hooks = [] } = helmReleaseOf(stored);
  const text = [manifest, ...hooks.map((hook) => hook.manifest ?? '')].join('\n---\n');
  const images = Object.entries(ids).filter(([name]) => namedIn(text, name) || loose.includes(name));
  return {
    namespace: release.namespace,
    helmName: helmName(release),
    inputs,
    revision: stored.metadata?.uid ?? '',
    images: Object.fromEntries(images),
    workloads: workloadsIn(manifest),
  };
}

const namedIn = (text: string, name: string): boolean =>
  text.includes(name.replace(/^docker\.io\/(library\/)?/, ''));

const workloadKinds = ['Deployment', 'StatefulSet', 'DaemonSet'];

/** `Deployment web` and so on. */
function workloadsIn(manifest: string): string[] {
  return parseAllDocuments(manifest).flatMap((document) => {
    const { kind, metadata } = (document.toJS() ?? {}) as {
      readonly kind?: string;
      readonly metadata?: { readonly name?: string };
    };
    return kind !== undefined && metadata?.name !== undefined && workloadKinds.includes(kind)
      ? [`${kind} ${metadata.name}`]
      : [];
  });
}

/** Whether a release is made of exactly this, as far as its record and Helm's own tell. */
export function isMadeOf(
  made: ReleaseMade | undefined,
  release: ReleasePlan,
  is: {
    readonly inputs: string;
    readonly revision: string | undefined;
    readonly ids: Readonly<Record<string, string>>;
  },
): made is ReleaseMade {
  return (
    made !== undefined &&
    made.namespace === release.namespace &&
    made.inputs === is.inputs &&
    made.revision !== '' &&
    made.revision === is.revision &&
    Object.entries(made.images).every(([name, id]) => is.ids[name] === id)
  );
}

/**
 * Images with another content than that from which a release was made. Without a record of it all of them: then a
 * change of it was cut off, perhaps after the nodes had the images and before its pods were started anew.
 */
export const notMadeFrom = (
  made: ReleaseMade | undefined,
  ids: Readonly<Record<string, string>>,
): readonly string[] =>
  Object.entries(ids).flatMap(([name, id]) => {
    const was = made?.images[name];
    return made === undefined || (was !== undefined && was !== id) ? [name] : [];
  });
