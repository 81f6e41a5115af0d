import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { budgetOf } from '../../src/config/plan-budget.ts';
import type { Budget, BudgetUse } from '../../src/model/budget.ts';
import type { EventBody, RunEvent } from '../../src/model/events.ts';
import { noCounts } from '../../src/model/outcome.ts';
import { budgetUse, overBudget, peakOf } from '../../src/pipeline/budget.ts';
import { budgetText } from '../../src/report/budget.ts';
import { finalBlock } from '../../src/report/final.ts';
import { viewOf } from '../../src/report/model.ts';
import { noStyle } from '../../src/report/style.ts';
import { summaryMarkdown } from '../../src/report/summary-markdown.ts';
import { runEvents } from './support/run-events.ts';

const GiB = 2 ** 30;

describe('the budget of a tier', () => {
  test.each<[string, { time?: string; memory?: string | number } | undefined, Budget | undefined]>([
    ['unit', undefined, { timeMs: 120_000, memoryBytes: 4 * GiB }],
    ['integration', undefined, { timeMs: 300_000, memoryBytes: 8 * GiB }],
    ['e2e', undefined, { timeMs: 720_000, memoryBytes: 16 * GiB }],
    ['staging', undefined, undefined],
    ['constructor', undefined, undefined],
    ['staging', { time: '90s' }, { timeMs: 90_000 }],
    ['unit', { memory: '512Mi' }, { timeMs: 120_000, memoryBytes: GiB / 2 }],
    ['e2e', { time: '1m', memory: GiB }, { timeMs: 60_000, memoryBytes: GiB }],
  ])('%s with %j', (name, budget, expected) => {
    expect(budgetOf(name, { budget }).budget).toEqual(expected);
  });
});

/** An attempt with its peak, and when it ran. */
type Span = readonly [from: number, to: number, bytes?: number];

const attempts = (spans: readonly Span[]): RunEvent[] =>
  runEvents(
    spans.map(([from, to, bytes], index): [number, EventBody] => [
      to,
      {
        type: 'attempt-ended',
        suite: `s${index}`,
        attempt: 1,
        outcome: 'passed',
        message: '',
        counts: noCounts,
        attemptMs: to - from,
        ...(bytes === undefined ? {} : { memoryPeakBytes: bytes }),
      },
    ]),
  );

describe('the memory that suites used at once', () => {
  test.each<[string, readonly Span[], number | undefined]>([
    ['none was measured', [[0, 10]], undefined],
    [
      'one after another',
      [
        [0, 10, 5],
        [11, 20, 7],
      ],
      7,
    ],
    [
      'side by side',
      [
        [0, 10, 5],
        [5, 20, 7],
      ],
      12,
    ],
    [
      'the third begins when the first is over',
      [
        [0, 10, 5],
        [5, 20, 7],
        [12, 30, 1],
      ],
      12,
    ],
    [
      'one that was not measured beside it',
      [
        [0, 10, 5],
        [0, 10],
      ],
      5,
    ],
  ])('%s', (_, spans, expected) => {
    expect(peakOf(attempts(spans))).toBe(expected);
  });

  test('it is at least that of each, and at most that of all', () => {
    const span = fc
      .tuple(fc.nat(50), fc.nat(50), fc.nat(1000))
      .map(([from, ms, bytes]): Span => [from, from + ms, bytes]);
    fc.assert(
      fc.property(fc.array(span, { minLength: 1, maxLength: 8 }), (spans) => {
        const sizes = spans.map(([, , bytes = 0]) => bytes);
        const peak = peakOf(attempts(spans)) ?? -1;
        expect(peak).toBeGreaterThanOrEqual(Math.max(...sizes));
        expect(peak).toBeLessThanOrEqual(sizes.reduce((sum, size) => sum + size, 0));
      }),
    );
  });
});

describe('over budget', () => {
  const budget: Budget = { timeMs: 60_000, memoryBytes: GiB };

  test.each<[string, BudgetUse, string[]]>([
    ['just within', { ...budget, usedMs: 60_000, usedBytes: GiB }, []],
    ['not measured', { ...budget, usedMs: 1 }, []],
    ['no budget for it', { usedMs: 1e9, usedBytes: 9 * GiB }, []],
    [
      'both',
      { ...budget, usedMs: 61_000, usedBytes: 2 * GiB },
      [
        'over budget: the run took 1 min 1 s, and its tier has 1 min',
        'over budget: suites used 2.0 GiB of memory at once, and their tier has 1.0 GiB',
      ],
    ],
  ])('%s', (_, use, expected) => {
    expect(overBudget(use)).toEqual(expected);
  });

  test('what was used stands beside it in the summary and at the end', () => {
    const use = budgetUse(budget, 30_000, attempts([[0, 10, GiB / 2]]));
    expect(budgetText(use)).toBe('budget: 30 s of 1 min · 512.0 MiB of 1.0 GiB of memory');
    expect(budgetText({ ...budget, usedMs: 1000 })).toBe('budget: 1 s of 1 min · memory was not measured');
    const ended = {
      type: 'run-ended',
      outcome: 'passed',
      exitCode: 0,
      counts: noCounts,
      runMs: 30_000,
    } as const;
    const view = viewOf(runEvents([[30_000, { ...ended, budget: use }]]));
    expect(finalBlock(view, { style: noStyle })).toContain(budgetText(use));
    expect(summaryMarkdown(view)).toContain('budget: 30 s of 1 min');
    expect(summaryMarkdown(viewOf(runEvents([[30_000, ended]])))).not.toContain('budget');
  });
});
