import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { EventBody } from '../../src/model/events.ts';
import { noCounts, type Outcome } from '../../src/model/outcome.ts';
import { Series } from '../../src/report/drift.ts';
import { finalBlock } from '../../src/report/final.ts';
import { viewOf, type RunView } from '../../src/report/model.ts';
import { soakJson } from '../../src/report/soak-json.ts';
import { noStyle } from '../../src/report/style.ts';
import { summaryMarkdown } from '../../src/report/summary-markdown.ts';
import { runEvents } from './support/run-events.ts';

const hour = 3_600_000;

const series = (values: readonly (readonly [number, number])[]): Series => {
  const made = new Series();
  for (const [at, value] of values) made.add(at, value);
  return made;
};

describe('drift', () => {
  test('of a line is its slope, however many points there are', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 5, max: 3000 }),
        fc.integer({ min: -50, max: 50 }),
        fc.integer({ min: 15_000, max: 100_000 }),
        (count, slope, step) => {
          const line = series(
            Array.from({ length: count }, (_, index) => [index * step, 1000 + (slope * index * step) / hour]),
          );
          expect(line.perHour()).toBeCloseTo(slope, 6);
          expect(line.count).toBe(count);
        },
      ),
      { numRuns: 30 },
    );
  });

  test('single values far off do not decide', () => {
    const values = Array.from({ length: 50 }, (_, index): [number, number] => [
      index * 60_000,
      index % 10 === 3 ? 90_000 : 1000 + index,
    ]);
    expect(series(values).perHour()).toBeCloseTo(60, 0);
    expect(series(values).largest).toBe(90_000);
  });

  test.each<[string, readonly (readonly [number, number])[]]>([
    ['nothing', []],
    ['four rounds', [1, 2, 3, 4].map((n) => [n * hour, n])],
    ['less than a minute', [1, 2, 3, 4, 5, 6].map((n) => [n * 9000, n])],
  ])('is not told of %s', (_name, values) => {
    expect(series(values).perHour()).toBeUndefined();
  });

  test('the median is of values that come from all of the time', () => {
    const many = series(Array.from({ length: 10_000 }, (_, index) => [index, index]));
    expect(many.median()).toBeGreaterThan(4800);
    expect(many.median()).toBeLessThan(5200);
    expect([many.first, many.last, many.largest]).toEqual([0, 9999, 9999]);
  });
});

const ended = (round: number, at: number, ms: number, outcome: Outcome, memory: number): EventBody => ({
  type: 'round-ended',
  ...{ round, outcome, roundMs: ms, soakMs: at },
  suites: [
    {
      ...{ suite: 'api', outcome, ms, memoryPeakBytes: 100 * 2 ** 20 },
      counts: { ...noCounts, total: 3, failed: outcome === 'failed' ? 2 : 0 },
      attempts: { first: round, last: round },
    },
  ],
  releases: [{ release: 'db', restarts: round === 7 ? 1 : 0, memoryBytes: memory }],
});

/** Six hours, a round in ten minutes: a suite that gets slower by 6 s, a release that grows by 6 MiB in an hour. */
const sixHours = (): RunView =>
  viewOf(
    runEvents([
      [0, { type: 'run-started', run: 'r', tier: 'e2e', suites: ['api'], ket: '0', soakMs: 6 * hour }],
      ...Array.from({ length: 36 }, (_, index): [number, EventBody][] => {
        const at = (index + 1) * 600_000;
        const round = index + 1;
        return [
          [at - 1000, { type: 'round-started', round }],
          [
            at,
            ended(
              round,
              at,
              60_000 + index * 1000,
              round === 20 ? 'failed' : 'passed',
              (100 + index) * 2 ** 20,
            ),
          ],
        ];
      }).flat(),
      [
        6 * hour,
        {
          ...{ type: 'soak-ended', why: 'time', askedMs: 6 * hour, lastedMs: 6 * hour },
          ...{ rounds: 36, removedRounds: 31 },
        },
      ],
    ]),
  );

describe('the reports of a soak', () => {
  test('soak.json has durations, memory, restarts and errors per hour', () => {
    const view = sixHours();
    if (view.soak === undefined) throw new Error('no soak');
    const json = soakJson(view, view.soak);
    expect(json).toMatchObject({
      ...{ v: 1, run: 'r', tier: 'e2e', ended: 'time', removedRounds: 31 },
      rounds: { total: 36, passed: 35, failed: 1 },
      suites: [{ suite: 'api', ms: { perHour: 6000, rounds: 35 }, memoryPeakBytes: { perHour: 0 } }],
      releases: [
        { release: 'db', restarts: 1, restartsPerHour: 1 / 6, memoryBytes: { perHour: 6 * 2 ** 20 } },
      ],
      errors: { total: 2, perHour: 2 / 6 },
      restarts: { total: 1, perHour: 1 / 6 },
      badRounds: [{ round: 20, suites: [{ suite: 'api', folders: ['suites/api/attempt-20'] }] }],
    });
    expect(json.hours.slice(0, 4)).toEqual([
      { rounds: 5, bad: 0, errors: 0, restarts: 0 },
      { rounds: 6, bad: 0, errors: 0, restarts: 1 },
      { rounds: 6, bad: 0, errors: 0, restarts: 0 },
      { rounds: 6, bad: 1, errors: 2, restarts: 0 },
    ]);
  });

  test('the summary has the same as tables', () => {
    const page = summaryMarkdown(sixHours());
    expect(page).toContain(
      'soak: 36 rounds in 6 h of 6 h: 1 failed, 35 passed; ended because the time is over',
    );
    expect(page).toContain('errors: 2, 0.3 per hour · restarts: 1, 0.2 per hour');
    expect(page).toContain(
      '| api | 1 failed, 35 passed | 1 min 17 s | +6 s (+7.8 %) | 100.0 MiB | +0 B (+0.0 %) |  |',
    );
    expect(page).toContain('| release db |  |  |  | 135.0 MiB | +6.0 MiB (+5.1 %) | 1 |');
    expect(page).toContain('| 4 | 6 | 1 | 2 | 0 |');
  });

  test('so has the terminal, in lines', () => {
    const lines = finalBlock(sixHours(), { style: noStyle, columns: 200 });
    expect(lines).toContain('rounds that did not pass: 20 (failed)');
    expect(lines).toContainEqual(
      expect.stringMatching(/^ {2}api {9}1 failed, 35 passed {2}1 min 17 s {2}\+6 s/),
    );
    expect(lines).toContainEqual(expect.stringMatching(/^ {2}release db .* \+6\.0 MiB \(\+5\.1 %\)/));
  });

  test('a log that ends in a round still has what was before', () => {
    const events = runEvents([
      [0, { type: 'run-started', run: 'r', tier: 'e2e', suites: ['api'], ket: '0', soakMs: hour }],
      [1, { type: 'round-started', round: 1 }],
      [600, ended(1, 600, 600, 'passed', 1)],
      [601, { type: 'round-started', round: 2 }],
    ]);
    expect(summaryMarkdown(viewOf(events))).toContain('soak: 1 round in 600 ms of 1 h: 1 passed\n');
  });
});
