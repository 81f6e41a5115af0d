import type { Plan, SuitePlan } from '../model/plan.ts';
import type { Task } from '../model/task.ts';
import { runProcess } from './process.ts';
import { endIfNotPassed, priorityOf, suiteLimit, withStops, type SuiteSettings } from './settings.ts';
import { runSuite, type SuiteReport } from './suite.ts';

/** One suite as processes of this machine. */
export function processSuiteTask(
  settings: SuiteSettings,
  plan: Plan,
  suite: SuitePlan,
  needs: readonly Task[],
): Task<SuiteReport> {
  const { admission } = settings;
  return {
    id: `suite ${suite.name}`,
    phase: 'suites',
    title: suite.name,
    needs,
    limitMs: suiteLimit(suite, 0),
    pool: admission,
    priority: priorityOf(suite),
    async run(outer) {
      const context = withStops(outer, [admission.stopped]);
      const { report } = await runSuite(
        suite,
        settings.runId,
        settings.folder,
        context,
        (id, outDir, failed) => runProcess(suite, id, plan.root, outDir, settings.secrets, context, failed),
        settings.rounds?.of(suite.name),
      );
      endIfNotPassed(plan, suite.name, report.outcome, admission);
      return report;
    },
  };
}
