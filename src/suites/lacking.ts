import { noCounts } from '../model/outcome.ts';
import type { SuitePlan } from '../model/plan.ts';
import type { Task } from '../model/task.ts';
import type { SuiteReport } from './suite.ts';

export const lacksSomething = (suite: SuitePlan): boolean => suite.lacks.length > 0;

/** A suite that lacks what it requires: skipped before anything is made for it. */
export function lackingTask(suite: SuitePlan): Task<SuiteReport> {
  const message = `not run: it requires ${suite.lacks.join(', ')}, which ${suite.lacks.length === 1 ? 'is' : 'are'} not set here`;
  return {
    id: `suite ${suite.name}`,
    phase: 'suites',
    title: suite.name,
    needs: [],
    limitMs: 1000,
    run(context) {
      const verdict = { outcome: 'skipped', message } as const;
      const ended = { suite: suite.name, counts: noCounts, attempts: 0, suiteMs: 0 };
      context.emit({ type: 'suite-ended', ...verdict, ...ended });
      const nothing = { counts: noCounts, attempts: 0, ms: 0, kept: [] };
      return Promise.resolve({ suite, outcome: 'skipped', verdict, ...nothing });
    },
  };
}
