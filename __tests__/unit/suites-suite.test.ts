import { describe, expect, test } from '@jest/globals';
import { noCounts, type Counts, type Verdict } from '../../src/model/outcome.ts';
import type { AttemptResult } from '../../src/suites/verdict/attempt-result.ts';
import { runSuite, suiteNotRun, suiteResultOf, type SuiteReport } from '../../src/suites/suite.ts';
import type { JUnitCase } from '../../src/results/junit-case.ts';
import { fakeContext, fakeDeps, type FakeContext } from './support/phases.ts';
import { aRecord, aSuite } from './support/suites.ts';

const counts: Counts = { ...noCounts, total: 2, passed: 2 };

function attempt(verdict: Verdict, over: Partial<AttemptResult> = {}): AttemptResult {
  const proof = { state: 'ok', counts, failedNames: [] } as const;
  return {
    verdict,
    results: { proof, cases: [], files: ['/out/suites/api/attempt-1/results/junit.xml'], problems: [] },
    record: aRecord(),
    lastLines: ['last'],
    started: true,
    ms: 12.4,
    logComplete: true,
    ...over,
  };
}
const passed = attempt({ outcome: 'passed', message: '2 tests passed' });
const failed = attempt({ outcome: 'failed', cause: 'cases', message: '1 of 2 tests failed: b' });
const skipped = attempt({ outcome: 'skipped', message: 'all 2 tests were skipped' });
const infra = attempt({ outcome: 'infra-error', infraClass: 'evicted', message: 'evicted' });
const before = attempt(
  { outcome: 'infra-error', infraClass: 'evicted', message: 'evicted' },
  { started: false },
);
const cancelled = attempt({ outcome: 'cancelled', message: 'cancelled' });

async function suite(
  list: readonly AttemptResult[],
  retries = 2,
): Promise<{ report: SuiteReport; ran: string[]; context: FakeContext }> {
  const context = fakeContext(fakeDeps([]), []);
  const ran: string[] = [];
  const { report } = await runSuite(aSuite({ retries }), 'r', '/out', context, async (id, outDir) => {
    ran.push(`${id.run} ${id.suite} ${id.attempt} ${outDir}`);
    const next = list[id.attempt - 1];
    if (next === undefined) throw new Error('one attempt too many');
    return next;
  });
  return { report, ran, context };
}

