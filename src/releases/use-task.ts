import type { Plan } from '../model/plan.ts';
import type { ClusterHandle } from '../model/run.ts';
import type { Task } from '../model/task.ts';
import { ReleaseUse } from './use.ts';

const limitMs = 15_000;

/**
 * Looks, when no suite runs any more, what the releases use of what they request. Only in clusters that are the run's
 * or its machine's: elsewhere it takes a right to ask the kubelets, which nobody should have to give for it.
 */
export function useTask(
  plan: Pick<Plan, 'releases'>,
  cluster: Task<ClusterHandle>,
  after: readonly Task[],
): Task {
  return {
    id: 'release use',
    phase: 'report',
    title: 'ask what the releases use',
    needs: [cluster],
    after,
    limitMs,
    async run(context) {
      const { kube, nodes } = context.output(cluster);
      try {
        const { needs, problems } = await new ReleaseUse(kube, plan.releases, nodes).look(context.signal);
        if (needs.length > 0) context.emit({ type: 'release-use', releases: needs });
        for (const text of problems) context.emit({ type: 'notice', level: 'info', text });
      } catch (error) {
        // A cluster that has broken says nothing any more, which changes no verdict.
        context.signal.throwIfAborted();
        const text = `what the releases use is not known: ${String(error)}`;
        context.emit({ type: 'notice', level: 'info', text });
      }
    },
  };
}
