import type { Outcome } from '../model/outcome.ts';
import type { SoakEnd } from '../model/soak.ts';
import type { Series } from './drift.ts';
import type { RunView } from './model.ts';
import type { BadRound, HourSoak, SoakView } from './soak-view.ts';

/** What a series of figures came to; absent parts are not known. */
export interface DriftJson {
  readonly median?: number;
  readonly largest?: number;
  readonly first?: number;
  readonly last?: number;
  /** How much it grew in an hour; absent with fewer than 5 rounds, or in less than a minute. */
  readonly perHour?: number;
  readonly rounds: number;
}

/** soak.json: times in ms, sizes in bytes. */
export interface SoakJson {
  readonly v: 1;
  readonly run?: string;
  readonly tier?: string;
  readonly askedMs: number;
  readonly lastedMs: number;
  /** Why no further round was begun; absent of a run that did not end. */
  readonly ended?: SoakEnd;
  readonly rounds: { readonly total: number } & Partial<Record<Outcome, number>>;
  readonly suites: readonly {
    readonly suite: string;
    readonly rounds: Partial<Record<Outcome, number>>;
    /** Of the rounds in which it passed. */
    readonly ms: DriftJson;
    /** The largest peak of its attempts. */
    readonly memoryPeakBytes: DriftJson;
  }[];
  readonly releases: readonly {
    readonly release: string;
    readonly restarts: number;
    readonly restartsPerHour: number;
    /** Working set of its pods together, at the end of each round. */
    readonly memoryBytes: DriftJson;
  }[];
  /** Cases that failed or broke; one for a suite that did so without a case. */
  readonly errors: { readonly total: number; readonly perHour: number };
  readonly restarts: { readonly total: number; readonly perHour: number };
  readonly hours: readonly HourSoak[];
  /** The first 100 rounds that did not pass; `rounds` has how many there were. */
  readonly badRounds: readonly BadRound[];
  /** Rounds that passed and whose results are not in the folder any more. */
  readonly removedRounds: number;
}

const figures = (series: Series): DriftJson => {
  const { largest, first, last, count } = series;
  const median = series.median();
  const perHour = series.perHour();
  return {
    ...(median === undefined ? {} : { median }),
    ...(largest === undefined ? {} : { largest }),
    ...(first === undefined ? {} : { first }),
    ...(last === undefined ? {} : { last }),
    ...(perHour === undefined ? {} : { perHour }),
    rounds: count,
  };
};

/** So many in an hour, as measured. */
export const perHour = (total: number, lastedMs: number): number =>
  lastedMs === 0 ? 0 : (total * 3_600_000) / lastedMs;

/** soak.json of a run that is a soak. */
export function soakJson({ started }: RunView, soak: SoakView): SoakJson {
  const { askedMs, lastedMs, ended } = soak;
  return {
    v: 1,
    ...(started === undefined ? {} : { run: started.run, tier: started.tier }),
    askedMs,
    lastedMs,
    ...(ended === undefined ? {} : { ended: ended.why }),
    rounds: { total: soak.rounds, ...Object.fromEntries(soak.outcomes) },
    suites: [...soak.suites].map(([suite, { outcomes, durations, memory }]) => ({
      suite,
      rounds: Object.fromEntries(outcomes),
      ms: figures(durations),
      memoryPeakBytes: figures(memory),
    })),
    releases: [...soak.releases].map(([release, { restarts, memory }]) => ({
      release,
      restarts,
      restartsPerHour: perHour(restarts, lastedMs),
      memoryBytes: figures(memory),
    })),
    errors: { total: soak.errors, perHour: perHour(soak.errors, lastedMs) },
    restarts: { total: soak.restarts, perHour: perHour(soak.restarts, lastedMs) },
    hours: soak.hours,
    badRounds: soak.bad,
    removedRounds: ended?.removedRounds ?? 0,
  };
}
