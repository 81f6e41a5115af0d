import { formatBytes, formatMs, plural } from '../model/format.ts';
import type { Outcome } from '../model/outcome.ts';
import { isWorse, type SoakEnd } from '../model/soak.ts';
import type { Series } from './drift.ts';
import { perHour } from './soak-json.ts';
import type { SoakView } from './soak-view.ts';

/** A table as texts that nothing is escaped in yet; the first column is the name of something. */
export interface Table {
  readonly head: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

const reasons: Readonly<Record<SoakEnd, string>> = {
  time: 'the time is over',
  cancelled: 'it was cancelled',
  'fail-fast': 'a suite did not pass, and fail-fast lets that end it',
  hopeless: 'nothing passed any more, and another round would change nothing',
};

/** Rows of hours that are shown; soak.json has all. */
const mostHours = 48;
const mostBadNamed = 10;

/** How a soak went, in sentences without line ends. */
export function soakTexts(soak: SoakView): string[] {
  const { lastedMs, askedMs, ended, bad } = soak;
  const end = ended === undefined ? '' : `; ended because ${reasons[ended.why]}`;
  const badRounds = [...soak.outcomes].reduce(
    (sum, [outcome, times]) => (isWorse(outcome, 'passed') ? sum + times : sum),
    0,
  );
  const named = bad.slice(0, mostBadNamed).map(({ round, outcome }) => `${round} (${outcome})`);
  const more = badRounds > named.length ? ` and ${badRounds - named.length} more` : '';
  const removed = ended?.removedRounds ?? 0;
  return [
    `soak: ${plural(soak.rounds, 'round')} in ${formatMs(lastedMs)} of ${formatMs(askedMs)}: ${timesText(soak.outcomes)}${end}`,
    `errors: ${soak.errors}, ${rate(soak.errors, lastedMs)} per hour · restarts: ${soak.restarts}, ${rate(soak.restarts, lastedMs)} per hour`,
    ...(named.length === 0 ? [] : [`rounds that did not pass: ${named.join(', ')}${more}`]),
    ...(removed === 0
      ? []
      : [
          `results of ${plural(removed, 'round')} that passed were removed; those of the first and the last stay`,
        ]),
  ];
}

const timesText = (outcomes: ReadonlyMap<Outcome, number>): string =>
  outcomes.size === 0
    ? 'none ended'
    : [...outcomes]
        .toSorted(([a], [b]) => (isWorse(a, b) ? -1 : 1))
        .map(([outcome, times]) => `${times} ${outcome}`)
        .join(', ');

function rate(total: number, lastedMs: number): string {
  const value = perHour(total, lastedMs);
  return value === 0 || value >= 10 ? String(Math.round(value)) : value.toFixed(1);
}

/** Durations and memory of suites and releases, and how they drift. */
export function driftTable(soak: SoakView): Table {
  const suites = [...soak.suites].map(([suite, { outcomes, durations, memory }]) => [
    suite,
    timesText(outcomes),
    value(durations.median(), formatMs),
    drift(durations, formatMs),
    value(memory.largest, formatBytes),
    drift(memory, bytesText),
    '',
  ]);
  const releases = [...soak.releases].map(([release, { restarts, memory }]) => [
    `release ${release}`,
    '',
    '',
    '',
    value(memory.largest, formatBytes),
    drift(memory, bytesText),
    String(restarts),
  ]);
  return {
    head: ['what', 'rounds', 'median', 'drift per hour', 'memory, most', 'drift per hour', 'restarts'],
    rows: [...suites, ...releases],
  };
}

/** Hour by hour; no rows for a soak of less than two. */
export function hoursTable({ hours }: SoakView): Table {
  const rows = hours
    .slice(0, mostHours)
    .map(({ rounds, bad, errors, restarts }, index) =>
      [index + 1, rounds, bad, errors, restarts].map(String),
    );
  return { head: ['hour', 'rounds', 'not passed', 'errors', 'restarts'], rows: rows.length < 2 ? [] : rows };
}

const bytesText = (bytes: number): string => formatBytes(Math.round(bytes));

const value = (number: number | undefined, format: (number: number) => string): string =>
  number === undefined ? '–' : format(number);

/** With its share of the median, which tells whether it is much. */
function drift(series: Series, format: (number: number) => string): string {
  const slope = series.perHour();
  if (slope === undefined) return '–';
  const median = series.median() ?? 0;
  const sign = slope < 0 ? '−' : '+';
  const share = median === 0 ? '' : ` (${sign}${((Math.abs(slope) / median) * 100).toFixed(1)} %)`;
  return `${sign}${format(Math.abs(slope))}${share}`;
}
