import { expect, test } from '@jest/globals';
import { notRunLines, seriesBlock, type SeriesEntry } from '../../src/report/series.ts';
import { noStyle } from '../../src/report/style.ts';

const counts = { total: 12, passed: 11, failed: 1, errors: 0, skipped: 0 };
const entries: readonly SeriesEntry[] = [
  {
    tier: 'unit',
    ran: { outcome: 'flaky', counts: { ...counts, failed: 0 }, runMs: 8100, folder: 'ket-results/a' },
    exitCode: 0,
  },
  { tier: 'integration', ran: { outcome: 'failed', counts, runMs: 120_000, folder: 'b' }, exitCode: 1 },
  { tier: 'load', why: 'it has none of the suites that are asked for' },
  { tier: 'e2e', why: 'no\u001b[2J cluster', exitCode: 3 },
];

test('a line each: outcome, counts, time, folder; and the verdict over all', () => {
  expect(seriesBlock(entries, 1, noStyle)).toEqual([
    '',
    '  ~ unit         flaky        11 passed · 8.1 s · ket-results/a',
    '  ✗ integration  failed       1 failed, 11 passed · 2 min · b',
    '  - load         did not run  it has none of the suites that are asked for',
    '  ! e2e          did not run  no cluster',
    'FAILED  2 runs · 2 did not run · 2 min 8 s · exit code 1',
  ]);
});

test.each<[readonly SeriesEntry[], 0 | 3 | 130, string]>([
  [entries.slice(0, 1), 0, 'FLAKY  1 run · 8.1 s · exit code 0'],
  [entries.slice(3), 3, 'INFRA-ERROR  0 runs · 1 did not run · 0 ms · exit code 3'],
  [entries.slice(0, 1), 130, 'CANCELLED  1 run · 8.1 s · exit code 130'],
])('the verdict, case %#', (some, exitCode, line) => {
  expect(seriesBlock(some, exitCode, noStyle).at(-1)).toBe(line);
});

test('runs of one tier are told apart by their version', () => {
  const versions = ['1.33', '1.34.3'].map((kubernetes) => ({ tier: 'e2e', kubernetes, why: 'any' }));
  expect(notRunLines(versions)).toEqual([
    'tier e2e, Kubernetes 1.33 did not run: any',
    'tier e2e, Kubernetes 1.34.3 did not run: any',
  ]);
});

test('what did not run, for those who see no table', () => {
  expect(notRunLines(entries)).toEqual([
    'tier load did not run: it has none of the suites that are asked for',
    'tier e2e did not run: no cluster',
  ]);
});