describe('a suite', () => {
  test('what an attempt made goes when its verdict is said, and before the next attempt', async () => {
    const context = fakeContext(fakeDeps([]), []);
    const story: string[] = [];
    const said = (): string =>
      context.events
        .map(({ type }) => type)
        .filter((type) => type.endsWith('ended'))
        .join(' ');
    const { leave } = await runSuite(
      aSuite({ retries: 1 }),
      'r',
      '/out',
      context,
      async ({ attempt: number }) => {
        story.push(`attempt ${number}`);
        return {
          ...(number === 1 ? failed : passed),
          leave: async () => void story.push(`leaves after ${said()}`),
        };
      },
    );
    await leave();
    expect(story).toEqual([
      'attempt 1',
      'leaves after attempt-ended',
      'attempt 2',
      'leaves after attempt-ended attempt-ended suite-ended',
    ]);
  });

  test('a console that is not whole is said', async () => {
    const record = aRecord({ console_error: 'No space left on device' });
    const { context } = await suite([{ ...passed, record }]);
    expect(context.events).toContainEqual({
      type: 'notice',
      level: 'warning',
      text: 'api: its console could not be kept whole in the pod: No space left on device',
    });
    expect((await suite([passed])).context.events.filter(({ type }) => type === 'notice')).toEqual([]);
  });

  test.each<[string, AttemptResult[], number, string, RegExp]>([
    ['passed at once', [passed], 2, 'passed', /^2 tests passed$/],
    [
      'a pass after a failure is flaky',
      [failed, passed],
      2,
      'flaky',
      /2 tests passed, after 1 failed attempt \(1 of 2 tests failed: b\)/,
    ],
    ['a pass after two', [failed, failed, passed], 2, 'flaky', /after 2 failed attempts/],
    ['failed until there are no retries left', [failed, failed], 1, 'failed', /^1 of 2/],
    ['no retry asked for', [failed], 0, 'failed', /^1 of 2/],
    ['an infra-error after tests may have run is not tried again', [infra], 2, 'infra-error', /^evicted$/],
    [
      'one before any test ran is, without any retries, and is no flake',
      [before, passed],
      0,
      'passed',
      /^2 tests passed, after an infrastructure error \(evicted\)$/,
    ],
    ['but once', [before, before], 2, 'infra-error', /^evicted$/],
    [
      'and a failure after it has its retries',
      [before, failed, passed],
      1,
      'flaky',
      /after 1 failed attempt/,
    ],
    ['an infra-error after a failure stays one', [failed, infra], 2, 'infra-error', /^evicted$/],
    ['skipped cases are not tried again', [skipped], 2, 'skipped', /^all 2/],
    [
      'a retry that ran no test takes no failure back',
      [failed, skipped],
      2,
      'failed',
      /^1 of 2 .*; in the retry all 2/,
    ],
    ['nor is a cancel', [cancelled], 2, 'cancelled', /^cancelled$/],
  ])('%s', async (_name, list, retries, outcome, message) => {
    const { report, ran, context } = await suite(list, retries);
    expect(ran).toEqual(list.map((_, i) => `r api ${i + 1} /out/suites/api/attempt-${i + 1}`));
    expect(report).toMatchObject({ outcome, verdict: { outcome } });
    expect(report.verdict.message).toMatch(message);
    expect(context.events.filter((e) => e.type === 'attempt-ended').map((e) => e.outcome)).toEqual(
      list.map((a) => a.verdict.outcome),
    );
    expect(context.events.at(-1)).toMatchObject({ type: 'suite-ended', outcome, attempts: list.length });
  });

  test('a case that failed and passed within one attempt makes it flaky', async () => {
    const again = { name: 'a', status: 'passed', flaky: [{ message: 'x' }], properties: [], suites: [] };
    const found = again as unknown as JUnitCase;
    const { report } = await suite([
      attempt(passed.verdict, { results: { ...passed.results, cases: [found] } }),
    ]);
    expect(report.verdict).toEqual({
      outcome: 'flaky',
      message: '2 tests passed, after a failed try within the run',
    });
  });

  test('what an attempt ends with', async () => {
    const { context } = await suite([failed], 0);
    expect(context.events.find((e) => e.type === 'attempt-ended')).toEqual({
      type: 'attempt-ended',
      suite: 'api',
      attempt: 1,
      outcome: 'failed',
      cause: 'cases',
      message: '1 of 2 tests failed: b',
      counts,
      attemptMs: 12,
      exitCode: 0,
      logComplete: true,
      memoryPeakBytes: 50 * 1048576,
      cpuMs: 900,
      junit: [{ path: 'suites/api/attempt-1/results/junit.xml' }],
      console: { path: 'suites/api/attempt-1/console.log' },
      lastLines: ['last'],
    });
  });
});

describe("what the run's exit code depends on", () => {
  const report = async (over: Parameters<typeof aSuite>[0], of: Counts): Promise<SuiteReport> => ({
    ...(await suite([passed])).report,
    suite: aSuite(over),
    counts: of,
  });

  test('cases that were executed; 1 for a suite that is judged by its exit code alone', async () => {
    const some = { ...noCounts, total: 5, skipped: 2, passed: 3 };
    expect(suiteResultOf(await report({}, some))).toMatchObject({ executed: 3, outcome: 'passed' });
    expect(suiteResultOf(await report({ expectTests: false }, noCounts)).executed).toBe(1);
    expect(suiteResultOf(await report({}, noCounts)).executed).toBe(0);
  });

  test('a suite whose own task broke is an infra-error, which allowSkip does not excuse', () => {
    const may = aSuite({ allowSkip: true });
    expect(suiteNotRun(may, false)).toMatchObject({
      outcome: 'skipped',
      allowSkip: true,
      skippedByNeed: true,
    });
    expect(suiteNotRun(may, true)).toMatchObject({ outcome: 'infra-error', executed: 0 });
  });
});
