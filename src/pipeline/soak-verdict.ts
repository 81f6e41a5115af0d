import { addCounts, noCounts, type Counts, type Outcome, type Verdict } from '../model/outcome.ts';
import { messageOf } from '../model/errors.ts';
import type { SuitePlan } from '../model/plan.ts';
import { isWorse, worstOf } from '../model/soak.ts';
import type { SuiteReport } from '../suites/suite.ts';
import type { TaskResult } from './executor.ts';

/** What a suite came to in one round. */
export interface InRound {
  readonly outcome: Outcome;
  readonly message: string;
  /** Absent where it did not run. */
  readonly report?: SuiteReport;
}

/** What the task of a suite says of the round. A task that broke is an infrastructure error, as in a run of its own. */
export function inRound(result: TaskResult | undefined): InRound {
  const report = result?.output as SuiteReport | undefined;
  if (report !== undefined) return { outcome: report.outcome, message: report.verdict.message, report };
  if (result?.outcome === 'cancelled')
    return { outcome: 'cancelled', message: 'cancelled before it started' };
  if (result?.error !== undefined) return { outcome: 'infra-error', message: messageOf(result.error) };
  return { outcome: 'skipped', message: `not run: ${result?.reason ?? 'no reason known'}` };
}

/** What the rounds of one suite come to together; its size does not depend on how many they are. */
export class SuiteTally {
  readonly #suite: SuitePlan;
  readonly #times = new Map<Outcome, number>();
  #rounds = 0;
  #counts: Counts = noCounts;
  #attempts = 0;
  #ms = 0;
  /** The first round with the worst outcome so far. */
  #worst: { readonly round: number; readonly verdict: Verdict } | undefined;
  #last: TaskResult | undefined;

  constructor(suite: SuitePlan) {
    this.#suite = suite;
  }

  add(round: number, result: TaskResult | undefined): InRound {
    const found = inRound(result);
    const { outcome, message, report } = found;
    this.#rounds = round;
    this.#last = result;
    this.#times.set(outcome, (this.#times.get(outcome) ?? 0) + 1);
    if (report !== undefined) {
      this.#counts = addCounts(this.#counts, report.counts);
      this.#attempts += report.attempts;
      this.#ms += report.ms;
    }
    const verdict = report?.verdict ?? { outcome, message };
    if (this.#worst === undefined || isWorse(outcome, this.#worst.verdict.outcome))
      this.#worst = { round, verdict };
    return found;
  }

  /** As the task of the suite would have ended, had it been one run. A suite that never ran ends as in its last round. */
  result(): TaskResult {
    const never = this.#last ?? { outcome: 'cancelled' };
    const outcome = worstOf(this.#times.keys());
    if (this.#worst === undefined || (this.#attempts === 0 && never.output === undefined)) return never;
    const verdict: Verdict = { ...this.#worst.verdict, outcome, message: this.#message(this.#worst) };
    const output: SuiteReport = {
      suite: this.#suite,
      outcome,
      verdict,
      counts: this.#counts,
      attempts: this.#attempts,
      ms: this.#ms,
      kept: [],
    };
    return { outcome: 'done', output };
  }

  #message({ round, verdict }: { readonly round: number; readonly verdict: Verdict }): string {
    const times = [...this.#times].toSorted(([a], [b]) => (isWorse(a, b) ? -1 : 1));
    const [[only] = []] = times;
    if (times.length === 1 && (only === 'passed' || only === 'skipped'))
      return `${only} in ${this.#rounds === 1 ? 'the one round' : `all ${this.#rounds} rounds`}`;
    const words = times.map(([outcome, count]) => `${outcome} in ${count}`).join(', ');
    const of = this.#rounds === 1 ? '1 round' : `${this.#rounds} rounds`;
    const first = verdict.outcome === 'passed' ? '' : `; first in round ${round}: ${verdict.message}`;
    return `${words} of ${of}${first}`;
  }
}
