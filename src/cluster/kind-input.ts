import { stringify } from 'yaml';
import { withSettings, type Setting } from './throwaway.ts';

type Fields = Readonly<Record<string, unknown>>;

/** What kind gets: its `--image`, and a Kind config as YAML. */
export interface KindInput {
  readonly image?: string;
  readonly config: string;
}

/** Where Go's programs, containerd among them, look for authorities beside those of the system. */
const inNode = '/etc/ssl/certs/ket-authorities.pem';

/**
 * What a run adds to a Kind config, which has been checked: the node image, a file of authorities that nodes mount, and
 * settings. `--image` overrides the images that nodes have in the config, so where some nodes have their own, the others
 * get theirs beside them.
 */
export function kindInput(
  config: Fields,
  wanted: {
    readonly nodeImage: string | undefined;
    readonly authorities: string | undefined;
    readonly settings?: readonly Setting[];
  },
): KindInput {
  const { nodeImage, authorities, settings = [] } = wanted;
  const named = nodesOf(config);
  const byFlag = nodeImage !== undefined && named.every((node) => node['image'] === undefined);
  const needsNodes = authorities !== undefined && named.length === 0;
  // Without a list kind makes one control plane; to give it something, it must stand there.
  const nodes = (needsNodes ? [{ role: 'control-plane' }] : named).map((node: Fields) => ({
    ...node,
    ...(byFlag || nodeImage === undefined ? {} : { image: node['image'] ?? nodeImage }),
    ...(authorities === undefined ? {} : { extraMounts: withMount(node['extraMounts'], authorities) }),
  }));
  const whole = withSettings(nodes.length === 0 ? config : { ...config, nodes }, settings);
  return {
    ...(byFlag ? { image: nodeImage } : {}),
    config: stringify(whole, { lineWidth: 0 }),
  };
}

const nodesOf = (config: Fields): readonly Fields[] =>
  Array.isArray(config['nodes']) ? (config['nodes'] as readonly Fields[]) : [];

const withMount = (mounts: unknown, hostPath: string): unknown[] => [
  ...(Array.isArray(mounts) ? (mounts as readonly unknown[]) : []),
  { hostPath, containerPath: inNode, readOnly: true },
];
