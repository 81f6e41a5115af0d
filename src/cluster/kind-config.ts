import { isMap, isSeq, parseDocument, type Document } from 'yaml';

/** What the cluster phase has to know of a Kind config. */
export interface KindConfigFacts {
  readonly name?: string;
  readonly disableDefaultCNI: boolean;
  /** One entry per node, the node's own image or undefined. */
  readonly images: readonly (string | undefined)[];
  /** Host ports that the config fixes; random ones (0, or none) cannot be taken. */
  readonly hostPorts: readonly {
    readonly address: string;
    readonly port: number;
    readonly protocol: string;
  }[];
}

/** Reads what ket needs from a Kind config; kind itself judges the rest. */
export function kindConfigFacts(text: string): KindConfigFacts {
  const config: unknown = parseDocument(text).toJS() ?? {};
  const nodes = list(field(config, 'nodes'));
  const networking = field(config, 'networking');
  const name = field(config, 'name');
  const apiPort = number(field(networking, 'apiServerPort'));
  const hostPorts = nodes.flatMap((node) =>
    list(field(node, 'extraPortMappings')).map((mapping) => ({
      address: text_(field(mapping, 'listenAddress')) ?? '0.0.0.0',
      port: number(field(mapping, 'hostPort')) ?? 0,
      protocol: (text_(field(mapping, 'protocol')) ?? 'TCP').toUpperCase(),
    })),
  );
  if (apiPort !== undefined)
    hostPorts.push({
      address: text_(field(networking, 'apiServerAddress')) ?? '127.0.0.1',
      port: apiPort,
      protocol: 'TCP',
    });
  return {
    ...(typeof name === 'string' && name !== '' ? { name } : {}),
    disableDefaultCNI: field(networking, 'disableDefaultCNI') === true,
    images: nodes.length === 0 ? [undefined] : nodes.map((node) => text_(field(node, 'image'))),
    hostPorts: hostPorts.filter((mapping) => mapping.port > 0),
  };
}

const field = (value: unknown, key: string): unknown =>
  typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[key] : undefined;
const list = (value: unknown): unknown[] => (Array.isArray(value) ? (value as unknown[]) : []);
const number = (value: unknown): number | undefined => (typeof value === 'number' ? value : undefined);
const text_ = (value: unknown): string | undefined =>
  typeof value === 'string' && value !== '' ? value : undefined;

/**
 * How the node image reaches kind. Its `--image` overrides the images that nodes have in the config, so where some
 * nodes have their own, the others get theirs in a copy of the config.
 */
export type NodeImageBy =
  | { readonly by: 'config' }
  | { readonly by: 'flag'; readonly image: string }
  | { readonly by: 'copy'; readonly text: string };

export function nodeImageBy(text: string, nodeImage: string | undefined): NodeImageBy {
  if (nodeImage === undefined) return { by: 'config' };
  const { images } = kindConfigFacts(text);
  const own = images.filter((image) => image !== undefined).length;
  if (own === 0) return { by: 'flag', image: nodeImage };
  if (own === images.length) return { by: 'config' };
  const document = parseDocument(text);
  fillImages(document, nodeImage);
  return { by: 'copy', text: document.toString() };
}

function fillImages(document: Document, nodeImage: string): void {
  const nodes = document.get('nodes');
  if (!isSeq(nodes)) return;
  for (const node of nodes.items) if (isMap(node) && !node.has('image')) node.set('image', nodeImage);
}
