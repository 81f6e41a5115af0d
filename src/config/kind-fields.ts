/**
 * The fields of a Kind config (`kind.x-k8s.io/v1alpha4`): what each is, and how it is merged. What is not here is kind's
 * own business: it is passed on, and kind refuses what it does not know.
 */
export type Field =
  /** `path`: of this machine, relative to the file in which it stands. */
  | { readonly is: 'text' | 'path' | 'number' | 'boolean' }
  | { readonly is: 'list'; readonly of: Field; readonly merge: 'replace' | 'append' | 'by-role' }
  | { readonly is: 'mapping'; readonly keys: Readonly<Record<string, Field>> }
  /** Any key. */
  | { readonly is: 'mapping'; readonly values: Field };

const text: Field = { is: 'text' };
const path: Field = { is: 'path' };
const number: Field = { is: 'number' };
const boolean: Field = { is: 'boolean' };
const appended = (of: Field): Field => ({ is: 'list', of, merge: 'append' });
const mapping = (keys: Readonly<Record<string, Field>>): Field => ({ is: 'mapping', keys });

const kubeadmPatches = {
  kubeadmConfigPatches: appended(text),
  kubeadmConfigPatchesJSON6902: appended(mapping({ group: text, version: text, kind: text, patch: text })),
};

const node = mapping({
  role: text,
  image: text,
  labels: { is: 'mapping', values: text },
  gpus: text,
  extraMounts: appended(
    mapping({
      containerPath: text,
      hostPath: path,
      readOnly: boolean,
      selinuxRelabel: boolean,
      propagation: text,
    }),
  ),
  extraPortMappings: appended(
    mapping({ containerPort: number, hostPort: number, listenAddress: text, protocol: text }),
  ),
  ...kubeadmPatches,
});

export const kindFields = mapping({
  kind: text,
  apiVersion: text,
  name: text,
  nodes: { is: 'list', of: node, merge: 'by-role' },
  networking: mapping({
    ipFamily: text,
    apiServerPort: number,
    apiServerAddress: text,
    podSubnet: text,
    serviceSubnet: text,
    disableDefaultCNI: boolean,
    kubeProxyMode: text,
    dnsSearch: { is: 'list', of: text, merge: 'replace' },
  }),
  featureGates: { is: 'mapping', values: boolean },
  runtimeConfig: { is: 'mapping', values: text },
  containerdConfigPatches: appended(text),
  containerdConfigPatchesJSON6902: appended(text),
  ...kubeadmPatches,
});

/** The field of a key, or of an entry of a list; undefined for what is not known here. */
export function fieldIn(field: Field | undefined, key?: string): Field | undefined {
  if (field?.is === 'list') return field.of;
  if (field?.is !== 'mapping' || key === undefined) return undefined;
  if ('values' in field) return field.values;
  return Object.hasOwn(field.keys, key) ? field.keys[key] : undefined;
}
