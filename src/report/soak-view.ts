import type { EventBody } from '../model/events.ts';
import type { Outcome } from '../model/outcome.ts';
import { isDull } from '../model/soak.ts';
import { Series } from './drift.ts';

type Of<Type extends EventBody['type']> = Extract<EventBody, { type: Type }>;
type RoundEnded = Of<'round-ended'>;

/** Rounds that did not pass of which more than the number is kept. */
const mostBad = 100;
/** Those whose attempts stay in the view. */
export const mostBadShown = 20;

const hourMs = 3_600_000;

export interface SuiteSoak {
  readonly outcomes: Map<Outcome, number>;
  /** Of rounds in which it passed: one that fails may end early or late. */
  readonly durations: Series;
  readonly memory: Series;
}

export interface ReleaseSoak {
  restarts: number;
  readonly memory: Series;
}

/** One hour of a soak, from its first round on. */
export interface HourSoak {
  rounds: number;
  /** That did not pass. */
  bad: number;
  errors: number;
  restarts: number;
}

export interface BadRound {
  readonly round: number;
  readonly outcome: Outcome;
  /** That did not pass, with the folders of their attempts. */
  readonly suites: readonly {
    readonly suite: string;
    readonly outcome: Outcome;
    readonly folders: readonly string[];
  }[];
}

/** A soak as its rounds add up; its size does not depend on how many they are. */
export interface SoakView {
  readonly askedMs: number;
  rounds: number;
  /** Rounds by what became of them. */
  readonly outcomes: Map<Outcome, number>;
  readonly suites: Map<string, SuiteSoak>;
  readonly releases: Map<string, ReleaseSoak>;
  readonly hours: HourSoak[];
  /** The first of those that did not pass. */
  readonly bad: BadRound[];
  /** Cases that failed or broke; one for a suite that did so without a case. */
  errors: number;
  restarts: number;
  /** Until the end of the last round. */
  lastedMs: number;
  /** The round that goes on. */
  now?: number;
  ended?: Of<'soak-ended'>;
}

export const newSoak = (askedMs: number): SoakView => ({
  askedMs,
  rounds: 0,
  outcomes: new Map(),
  suites: new Map(),
  releases: new Map(),
  hours: [],
  bad: [],
  errors: 0,
  restarts: 0,
  lastedMs: 0,
});

const count = <K>(map: Map<K, number>, key: K): void => void map.set(key, (map.get(key) ?? 0) + 1);

function entry<T>(map: Map<string, T>, key: string, make: () => T): T {
  const known = map.get(key) ?? make();
  map.set(key, known);
  return known;
}

/** Takes the end of a round into the soak. */
export function addRound(soak: SoakView, event: RoundEnded): void {
  const { round, outcome, soakMs: at, suites, releases } = event;
  delete soak.now;
  soak.rounds = Math.max(soak.rounds, round);
  soak.lastedMs = Math.max(soak.lastedMs, at);
  count(soak.outcomes, outcome);
  const hour = hourOf(soak, at);
  hour.rounds += 1;
  if (!isDull(outcome)) {
    hour.bad += 1;
    if (soak.bad.length < mostBad) soak.bad.push(badRound(event));
  }
  for (const { suite, outcome: of, ms, counts, memoryPeakBytes } of suites) {
    const known = entry(soak.suites, suite, () => ({
      outcomes: new Map<Outcome, number>(),
      durations: new Series(),
      memory: new Series(),
    }));
    count(known.outcomes, of);
    if (of === 'passed') known.durations.add(at, ms);
    if (memoryPeakBytes !== undefined) known.memory.add(at, memoryPeakBytes);
    // A suite may fail without a case that did.
    const errors = Math.max(counts.failed + counts.errors, of === 'failed' || of === 'infra-error' ? 1 : 0);
    soak.errors += errors;
    hour.errors += errors;
  }
  for (const { release, restarts, memoryBytes } of releases) {
    const known = entry(soak.releases, release, () => ({ restarts: 0, memory: new Series() }));
    known.restarts += restarts;
    soak.restarts += restarts;
    hour.restarts += restarts;
    if (memoryBytes !== undefined) known.memory.add(at, memoryBytes);
  }
}

function hourOf(soak: SoakView, at: number): HourSoak {
  const index = Math.floor(at / hourMs);
  while (soak.hours.length <= index) soak.hours.push({ rounds: 0, bad: 0, errors: 0, restarts: 0 });
  const hour = soak.hours[index];
  if (hour === undefined) throw new Error(`a soak without its hour ${index}`);
  return hour;
}

const badRound = ({ round, outcome, suites }: RoundEnded): BadRound => ({
  round,
  outcome,
  suites: suites
    .filter((suite) => !isDull(suite.outcome))
    .map(({ suite, outcome: of, attempts }) => ({
      suite,
      outcome: of,
      folders:
        attempts === undefined
          ? []
          : Array.from(
              { length: attempts.last - attempts.first + 1 },
              (_, index) => `suites/${suite}/attempt-${attempts.first + index}`,
            ),
    })),
});
