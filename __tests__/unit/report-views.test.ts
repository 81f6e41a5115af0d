import { describe, expect, test } from '@jest/globals';
import type { EventBody } from '../../src/model/events.ts';
import { finalBlock } from '../../src/report/final.ts';
import { elapsed, truncate, wrap } from '../../src/report/format.ts';
import { PassThrough } from 'node:stream';
import { jsonSink } from '../../src/report/json.ts';
import { lastAttempt, phasesOf, viewOf } from '../../src/report/model.ts';
import { plainSink } from '../../src/report/plain.ts';
import { noStyle, styleFor, suiteColour } from '../../src/report/style.ts';
import { timings } from '../../src/report/timings.ts';
import { mixedRun, runEvents } from './support/run-events.ts';
import { feed, screen } from './support/screen.ts';

const events = runEvents(mixedRun);

describe('the fold', () => {
  const view = viewOf(events);

  test('knows suites, attempts, cases', () => {
    expect([...view.suites.values()].map((s) => [s.name, s.ended?.outcome, s.attempts.length])).toEqual([
      ['api', 'failed', 1],
      ['db', 'flaky', 2],
      ['k8s', 'infra-error', 1],
      ['slow', undefined, 0],
    ]);
    const api = view.suites.get('api');
    const attempt = api === undefined ? undefined : lastAttempt(api);
    expect(attempt).toMatchObject({ pod: 'api-1-x7', firstLogMs: 46_000, bad: [{ name: 'test_total' }] });
  });

  test('knows phases from their first start to their last end', () => {
    expect(phasesOf(view).map((p) => [p.phase, p.startMs, p.endMs, p.tasks.length])).toEqual([
      ['tools', 5, 180, 1],
      ['cluster', 181, 31_500, 1],
      ['images', 182, 12_300, 1],
      ['releases', 31_501, 53_100, 2],
      ['suites', 44_001, 53_003, 4],
    ]);
  });

  test('takes a log without its beginning', () => {
    for (let from = 0; from < events.length; from++) {
      const part = viewOf(events.slice(from));
      expect(() => finalBlock(part, { style: noStyle })).not.toThrow();
      expect(() => timings(events.slice(from))).not.toThrow();
    }
  });
});

test('at level warning only what went wrong is said, and the verdict', () => {
  const { stream, text } = screen();
  feed(plainSink({ stream, env: {}, level: 'warning' }), events);
  expect(text()).toContain('✗ api: failed');
  expect(text()).toContain('FAILED');
  expect(text()).not.toMatch(/▸|k8s {2}│|✓ build/);
});

test('timings have every phase, task, step and attempt', () => {
  const found = timings(events);
  expect(found).toMatchObject({ v: 1, run: '0102-030405-ab12', tier: 'integration', runMs: 54_200 });
  expect(found.phases.find((p) => p.phase === 'cluster')).toEqual({
    phase: 'cluster',
    startMs: 181,
    endMs: 31_500,
    ms: 31_319,
    tasks: [
      {
        task: 'cluster create',
        title: 'start Kubernetes in cluster ket-0102',
        outcome: 'done',
        startMs: 181,
        endMs: 31_500,
        ms: 31_319,
        steps: [
          { step: 'Preparing nodes', startMs: 400, endMs: 9_400, ms: 9_000 },
          { step: 'Starting control-plane', startMs: 10_000, endMs: 31_000, ms: 21_000 },
        ],
      },
    ],
  });
  expect(found.phases.flatMap((p) => p.tasks).find((t) => t.task === 'suite slow')).toEqual({
    task: 'suite slow',
    title: 'suite slow',
    outcome: 'skipped',
    steps: [],
  });
  expect(found.attempts[0]).toEqual({
    suite: 'api',
    attempt: 1,
    startMs: 45_000,
    endMs: 48_010,
    ms: 3_010,
    firstLogMs: 1_000,
    outcome: 'failed',
    memoryPeakBytes: 52_428_800,
    cpuMs: 900,
  });
});

const closing = `
✗ api  failed
    1 of 3 tests failed: test_total
    ✗ tests.test_orders › test_total
        assert 3 == 4
         +  where 3 = total([1, 2])
    last lines of suites/api/attempt-1/console.log:
    │ tests/test_orders.py ..F
    │ FAILED tests/test_orders.py::test_total
    │ 1 failed, 2 passed in 1.02s
~ db  flaky
    2 tests passed, after 1 failed attempt (1 of 2 tests failed: test_lock)
    ✗ tests.test_db › test_lock
        OperationalError: deadlock
! k8s  infra-error (no-proof)
    exit code 0, but no JUnit file was found in its results; add
    --junitxml=/results/junit.xml, or set \`expectTests: false\` to judge it by
    its exit code alone
    last lines of suites/k8s/attempt-1/console.log:
    │ all good, trust me

! release cache  KET_RELEASE
    pod shop-cache-0: its image cannot be pulled (ErrImagePull)
    at release cache
    │ Failed to pull image "redis:nope"
    next: check the name of the image in values-integration.yaml

  ✗ api   failed       1 failed, 2 passed · 4 s
  ~ db    flaky        2 passed · 7 s · 2 attempts
  ! k8s   infra-error  no tests · 9 s
  - slow  skipped      did not run: release cache failed

warning: api: junit.xml: characters that XML or the encoding does not allow
    were replaced

left behind: namespace ket-k8s (the API server did not answer)
    next: ket cleanup
kept until 04:04: cluster ket-0102
    ket shell api
    ket down
results: ket-results/x

FAILED  tier integration · 4 suites: 1 failed, 1 infra-error, 1 flaky · tests: 1
        failed, 4 passed · 54.2 s · exit code 1`;

