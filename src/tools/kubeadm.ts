import { parse } from 'yaml';
import type { Finding } from '../model/finding.ts';
import { kubeadmVersion, type KubeadmVersion } from './boot.ts';
import { kubernetesOf, type VersionTable } from './table.ts';
import { versions } from './versions.ts';

const group = 'kubeadm.k8s.io';
const kubeadmKinds = ['ClusterConfiguration', 'InitConfiguration', 'JoinConfiguration'];

type Fields = Readonly<Record<string, unknown>>;

/** A patch of kubeadm's configuration in a Kind config. */
interface Patch {
  /** Where it stands, e.g. `nodes[0].kubeadmConfigPatches[1]`. */
  readonly place: string;
  readonly kind: string;
  /** Empty: the patch names none, and kind applies it whatever it writes. */
  readonly apiVersion: string;
  /** Absent for JSON patches, which change single fields. */
  readonly body?: Fields;
}

/** What a Kind config says that decides whether its nodes boot. */
export interface KindBoot {
  readonly patches: readonly Patch[];
  /** What each of its nodes names as its image; undefined where it names none. */
  readonly images: readonly (string | undefined)[];
  /** A patch sets the kubelet's `failCgroupV1: false`. */
  readonly cgroupV1Allowed: boolean;
}

/** Reads a Kind config; what of it cannot be read is kind's to complain about. */
export function kindBootOf(config: Fields): KindBoot {
  const nodes = list(config['nodes']).map((node) => record(node) ?? {});
  const patches = [
    ...patchesOf(config, ''),
    ...nodes.flatMap((node, index) => patchesOf(node, `nodes[${String(index)}].`)),
  ];
  return {
    patches,
    // Without a list of nodes kind makes one.
    images: (nodes.length === 0 ? [{}] : nodes).map((node: Fields) =>
      typeof node['image'] === 'string' ? node['image'] : undefined,
    ),
    cgroupV1Allowed: patches.some(
      ({ kind, body }) => kind === 'KubeletConfiguration' && body?.['failCgroupV1'] === false,
    ),
  };
}

/** The images that the nodes will have, each once; kind's own default is known of a listed kind. */
export function imagesOfNodes(
  kind: string,
  nodeImage: string | undefined,
  boot: KindBoot,
  table: VersionTable = versions,
): string[] {
  const own = table.kind.find((release) => release.version === kind)?.images[0]?.image;
  const all = boot.images.map((image) => image ?? nodeImage ?? own);
  return [...new Set(all.filter((image) => image !== undefined))];
}

/** The Kubernetes versions that the nodes will have, as far as images tell it before they are made. */
export function kubernetesOfNodes(
  kind: string,
  nodeImage: string | undefined,
  boot: KindBoot,
  table: VersionTable = versions,
): string[] {
  const all = imagesOfNodes(kind, nodeImage, boot, table).map(kubernetesOf);
  return [...new Set(all.filter((version) => version !== undefined))];
}

/** Patches that kind would leave out without a word, or that kubeadm would not understand. */
export function patchFindings(boot: KindBoot, kind: string, kubernetes: string): Finding[] {
  const written = kubeadmVersion(kind, kubernetes);
  return boot.patches
    .filter((patch) => kubeadmKinds.includes(patch.kind))
    .flatMap((patch) => patchFinding(patch, written, `kind ${kind} with Kubernetes ${kubernetes}`));
}

function patchFinding(patch: Patch, written: KubeadmVersion, pair: string): Finding[] {
  const { place, kind, apiVersion } = patch;
  const expected = `${group}/${written}`;
  const warn = (detail: string, cure: string): Finding[] => [
    { level: 'warning', title: 'kubeadm patch', detail: `${place} (${kind}): ${detail}`, cure },
  ];
  if (apiVersion !== '' && apiVersion !== expected)
    return warn(
      `it is for ${apiVersion}, and ${pair} writes ${expected}: kind leaves such a patch out without a word`,
      `write apiVersion: ${expected} and the fields of that version${patch.body === undefined ? '' : '; or leave out apiVersion'}`,
    );
  const form = argsForm(patch.body);
  if (written === 'v1beta3' && form === 'list')
    return warn(
      `its extraArgs are a list, which is the form of v1beta4; ${pair} writes v1beta3, where they are a map`,
      'write extraArgs as a map: {name: "value"}',
    );
  if (written === 'v1beta4' && form === 'map' && apiVersion !== '')
    return warn(
      `its extraArgs are a map, which is the form of v1beta3; ${pair} writes v1beta4 and leaves them out`,
      'write extraArgs as a list of {name, value}; or leave out apiVersion, and kind converts them',
    );
  return [];
}

/** The form of the first `extraArgs` or `kubeletExtraArgs` in a patch. */
function argsForm(value: unknown): 'list' | 'map' | undefined {
  for (const [key, inner] of Object.entries(record(value) ?? {})) {
    if (key === 'extraArgs' || key === 'kubeletExtraArgs')
      return Array.isArray(inner) ? 'list' : record(inner) === undefined ? undefined : 'map';
    const deeper = argsForm(inner);
    if (deeper !== undefined) return deeper;
  }
  return undefined;
}

function patchesOf(owner: Fields, prefix: string): Patch[] {
  const merge = list(owner['kubeadmConfigPatches']).flatMap((text, index): Patch[] => {
    const body = typeof text === 'string' ? record(tryParse(text)) : undefined;
    if (body === undefined) return [];
    const place = `${prefix}kubeadmConfigPatches[${String(index)}]`;
    return [{ place, kind: string(body['kind']), apiVersion: string(body['apiVersion']), body }];
  });
  const json = list(owner['kubeadmConfigPatchesJSON6902']).flatMap((item, index): Patch[] => {
    const patch = record(item);
    if (patch === undefined) return [];
    const [g, v] = [string(patch['group']), string(patch['version'])];
    const place = `${prefix}kubeadmConfigPatchesJSON6902[${String(index)}]`;
    return [{ place, kind: string(patch['kind']), apiVersion: g === '' ? v : `${g}/${v}` }];
  });
  return [...merge, ...json];
}

function tryParse(text: string): unknown {
  try {
    return parse(text, { maxAliasCount: 100 });
  } catch {
    return undefined;
  }
}

const record = (value: unknown): Fields | undefined =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Record<string, unknown>)
    : undefined;
const list = (value: unknown): readonly unknown[] => (Array.isArray(value) ? (value as unknown[]) : []);
const string = (value: unknown): string => (typeof value === 'string' ? value : '');
