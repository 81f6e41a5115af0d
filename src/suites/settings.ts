import { KetError } from '../model/errors.ts';
import type { Outcome } from '../model/outcome.ts';
import { priorities, type Plan, type SuitePlan } from '../model/plan.ts';
import type { Assets, Outbound, RegistryAccess } from '../model/run.ts';
import type { StateFile } from '../model/state.ts';
import type { TaskContext } from '../model/task.ts';
import type { TestDurations } from '../results/test-durations.ts';
import type { Admission } from './admission/admission.ts';
import type { Calm } from './calm.ts';
import type { AttemptJournal } from './journal.ts';
import type { Secrets } from './job/secrets.ts';
import { attemptLimits } from './limits.ts';
import { infraRetries } from './retry.ts';
import type { Rounds } from './rounds.ts';

/** What all suites of a run have in common, wherever they run. */
export interface SuiteSettings {
  readonly runId: string;
  readonly folder: string;
  readonly assets: Assets;
  readonly keepFailedMs: number;
  readonly ephemeral: boolean;
  /** The run made the cluster, or `ket up` did: suites on this machine may be its administrator. */
  readonly ownCluster: boolean;
  readonly state: StateFile;
  readonly journal: AttemptJournal;
  readonly secrets: Secrets;
  readonly mask: (secrets: Secrets) => void;
  readonly outbound: Outbound;
  readonly registries?: RegistryAccess;
  readonly admission: Admission;
  readonly calm: Calm;
  /** How long the tests of a suite took in an earlier run. */
  readonly durationsOf: (suite: string) => Promise<TestDurations>;
  /** Of a soak: its suites run again and again. */
  readonly rounds?: Rounds;
}

/** All attempts of a suite, one after another, with room for what each needs besides its own limit. */
export const suiteLimit = (suite: SuitePlan, keepMs: number): number =>
  (suite.retries + 1 + infraRetries) * attemptLimits(suite.limitMs, keepMs, suite.pendingMs).jobMs;

/** 0 for the highest, and less for each below it. */
export const priorityOf = (suite: SuitePlan): number => -priorities.indexOf(suite.priority);

/** What `failFast` makes of the outcome of a suite: the first that does not pass ends the others. */
export function endIfNotPassed(plan: Plan, suite: string, outcome: Outcome, admission: Admission): void {
  if (plan.failFast && (outcome === 'failed' || outcome === 'infra-error'))
    admission.close(
      new KetError('KET_CANCELLED', `suite ${suite} did not pass, and the first such ends the run`),
    );
}

/** The context of a suite that also ends for other reasons than its own. */
export const withStops = (context: TaskContext, stops: readonly AbortSignal[]): TaskContext => ({
  ...context,
  output: (task) => context.output(task),
  signal: AbortSignal.any([context.signal, ...stops]),
});
