import { describe, expect, test } from '@jest/globals';
import type { EventBody } from '../../src/model/events.ts';
import type { Outcome } from '../../src/model/outcome.ts';
import type { Annotation } from '../../src/report/annotations.ts';
import { checkRunEnd, checkRunStart } from '../../src/report/check-run.ts';
import { viewOf } from '../../src/report/model.ts';
import { mixedRun, runEvents } from './support/run-events.ts';

const completedAt = '2026-01-02T03:05:00.000Z';
const mixed = viewOf(runEvents(mixedRun));
const many = (n: number, more: Partial<Annotation> = {}): Annotation[] =>
  Array.from({ length: n }, (_, i) => ({ level: 'error', title: `t ${i}`, message: 'm', ...more }));

test('a check that begins', () => {
  const options = { name: 'ket: integration', headSha: 'a'.repeat(40), runId: 'r1', startedAt: completedAt };
  expect(checkRunStart({ ...options, detailsUrl: 'https://github.com/o/r/actions/runs/5' })).toEqual({
    name: 'ket: integration',
    head_sha: 'a'.repeat(40),
    status: 'in_progress',
    started_at: completedAt,
    external_id: 'r1',
    details_url: 'https://github.com/o/r/actions/runs/5',
  });
  expect(checkRunStart({ ...options, name: ' \n' }).name).toBe('ket');
});

