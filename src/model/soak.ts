import type { Counts, Outcome } from './outcome.ts';

/** What a suite did in one round of a soak. */
export interface RoundSuite {
  readonly suite: string;
  readonly outcome: Outcome;
  /** All its attempts of the round together. */
  readonly ms: number;
  readonly counts: Counts;
  /** Numbers of its attempts in the round, which count on through all rounds; absent where it had none. */
  readonly attempts?: { readonly first: number; readonly last: number };
  /** The largest peak of its attempts; absent where none was measured. */
  readonly memoryPeakBytes?: number;
}

/** What the pods of a release were seen to do when a round had ended. */
export interface RoundRelease {
  readonly release: string;
  /** Of containers, since the round before; before the first round, since the releases were ready. */
  readonly restarts: number;
  /** Working set of its pods, as the kubelets had measured it last (up to 20 s before). */
  readonly memoryBytes?: number;
}

/** What a release asks the scheduler for, and what its pods use; as the kubelets had measured it last. */
export interface ReleaseNeed {
  readonly release: string;
  /** Cores and bytes, of the pods that run. */
  readonly requested: { readonly cpu: number; readonly memory: number };
  readonly memoryBytes: number;
  /** Cores. */
  readonly cpu: number;
}

/** Why no further round was begun. */
export type SoakEnd = 'time' | 'cancelled' | 'fail-fast' | 'hopeless';

/** Rounds in a row in which no suite passed, after which another is not worth it. */
export const hopelessRounds = 5;

/** From the worst on; the first that a suite had in any round is what it comes to. */
const worst: readonly Outcome[] = ['failed', 'infra-error', 'cancelled', 'flaky', 'passed', 'skipped'];

/** Whether the first is worse than the second, for what several rounds come to. */
export const isWorse = (one: Outcome, other: Outcome): boolean => worst.indexOf(one) < worst.indexOf(other);

/** What several come to together; `skipped` for none. */
export const worstOf = (outcomes: Iterable<Outcome>): Outcome => {
  let found: Outcome = 'skipped';
  for (const outcome of outcomes) if (isWorse(outcome, found)) found = outcome;
  return found;
};

/** A round with nothing to look at: its results may go when later ones are there. */
export const isDull = (outcome: Outcome): boolean => outcome === 'passed' || outcome === 'skipped';
