import { fieldIn, kindFields, type Field } from './kind-fields.ts';
import { childOf, valueOf, type Tree } from './tree.ts';

/**
 * Several Kind configs as one, later ones going before earlier ones: mappings are merged key by key; patches, port
 * mappings and mounts are appended; nodes are merged by role and number; everything else is replaced.
 */
export function mergeKind(first: Tree, ...others: readonly Tree[]): Tree {
  return others.reduce((base, over) => merge(base, over, kindFields), first);
}

function merge(base: Tree, over: Tree, field: Field | undefined): Tree {
  if (base.is === 'mapping' && over.is === 'mapping') {
    const entries = new Map(base.entries);
    for (const [key, value] of over.entries) {
      const old = entries.get(key);
      entries.set(key, old === undefined ? value : merge(old, value, fieldIn(field, key)));
    }
    return { ...over, entries };
  }
  if (base.is !== 'list' || over.is !== 'list' || field?.is !== 'list' || field.merge === 'replace')
    return over;
  if (field.merge === 'append') return { ...over, items: [...base.items, ...over.items] };
  return { ...over, items: mergeNodes(base.items, over.items, field.of) };
}

/** The second worker of the one is the second worker of the other, as in the names that kind gives them. */
function mergeNodes(base: readonly Tree[], over: readonly Tree[], field: Field): Tree[] {
  const merged = [...base];
  const places = new Map<unknown, number[]>();
  base.forEach((node, index) => {
    places.set(roleOf(node), [...(places.get(roleOf(node)) ?? []), index]);
  });
  for (const node of over) {
    const index = places.get(roleOf(node))?.shift();
    const old = index === undefined ? undefined : merged[index];
    if (index === undefined || old === undefined) merged.push(node);
    else merged[index] = merge(old, node, field);
  }
  return merged;
}

/** kind's own default where a node names none. */
export const roleOf = (node: Tree): unknown => valueOf(childOf(node, 'role')) ?? 'control-plane';
