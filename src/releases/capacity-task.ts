import type { Node } from '../model/amount.ts';
import type { AnyObject } from '../model/kube.ts';
import type { Plan } from '../model/plan.ts';
import type { ClusterHandle } from '../model/run.ts';
import type { Task } from '../model/task.ts';
import { takesPods } from '../model/amount.ts';
import { demandsOf, overCapacity, roomOf } from './capacity.ts';
import type { Pod } from './pod-state.ts';

const limitMs = 60_000;

/**
 * Compares what the releases request with what the nodes have, before any is installed: what cannot fit would be
 * waited for until its limit. In a cluster that stays others may make room, so there it is a warning.
 */
export function capacityTask(
  plan: Plan,
  ready: Task<ClusterHandle>,
  prepared: readonly Task[],
  objects: ReadonlyMap<string, readonly AnyObject[]>,
  clusterStays: boolean,
): Task {
  return {
    id: 'releases fit',
    phase: 'releases',
    title: 'compare what releases request with the nodes',
    needs: [ready],
    after: prepared,
    limitMs,
    async run(context) {
      const { kube } = context.output(ready);
      const { signal } = context;
      const asked = Promise.all([
        kube.list<Node>({ apiVersion: 'v1', kind: 'Node' }, signal),
        kube.list<Pod>({ apiVersion: 'v1', kind: 'Pod' }, signal),
      ]);
      // Who may not see nodes is told nothing.
      const [nodes, pods] = clusterStays ? await asked.catch(() => [[], []] as const) : await asked;
      if (nodes.length === 0) return;
      const open = nodes.filter(takesPods).length;
      const demands = plan.releases.flatMap(({ name, namespace }) =>
        demandsOf(objects.get(name) ?? [], namespace, open),
      );
      const over = overCapacity(
        demands,
        roomOf(
          nodes,
          pods,
          plan.releases.map(({ namespace }) => namespace),
        ),
      );
      if (over === undefined) return;
      if (!clusterStays) throw over;
      context.emit({ type: 'notice', level: 'warning', text: over.message });
    },
  };
}
