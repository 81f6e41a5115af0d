import { isMap, isSeq, parseDocument } from 'yaml';

/**
 * How the node image reaches kind. Its `--image` overrides the images that nodes have in the config, so where some
 * nodes have their own, the others get theirs in a copy of the config.
 */
export type NodeImageBy =
  | { readonly by: 'config' }
  | { readonly by: 'flag'; readonly image: string }
  | { readonly by: 'copy'; readonly text: string };

/** Decides by the text of a Kind config, which has been checked. */
export function nodeImageBy(text: string, nodeImage: string | undefined): NodeImageBy {
  if (nodeImage === undefined) return { by: 'config' };
  const document = parseDocument(text);
  const list = document.get('nodes');
  const nodes = isSeq(list) ? list.items.filter((node) => isMap(node)) : [];
  const without = nodes.filter((node) => !node.has('image'));
  if (without.length === nodes.length) return { by: 'flag', image: nodeImage };
  if (without.length === 0) return { by: 'config' };
  for (const node of without) node.set('image', nodeImage);
  return { by: 'copy', text: document.toString() };
}
