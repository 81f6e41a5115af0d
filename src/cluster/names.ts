import { createHash } from 'node:crypto';
import type { NodeRole } from '../model/plan.ts';

/** kind warns above this, because node names must fit into host names. */
const maxName = 50;

/** Name of a run's cluster: unique by the run's id, and short enough for the names that kind makes from it. */
export function clusterName(runId: string, tier: string): string {
  const clean = `ket-${tier}-${runId}`
    .toLowerCase()
    .replace(/[^a-z0-9-]+/g, '-')
    .replace(/-+/g, '-')
    .replace(/^-|-$/g, '');
  if (clean.length <= maxName) return clean;
  const hash = createHash('sha256').update(clean).digest('hex').slice(0, 8);
  return `${clean.slice(0, maxName - hash.length - 1).replace(/-$/, '')}-${hash}`;
}

/** Names that kind gives to the nodes of a config, in its order: `x-control-plane`, `x-worker`, `x-worker2` … */
export function nodeNames(cluster: string, roles: readonly NodeRole[]): string[] {
  const count: Record<NodeRole, number> = { 'control-plane': 0, worker: 0 };
  return roles.map((role) => {
    count[role] += 1;
    return `${cluster}-${role}${count[role] === 1 ? '' : String(count[role])}`;
  });
}
