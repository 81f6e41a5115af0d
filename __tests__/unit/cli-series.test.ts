import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { runSeries, type SeriesRun } from '../../src/cli/series.ts';
import { KetError } from '../../src/model/errors.ts';
import { noCounts, runOutcomeOf, type ExitCode, type Outcome } from '../../src/model/outcome.ts';
import type { RunEnd } from '../../src/pipeline/run-options.ts';

const outcomes: Readonly<Record<ExitCode, Outcome>> = {
  0: 'passed',
  1: 'failed',
  2: 'infra-error',
  3: 'infra-error',
  130: 'cancelled',
};
const end = (exitCode: ExitCode): RunEnd => ({
  outcome: outcomes[exitCode],
  exitCode,
  runId: 'r',
  folder: 'ket-results/r',
  counts: noCounts,
  runMs: 1000,
});
const broken = new KetError('KET_CLUSTER', 'no cluster');

/** Each run ends with its code, `broken`, or was not asked for (`none`); gives what began and how each ended. */
async function series(
  codes: readonly (ExitCode | 'broken' | 'none')[],
  more: { failFast?: boolean; cancelDuring?: number; cancelBefore?: boolean } = {},
): Promise<{ began: number[]; ends: string[]; exitCode: ExitCode }> {
  const began: number[] = [];
  const cancel = new AbortController();
  if (more.cancelBefore === true) cancel.abort();
  const runs = codes.map((code, index): SeriesRun => {
    const tier = `t${index}`;
    if (code === 'none') return { tier };
    const run = (): Promise<RunEnd> => {
      began.push(index);
      if (more.cancelDuring === index) cancel.abort();
      return code === 'broken' ? Promise.reject(broken) : Promise.resolve(end(code));
    };
    return { tier, run, failFast: more.failFast === true };
  });
  const { entries, exitCode } = await runSeries(runs, { cancel: cancel.signal, failed: () => 3 });
  expect(entries.map(({ tier }) => tier)).toEqual(runs.map(({ tier }) => tier));
  return { began, ends: entries.map(({ ran, why }) => ran?.outcome ?? why ?? ''), exitCode };
}

const failFastWhy = 'tier t0 did not pass, and fail-fast lets that end everything';

describe('several runs of one command', () => {
  test.each<
    [string, Parameters<typeof series>[0], Parameters<typeof series>[1], Awaited<ReturnType<typeof series>>]
  >([
    [
      'one after another; one that failed keeps none from running',
      [1, 3, 0],
      {},
      { began: [0, 1, 2], ends: ['failed', 'infra-error', 'passed'], exitCode: 1 },
    ],
    [
      'one that could not begin counts, and keeps none from running',
      [0, 'broken', 0],
      {},
      { began: [0, 1, 2], ends: ['passed', 'no cluster', 'passed'], exitCode: 3 },
    ],
    [
      'one without the suites is left out, and changes no exit code',
      ['none', 0],
      {},
      { began: [1], ends: ['it has none of the suites that are asked for', 'passed'], exitCode: 0 },
    ],
    [
      'a cancel: the running one ends, and no other starts',
      [0, 130, 0],
      { cancelDuring: 1 },
      { began: [0, 1], ends: ['passed', 'cancelled', 'cancelled before it started'], exitCode: 130 },
    ],
    [
      'a cancel that the running one was too far for is one still, where others did not start',
      [0, 0],
      { cancelDuring: 0 },
      { began: [0], ends: ['passed', 'cancelled before it started'], exitCode: 130 },
    ],
    [
      'a cancel that came too late for the last',
      [0, 0],
      { cancelDuring: 1 },
      { began: [0, 1], ends: ['passed', 'passed'], exitCode: 0 },
    ],
    [
      'a cancel before the first',
      [0],
      { cancelBefore: true },
      { began: [], ends: ['cancelled before it started'], exitCode: 130 },
    ],
    [
      'fail-fast',
      [1, 0, 'none'],
      { failFast: true },
      {
        began: [0],
        ends: ['failed', failFastWhy, 'it has none of the suites that are asked for'],
        exitCode: 1,
      },
    ],
    [
      'fail-fast and nothing that failed',
      [0, 0],
      { failFast: true },
      { began: [0, 1], ends: ['passed', 'passed'], exitCode: 0 },
    ],
  ])('%s', async (_, codes, more, expected) => {
    expect(await series(codes, more)).toEqual(expected);
  });

  const anyCode = fc.constantFrom<ExitCode[]>(0, 1, 2, 3, 130);

  test('the exit code is that of the worst, whatever the order', async () => {
    const order: readonly ExitCode[] = [0, 2, 3, 1, 130];
    await fc.assert(
      fc.asyncProperty(fc.array(anyCode, { minLength: 1, maxLength: 6 }), async (codes) => {
        const { exitCode } = await series(codes);
        expect(order.indexOf(exitCode)).toBe(Math.max(...codes.map((code) => order.indexOf(code))));
        expect(
          runOutcomeOf(
            codes.map((code) => ({ outcome: outcomes[code] })),
            exitCode,
          ),
        ).toBe(outcomes[exitCode]);
      }),
    );
  });
});
