import { isMap, isSeq, parseDocument, type Document, type YAMLMap } from 'yaml';

/** What kind gets: its `--image`, and a changed copy of the Kind config where the file as it is does not do. */
export interface KindInput {
  readonly image?: string;
  readonly copy?: string;
}

/** Where Go's programs, containerd among them, look for authorities beside those of the system. */
const inNode = '/etc/ssl/certs/ket-authorities.pem';

/**
 * What a run adds to a Kind config, which has been checked: the node image, and a file of authorities that nodes
 * mount. `--image` overrides the images that nodes have in the config, so where some nodes have their own, the others
 * get theirs in a copy.
 */
export function kindInput(
  text: string,
  wanted: { readonly nodeImage: string | undefined; readonly authorities: string | undefined },
): KindInput {
  const document = parseDocument(text);
  const { nodeImage, authorities } = wanted;
  let changed = false;
  if (authorities !== undefined) {
    for (const node of ensureNodes(document)) mount(document, node, authorities);
    changed = true;
  }
  const nodes = nodesOf(document);
  const without = nodeImage === undefined ? [] : nodes.filter((node) => !node.has('image'));
  const byFlag = nodeImage !== undefined && without.length === nodes.length;
  if (!byFlag)
    for (const node of without) {
      node.set('image', nodeImage);
      changed = true;
    }
  return {
    ...(byFlag ? { image: nodeImage } : {}),
    ...(changed ? { copy: document.toString({ lineWidth: 0 }) } : {}),
  };
}

function nodesOf(document: Document): YAMLMap[] {
  const list = document.get('nodes');
  return isSeq(list) ? list.items.filter((node) => isMap(node)) : [];
}

/** Without a list kind makes one control plane; to give it something, it must stand there. */
function ensureNodes(document: Document): YAMLMap[] {
  if (nodesOf(document).length === 0) document.set('nodes', document.createNode([{ role: 'control-plane' }]));
  return nodesOf(document);
}

function mount(document: Document, node: YAMLMap, hostPath: string): void {
  const entry = document.createNode({ hostPath, containerPath: inNode, readOnly: true });
  const mounts = node.get('extraMounts');
  if (isSeq(mounts)) mounts.add(entry);
  else node.set('extraMounts', document.createNode([entry]));
}
