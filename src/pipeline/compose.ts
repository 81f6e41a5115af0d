import { lackingTask, lacksSomething } from '../suites/lacking.ts';
import { processSuiteTask } from '../suites/process-task.ts';
import { inOrder, type ComposeOptions, type Composition } from './composition.ts';

/** All tasks of a run and what each needs; nothing is done yet. What only a cluster needs is loaded only for one. */
export async function compose(options: ComposeOptions): Promise<Composition> {
  const { plan, preflight, settings, checksOnly = false } = options;
  const { cluster } = plan;
  // Nothing is made for suites that will not run.
  if (
    cluster !== undefined &&
    (checksOnly || plan.suites.length === 0 || !plan.suites.every(lacksSomething))
  ) {
    const { composeInCluster } = await import('./compose-cluster.ts');
    return composeInCluster({ ...options, plan: { ...plan, cluster } });
  }
  const suites = plan.suites.map((suite) =>
    lacksSomething(suite) ? lackingTask(suite) : processSuiteTask(settings, plan, suite, [preflight]),
  );
  return { tasks: [preflight, ...inOrder(suites, options.durations)], suites, collects: [] };
}