test('the closing block', () => {
  const lines = finalBlock(viewOf(events), { style: noStyle, columns: 80, folder: 'ket-results/x' });
  expect(lines.join('\n')).toBe(closing);
});

describe('plain', () => {
  test('has a line per event, with the time, and the closing block', () => {
    const { stream, text } = screen();
    feed(plainSink({ stream, env: {}, folder: 'ket-results/x' }), events);
    const lines = text().split('\n');
    expect(lines.slice(0, 8)).toEqual([
      '    0.0s  ket 0.1.0 · run 0102-030405-ab12 · tier integration · cluster ket-0102 · api, db, k8s, slow',
      '    0.0s  ▸ find kind v0.30.0 and Helm v4.0.0',
      '    0.2s  ✓ find kind v0.30.0 and Helm v4.0.0 175 ms',
      '    0.2s  ▸ start Kubernetes in cluster ket-0102',
      '    0.2s  ▸ build image shop-api:dev',
      '    0.4s    start Kubernetes in cluster ket-0102: awaiting Preparing nodes',
      '    9.4s    start Kubernetes in cluster ket-0102: Preparing nodes (9 s)',
      '   12.3s  ✓ build image shop-api:dev 12.1 s',
    ]);
    expect(lines).toContain('   46.0s  api  │ ============ test session starts ============');
    expect(lines).toContain('   46.2s  db   │ collected 2 items ');
    expect(lines).toContain('   48.0s  ✗ api: tests.test_orders › test_total: assert 3 == 4');
    expect(lines.join('\n')).not.toContain('suite slow skipped');
    expect(lines.at(-2)).toMatch(/^FAILED {2}tier integration · .* · exit code 1$/);
    expect(text()).not.toContain('\u001b');
  });

  test('on GitHub no line of a test is a workflow command', () => {
    const { stream, text } = screen();
    feed(
      plainSink({ stream, env: { GITHUB_ACTIONS: 'true' } }),
      runEvents([
        [0, { type: 'log', suite: 's', attempt: 1, number: 1, line: '##[add-mask]secret' }],
        [0, { type: 'notice', level: 'warning', text: 'x\n::error::y' }],
      ]),
    );
    expect(text()).not.toMatch(/##\[|^\s*::/m);
  });

  test('says what is awaited once, and not too often', () => {
    const { stream, text } = screen();
    const awaiting = (what: string): EventBody => ({ type: 'task-awaiting', task: 't', what });
    feed(
      plainSink({ stream, env: {} }),
      runEvents([
        [0, awaiting('a')],
        [20_000, awaiting('a')],
        [21_000, awaiting('b')],
        [22_000, awaiting('c')],
        [32_000, awaiting('d')],
      ]),
    );
    expect(text().match(/awaiting ./g)).toEqual(['awaiting a', 'awaiting b', 'awaiting d']);
  });
});

test('json is the stream of events, log lines too, each with its run', () => {
  const { stream, text } = screen();
  feed(jsonSink(stream), events);
  expect(
    text()
      .trimEnd()
      .split('\n')
      .map((line): unknown => JSON.parse(line)),
  ).toEqual(JSON.parse(JSON.stringify(events.map((event) => ({ ...event, run: '0102-030405-ab12' })))));
});

describe('format and style', () => {
  test.each([
    [0, '0s'],
    [59_999, '59s'],
    [60_000, '1m 00s'],
    [3_599_000, '59m 59s'],
    [3_660_000, '1h 01m'],
    [-5, '0s'],
  ])('%i ms is %s', (ms, text) => {
    expect(elapsed(ms)).toBe(text);
  });

  test.each([
    ['abc', 3, 'abc'],
    ['abcd', 3, 'ab…'],
    ['日本語', 5, '日本…'],
    ['日本語', 6, '日本語'],
    ['é́é', 2, 'é́é'],
    ['abc', 0, ''],
  ])('%j in %i columns is %j', (text, columns, cut) => {
    expect(truncate(text, columns)).toBe(cut);
  });

  test('wrap breaks between words', () => {
    expect(wrap('aa bb cccccc d', 5)).toEqual(['aa bb', 'cccccc', 'd']);
  });

  test.each([
    [{ isTTY: true, env: {} }, true],
    [{ isTTY: false, env: {} }, false],
    [{ isTTY: true, env: { NO_COLOR: '1' } }, false],
    [{ isTTY: true, env: { NO_COLOR: '' } }, true],
    [{ isTTY: true, env: { TERM: 'dumb' } }, false],
    [{ isTTY: false, env: { FORCE_COLOR: '1' } }, true],
    [{ isTTY: true, env: { FORCE_COLOR: '1', NO_COLOR: '1' } }, false],
  ])('%j has colours: %j', (input, coloured) => {
    expect(styleFor(input)('red', 'x') !== 'x').toBe(coloured);
  });

  test('a suite has the same colour in every run', () => {
    expect(suiteColour('api')).toBe(suiteColour('api'));
    expect(new Set(['api', 'db', 'k8s', 'e2e', 'smoke', 'load'].map(suiteColour)).size).toBeGreaterThan(2);
  });
});

test('a reader of json that is behind is waited for; one that is gone is not', async () => {
  const stream = new PassThrough({ highWaterMark: 16 });
  const sink = jsonSink(stream);
  expect(sink.room?.()).toBeUndefined();
  feed(sink, events);
  const room = sink.room?.();
  expect(room).toBeInstanceOf(Promise);
  expect(sink.room?.()).toBe(room);
  stream.resume();
  await room;
  expect(sink.room?.()).toBeUndefined();
  stream.pause();
  feed(sink, events);
  const last = sink.room?.();
  stream.destroy();
  await last;
  expect(sink.room?.()).toBeUndefined();
});
