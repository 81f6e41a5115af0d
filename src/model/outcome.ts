/** What became of a suite, an attempt or a run. */
export type Outcome = 'passed' | 'failed' | 'flaky' | 'infra-error' | 'skipped' | 'cancelled';

/** Why an attempt is an infra-error. */
export type InfraClass =
  | 'image-pull'
  | 'unschedulable'
  | 'quota'
  | 'denied'
  | 'configuration'
  | 'evicted'
  | 'deleted'
  | 'preempted'
  | 'node-lost'
  | 'lost-contact'
  | 'unhealthy'
  | 'collection-incomplete'
  | 'no-proof';

/** Why an attempt failed, where that is not simply a failed case. */
export type FailureCause = 'cases' | 'exit-code' | 'signal' | 'timeout' | 'memory' | 'storage';

/** Numbers of test cases by what became of them. */
export interface Counts {
  readonly total: number;
  readonly passed: number;
  readonly failed: number;
  readonly errors: number;
  readonly skipped: number;
}

export const noCounts: Counts = { total: 0, passed: 0, failed: 0, errors: 0, skipped: 0 };

export const addCounts = (a: Counts, b: Counts): Counts => ({
  total: a.total + b.total,
  passed: a.passed + b.passed,
  failed: a.failed + b.failed,
  errors: a.errors + b.errors,
  skipped: a.skipped + b.skipped,
});

/** What the live stream of a log lacks, as lines of console.log (from 1). */
export interface LogGaps {
  readonly missing: number;
  /** The first 100 of them; both ends belong to it. */
  readonly ranges: readonly { readonly from: number; readonly to: number }[];
}

/** A verdict with the one sentence that explains it. */
export interface Verdict {
  readonly outcome: Outcome;
  readonly infraClass?: InfraClass;
  readonly cause?: FailureCause;
  /** One sentence for people: what happened and, where there is one, the next step. */
  readonly message: string;
}

/** Exit codes of ket (docs/design.md, "Command line"). */
export const ExitCode = { passed: 0, failed: 1, request: 2, infra: 3, cancelled: 130 } as const;
export type ExitCode = (typeof ExitCode)[keyof typeof ExitCode];

/** What the exit code of a run depends on, one entry per suite of the plan. */
export interface SuiteResult {
  readonly outcome: Outcome;
  /** The plan accepts that all cases of this suite were skipped. */
  readonly allowSkip: boolean;
  /** Cases that were executed (not skipped); 1 for a suite judged by its exit code alone. */
  readonly executed: number;
  /** Not run, because something it needs failed: nothing excuses that, or a cluster that broke would be green. */
  readonly skippedByNeed?: boolean;
}

/** Exit code of a run, by the order of the design: cancelled, failed, infra-error, nothing executed, passed. */
export function exitCodeOf(suites: readonly SuiteResult[], cancelled: boolean): ExitCode {
  if (cancelled) return ExitCode.cancelled;
  if (suites.some((s) => s.outcome === 'failed')) return ExitCode.failed;
  if (suites.some((s) => s.outcome === 'infra-error' || s.skippedByNeed === true)) return ExitCode.infra;
  // Stopped without a cancel of the run: by the first that did not pass, which is said above.
  if (suites.some((s) => s.outcome === 'cancelled')) return ExitCode.cancelled;
  const executed = suites.reduce((sum, s) => sum + s.executed, 0);
  if (executed === 0 && !(suites.length > 0 && suites.every((s) => s.allowSkip))) return ExitCode.request;
  return ExitCode.passed;
}

/** Exit code of several runs: that of the worst, in the order in which a run looks for its own. */
export function worstExitCode(codes: readonly ExitCode[]): ExitCode {
  const { cancelled, failed, infra, request, passed } = ExitCode;
  return [cancelled, failed, infra, request].find((code) => codes.includes(code)) ?? passed;
}

/** The outcome of a run, or of several, that goes with its exit code; flaky is reported, and counts as passed. */
export function runOutcomeOf(suites: readonly Pick<SuiteResult, 'outcome'>[], exitCode: ExitCode): Outcome {
  switch (exitCode) {
    case ExitCode.cancelled:
      return 'cancelled';
    case ExitCode.failed:
      return 'failed';
    case ExitCode.infra:
    case ExitCode.request:
      return 'infra-error';
    case ExitCode.passed:
      if (suites.some((s) => s.outcome === 'flaky')) return 'flaky';
      return suites.every((s) => s.outcome === 'skipped') ? 'skipped' : 'passed';
  }
}
