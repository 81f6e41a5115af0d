import { nodePulls } from '../cluster/node-pulls.ts';
import type { Plan } from '../model/plan.ts';
import type { ClusterHandle } from '../model/run.ts';
import type { Task, TaskContext } from '../model/task.ts';
import { ReleaseUse } from '../releases/use.ts';

const limitMs = 15_000;

export interface LastLooks {
  readonly plan: Pick<Plan, 'releases'>;
  readonly cluster: Task<ClusterHandle>;
  /** All else, whatever becomes of it. */
  readonly after: readonly Task[];
  /** When the run began, unix ms. */
  readonly began: number;
  /**
   * Whether to ask the kubelets what the releases use: in clusters alone that are the run's or its machine's, for
   * elsewhere it takes a right that nobody should have to give for it.
   */
  readonly use: boolean;
}

/** What the cluster is asked when all else has ended: how it came about, which changes no verdict. */
export function lastLooks({ plan, cluster, after, began, use }: LastLooks): readonly Task[] {
  const look = (
    id: string,
    what: string,
    ask: (handle: ClusterHandle, context: TaskContext) => Promise<void>,
  ): Task => ({
    id,
    phase: 'report',
    title: `ask ${what}`,
    needs: [cluster],
    after,
    limitMs,
    async run(context) {
      try {
        await ask(context.output(cluster), context);
      } catch (error) {
        // A cluster that has broken says nothing any more.
        context.signal.throwIfAborted();
        context.emit({ type: 'notice', level: 'info', text: `${what} is not known: ${String(error)}` });
      }
    },
  });
  const pulls = look('node pulls', 'what the nodes pulled themselves', async ({ kube }, context) => {
    const pulled = await nodePulls(kube, began, context.signal);
    if (pulled.length > 0) context.emit({ type: 'node-pulls', pulls: pulled });
  });
  if (!use || plan.releases.length === 0) return [pulls];
  const used = look('release use', 'what the releases use', async ({ kube, nodes }, context) => {
    const { needs, problems } = await new ReleaseUse(kube, plan.releases, nodes).look(context.signal);
    if (needs.length > 0) context.emit({ type: 'release-use', releases: needs });
    for (const text of problems) context.emit({ type: 'notice', level: 'info', text });
  });
  return [pulls, used];
}