test('a check that ends: conclusion, title and page first, annotations after them', () => {
  const end = checkRunEnd(mixed, {
    annotations: many(1, { file: 'a.py', line: 3 }),
    completedAt,
    folder: 'f',
  });
  expect(end.complete).toEqual({
    status: 'completed',
    conclusion: 'failure',
    completed_at: completedAt,
    output: {
      title: 'failed: 1 failed, 4 passed',
      summary: expect.stringMatching(/^## ❌ failed: tier integration\n/),
    },
  });
  expect(end.more).toEqual([
    {
      output: {
        ...end.complete.output,
        annotations: [
          {
            path: 'a.py',
            start_line: 3,
            end_line: 3,
            annotation_level: 'failure',
            title: 't 0',
            message: 'm',
          },
        ],
      },
    },
  ]);
});

const ended = (outcome: Outcome, exitCode: 0 | 1 | 2 | 3 | 130): EventBody => ({
  type: 'run-ended',
  outcome,
  exitCode,
  counts: { total: 0, passed: 0, failed: 0, errors: 0, skipped: 0 },
  runMs: 1,
});

test.each([
  ['passed', 0, 'success'],
  ['flaky', 0, 'success'],
  ['skipped', 0, 'skipped'],
  ['failed', 1, 'failure'],
  ['infra-error', 3, 'failure'],
  ['infra-error', 2, 'failure'],
  ['cancelled', 130, 'cancelled'],
  // What contradicts itself is no success.
  ['passed', 3, 'failure'],
  ['skipped', 2, 'failure'],
] as const)('%s with exit code %i is %s', (outcome, exitCode, conclusion) => {
  const view = viewOf(runEvents([[1, ended(outcome, exitCode)]]));
  expect(checkRunEnd(view, { annotations: [], completedAt }).complete.conclusion).toBe(conclusion);
});

test('no verdict is a failure', () => {
  const end = checkRunEnd(viewOf([]), { annotations: [], completedAt });
  expect(end.complete).toMatchObject({ conclusion: 'failure', output: { title: 'no verdict' } });
  expect(end.more).toEqual([]);
});

describe('within the limits of GitHub', () => {
  test.each([
    [0, []],
    [1, [1]],
    [50, [50]],
    [51, [50, 1]],
    [200, [50, 50, 50, 50]],
    [5000, [50, 50, 50, 50]],
  ])('%i annotations come in batches of %j', (n, batches) => {
    const { more } = checkRunEnd(mixed, { annotations: many(n), completedAt });
    expect(more.map(({ output }) => output.annotations?.length)).toEqual(batches);
    const last = more.at(-1)?.output.annotations?.at(-1);
    if (n > 200)
      expect(last).toMatchObject({
        annotation_level: 'notice',
        message: '4801 more problems: the summary has all of them',
      });
  });

  test.each([
    ['é'.repeat(100_000), 64_000],
    ['日'.repeat(40_000), 64_000],
    ['😀'.repeat(40_000), 64_000],
    ['', 64_000],
  ])('a message or title of any length and any characters', (text, most) => {
    const { more } = checkRunEnd(mixed, {
      annotations: many(1, { title: text, message: text }),
      completedAt,
    });
    const [found] = more[0]?.output.annotations ?? [];
    const { title = '', message = '' } = found ?? {};
    expect(Buffer.byteLength(message)).toBeLessThanOrEqual(most);
    expect(Buffer.byteLength(title)).toBeLessThanOrEqual(255);
    expect(title.length * message.length).toBeGreaterThan(0);
    expect(title + message).not.toMatch(/[\u{10000}-\u{10ffff}]/u);
    expect((title + message).isWellFormed()).toBe(true);
  });

  test.each([
    [{ level: 'notice' }, { annotation_level: 'notice', path: '.github', start_line: 1 }],
    [
      { level: 'warning', file: 'a', line: 0 },
      { annotation_level: 'warning', path: 'a', start_line: 1 },
    ],
    [
      { file: 'a', line: 2.9 },
      { annotation_level: 'failure', start_line: 2, end_line: 2 },
    ],
    [
      { title: 'a\u0000\nb', message: '\ud800x' },
      { title: 'a\ufffd b', message: '\ufffdx' },
    ],
  ] as const)('%j has the form that is asked for', (found, expected) => {
    const { more } = checkRunEnd(mixed, { annotations: many(1, found), completedAt });
    expect(more[0]?.output.annotations?.[0]).toMatchObject(expected);
  });

  test('a page of 5 MiB is at most 65535 bytes, verdict first', () => {
    const counts = { total: 5000, passed: 0, failed: 5000, errors: 0, skipped: 0 };
    const big = viewOf(
      runEvents([
        [0, { type: 'run-started', run: 'r', tier: 't', suites: ['s'], ket: '1' }],
        ...Array.from({ length: 5000 }, (_, i): readonly [number, EventBody] => [
          1,
          {
            type: 'case',
            suite: 's',
            attempt: 1,
            name: `case ${i} \ud800`,
            status: 'failed',
            caseMs: 1,
            message: 'ü'.repeat(500),
          },
        ]),
        [
          2,
          {
            type: 'suite-ended',
            suite: 's',
            outcome: 'failed',
            message: 'm',
            counts,
            attempts: 1,
            suiteMs: 1,
          },
        ],
        [3, ended('failed', 1)],
      ]),
    );
    const { summary } = checkRunEnd(big, { annotations: [], completedAt }).complete.output;
    expect(Buffer.byteLength(summary)).toBeLessThanOrEqual(65_535);
    expect(Buffer.byteLength(summary)).toBeGreaterThan(20_000);
    expect(summary).toMatch(/^## ❌ failed: tier t\n/);
    expect(summary).toContain('| `s` |');
    expect(summary.isWellFormed()).toBe(true);
  });

  test('a page that is nearly too long is not one byte too long', () => {
    const sizes = Array.from({ length: 24 }, (_, i) => {
      const cases = Array.from({ length: 17 }, (_case, n): readonly [number, EventBody] => [
        1,
        {
          ...{ type: 'case', suite: 's', attempt: 1, name: `case ${n}`, status: 'failed', caseMs: 1 },
          message: 'm'.repeat(n === 0 ? i * 170 : 4000),
        },
      ]);
      const view = viewOf(runEvents([...cases, [3, ended('failed', 1)]]));
      return Buffer.byteLength(checkRunEnd(view, { annotations: [], completedAt }).complete.output.summary);
    });
    expect(Math.max(...sizes)).toBeLessThanOrEqual(65_535);
    expect(Math.max(...sizes)).toBeGreaterThan(65_300);
  });
});
