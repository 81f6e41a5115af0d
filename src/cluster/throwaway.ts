type Fields = Readonly<Record<string, unknown>>;

/**
 * A setting of kubeadm or of the kubelet that suits a cluster which lives for one run. Which there are, and what each
 * was measured to give, is in docs/performance.md.
 */
export interface Setting {
  readonly name: string;
  /** Merge patches of kubeadm's configuration. */
  readonly patches: readonly object[];
  /** What a patch of the user's is about that leaves this setting out. */
  readonly yieldsTo: RegExp;
}

/** Those that every cluster gets which ket deletes itself. */
export const throwawaySettings: readonly Setting[] = [
  {
    // The kubelet throws away what goes beyond five files of this size; whoever reads late finds it gone.
    name: 'log-size',
    patches: [
      {
        kind: 'KubeletConfiguration',
        apiVersion: 'kubelet.config.k8s.io/v1beta1',
        containerLogMaxSize: '100Mi',
      },
    ],
    yieldsTo: /\bcontainerLogMax/,
  },
];

/**
 * A Kind config, which has been checked, with settings before its own patches, so that those decide. A setting is left
 * out where any patch in the config is about the same part, whatever it says of it.
 */
export function withSettings(config: Fields, settings: readonly Setting[]): Fields {
  const theirs = patchTexts(config);
  const patches = settings
    .filter(({ yieldsTo }) => !theirs.some((text) => yieldsTo.test(text)))
    .flatMap((setting) => setting.patches.map((patch) => JSON.stringify(patch)));
  if (patches.length === 0) return config;
  return { ...config, kubeadmConfigPatches: [...patches, ...listOf(config['kubeadmConfigPatches'])] };
}

/** All patches of kubeadm's configuration, of the cluster and of its nodes, in both of kind's forms. */
function patchTexts(config: Fields): string[] {
  const places = [config, ...listOf(config['nodes']).filter(isMapping)];
  return places.flatMap((place) => [
    ...listOf(place['kubeadmConfigPatches']).filter((patch) => typeof patch === 'string'),
    ...listOf(place['kubeadmConfigPatchesJSON6902']).map((patch) => JSON.stringify(patch)),
  ]);
}

const listOf = (value: unknown): readonly unknown[] =>
  Array.isArray(value) ? (value as readonly unknown[]) : [];

const isMapping = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
