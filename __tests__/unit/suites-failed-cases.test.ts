import { afterEach, describe, expect, test } from '@jest/globals';
import fs from 'node:fs';
import path from 'node:path';
import type { SuitePlan } from '../../src/model/plan.ts';
import type { RunEvent } from '../../src/model/events.ts';
import { writeReports } from '../../src/report/write-reports.ts';
import type { PodResult } from '../../src/suites/verdict/attempt-result.ts';
import { casesToRetry } from '../../src/suites/verdict/failed-cases.ts';
import { inOnePod, podsOf, together } from '../../src/suites/verdict/pods.ts';
import { runProcess } from '../../src/suites/process.ts';
import { runSuite, type SuiteReport } from '../../src/suites/suite.ts';
import { realClock } from '../../src/tools/clock.ts';
import { exec } from '../../src/tools/exec.ts';
import { folder, removeFolders } from './support/folder.ts';
import { fakeContext, fakeDeps } from './support/phases.ts';
import { aProcessSuite, aProof, aRecord, aSuite } from './support/suites.ts';

afterEach(removeFolders);

/** `-name` fails, `~name` is skipped; `class.name` has a class. */
const cases = (names: string): string =>
  names
    .split(' ')
    .filter((name) => name !== '')
    .map((text) => {
      const [, mark = '', classname = '', name = ''] = /^([-~]?)(?:(.*)\.)?(.*)$/.exec(text) ?? [];
      const inner = mark === '-' ? '<failure message="no"/>' : mark === '~' ? '<skipped/>' : '';
      const attribute = classname === '' ? '' : ` classname="${classname}"`;
      return `<testcase name="${name}"${attribute}>${inner}</testcase>`;
    })
    .join('');

interface Ran {
  readonly report: SuiteReport;
  readonly events: readonly RunEvent[];
  /** What stood in the file of cases to run, for each attempt. */
  readonly asked: readonly string[];
  /** The merged JUnit of the run: outcome and name of each case. */
  readonly merged: readonly string[];
  readonly notices: readonly string[];
}

/** A suite whose attempts leave these cases, and then end as the shell's words say. */
async function run(
  attempts: readonly string[],
  over: Partial<SuitePlan> = {},
  ends: readonly string[] = [],
): Promise<Ran> {
  const [root, out] = [folder(), folder()];
  attempts.forEach((names, index) =>
    fs.writeFileSync(path.join(root, `${index + 1}.xml`), `<testsuite name="s">${cases(names)}</testsuite>`),
  );
  ends.forEach((words, index) => fs.writeFileSync(path.join(root, `${index + 1}.sh`), words));
  const events: RunEvent[] = [];
  const deps = { ...fakeDeps([]), exec, clock: realClock };
  const context = {
    ...fakeContext(deps, []),
    emit: (event: object) => void events.push({ v: 1, seq: 0, time: '', ms: 0, ...event } as RunEvent),
  };
  const suite = aProcessSuite({
    name: 'unit',
    command:
      'cp $KET_ATTEMPT.xml $KET_RESULTS/j.xml; touch $KET_RESULTS/j.xml; cat "${KET_RETRY_CASES:-/dev/null}" > $KET_RESULTS/asked; if [ -e $KET_ATTEMPT.sh ]; then . ./$KET_ATTEMPT.sh; fi; ! grep -q "<failure" $KET_ATTEMPT.xml',
    limitMs: 20_000,
    retries: 2,
    retry: 'failed-cases',
    expectTests: 4,
    ...over,
  });
  const { report } = await runSuite(suite, 'r', out, context, (id, outDir, failed) =>
    runProcess(suite, id, root, outDir, new Map(), context, failed),
  );
  await writeReports(out, events);
  const xml = fs.readFileSync(path.join(out, 'junit.xml'), 'utf8');
  const merged = [...xml.matchAll(/<testcase name="([^"]*)"[^>]*?(\/>|>[\s\S]*?<\/testcase>)/g)].map(
    ([, name = '', inner = '']) =>
      `${/<flakyFailure/.test(inner) ? '±' : /<(failure|error)/.test(inner) ? '-' : /<skipped/.test(inner) ? '~' : '+'}${name}`,
  );
  const read = (attempt: number): string =>
    fs.readFileSync(
      path.join(out, 'suites', 'unit', `attempt-${String(attempt)}`, 'results', 'asked'),
      'utf8',
    );
  return {
    report,
    events,
    merged,
    asked: Array.from({ length: report.attempts }, (_, index) => read(index + 1)),
    notices: events.flatMap((event) => (event.type === 'notice' ? [event.text] : [])),
  };
}

describe('after an attempt of several shards', () => {
  const shard = (over: Partial<PodResult> = {}): PodResult => {
    const file = path.join(folder(), 'j.xml');
    fs.writeFileSync(file, `<testsuite>${cases('a.one -a.two')}</testsuite>`);
    const counts = { total: 2, passed: 1, failed: 1, errors: 0, skipped: 0 };
    return {
      verdict: { outcome: 'failed', cause: 'cases', message: 'x' },
      results: { proof: aProof({ counts }), cases: [], files: [file], problems: [] },
      record: aRecord({ exit_code: 1 }),
      lastLines: [],
      started: true,
      ...over,
    };
  };
  const after = (...pods: readonly PodResult[]): ReturnType<typeof casesToRetry> => {
    const suite = aSuite({ shards: 2, expectTests: 4 });
    return casesToRetry(suite, { ...together(suite, pods), ms: 1 }, undefined);
  };
  const passed: Partial<PodResult> = {
    verdict: { outcome: 'passed', message: 'x' },
    results: { proof: aProof(), cases: [], files: [], problems: [] },
  };

  test('their failed cases run again, in one pod', async () => {
    expect(await after(shard(), shard(passed))).toMatchObject({ cases: ['a.two'] });
    expect(podsOf(inOnePod(aSuite({ shards: 2 }))).count).toBe(1);
  });

  test.each<[string, Partial<PodResult>]>([
    ['whose results are not complete', { ...passed, collectError: 'x' }],
    ['that was stopped', { verdict: { outcome: 'failed', cause: 'timeout', message: 'x' } }],
    ['that crashed', { record: aRecord({ exit_code: 139 }) }],
    ['that nobody knows of', { verdict: { outcome: 'infra-error', infraClass: 'evicted', message: 'x' } }],
    ['whose JUnit is cut', { results: { ...shard().results, proof: aProof({ state: 'cut' }) } }],
  ])('all run again where there is one %s', async (_name, other) => {
    expect(await after(shard(), shard(other))).toHaveProperty('whole');
  });
});

describe('a retry of failed cases only', () => {
  test('passes when each of them passes now; all others stay as they were', async () => {
    const { report, asked, merged, events } = await run(['a.one -a.two ~b.three b.four', 'a.two']);
    expect(asked).toEqual(['', 'a.two\n']);
    expect(report).toMatchObject({
      outcome: 'flaky',
      counts: { total: 4, passed: 3, failed: 0, errors: 0, skipped: 1 },
    });
    expect([...merged].sort()).toEqual(['+four', '+one', '~three', '±two'].sort());
    expect(events.filter((event) => event.type === 'attempt-ended')).toMatchObject([
      { counts: { failed: 1, total: 4 } },
      { counts: { failed: 0, total: 4 }, retriedCases: ['a.two'] },
    ]);
  });

  test.each([
    ['a case that the runner did not run again stays failed', 'a.one', ['-two'], 'two (not run again)'],
    ['a case that was skipped stays failed', '~a.two', ['-two'], 'two (not run again)'],
    ['nor does a case of another class count', 'z.two', ['-two'], 'two (not run again)'],
    ['no case at all', '', ['-two'], 'two (not run again)'],
    ['a case that passed before and fails now', 'a.two -a.one', ['-one'], 'one'],
    ['a new case that fails', 'a.two -a.five', ['-five'], 'five'],
  ])('fails: %s', async (_name, second, bad, named) => {
    const { report, merged } = await run(['a.one -a.two b.three b.four', second], { retries: 1 });
    expect(report.outcome).toBe('failed');
    expect(report.verdict.message).toBe(`1 of ${merged.length} tests failed: ${named}`);
    expect(merged.filter((one) => one.startsWith('-'))).toEqual(bad);
    expect(report.counts).toMatchObject({ total: merged.length, failed: 1 });
  });

  test('cases of one name cannot be told apart: all of them must have run again', async () => {
    const first = 'a.same -a.same b.three b.four';
    const one = await run([first, 'a.same'], { retries: 1 });
    expect(one.report.verdict.message).toBe('1 of 4 tests failed: same (not run again as often as before)');
    expect(one.merged).toContain('-same');
    expect((await run([first, 'a.same a.same'])).report.outcome).toBe('flaky');
    expect((await run([first, 'a.same -a.same'], { retries: 1 })).report.outcome).toBe('failed');
  });

  test('another retry is of what is still failed', async () => {
    const { report, asked, merged } = await run([
      '-a.one -a.two b.three -b.four',
      'a.one -a.two',
      'a.two b.four',
    ]);
    expect(asked).toEqual(['', 'a.one\na.two\nb.four\n', 'a.two\nb.four\n']);
    expect(report.outcome).toBe('flaky');
    expect([...merged].sort()).toEqual(['+three', '±four', '±one', '±two'].sort());
  });

  test('its own exit code counts too', async () => {
    const { report } = await run(['a.one -a.two b.three b.four', 'a.two'], { retries: 1 }, ['', 'exit 5']);
    expect(report.verdict).toMatchObject({ outcome: 'failed', cause: 'exit-code' });
  });

  test.each<[string, string, Partial<SuitePlan>, string]>([
    ['fewer cases than expected', 'a.one -a.two', {}, 'exit 1'],
    ['no failed case', 'a.one a.two b.three b.four', {}, 'exit 1'],
    ['a crash', 'a.one -a.two b.three b.four', {}, 'exit 139'],
    ['a time-out', 'a.one -a.two b.three b.four', { limitMs: 500 }, 'exec sleep 20'],
    [
      'JUnit that is cut',
      'a.one -a.two b.three b.four',
      {},
      'head -c 150 1.xml > $KET_RESULTS/j.xml; exit 1',
    ],
    ['a line that a file cannot hold', 'a.one -a.two&#10; b.three b.four', {}, 'exit 1'],
  ])('the whole suite runs again after %s', async (_name, first, over, end) => {
    const { report, asked, notices } = await run([first, 'a.one a.two b.three b.four'], over, [end]);
    expect(asked).toEqual(['', '']);
    expect(report.outcome).toBe('flaky');
    expect(notices).toContainEqual(expect.stringMatching(/^unit: the whole suite is tried again/));
  });

  test('a green retry with too few cases in all is no proof', async () => {
    const { report } = await run(['a.one -a.two b.three b.four', 'a.two'], { retry: 'suite' });
    expect(report.verdict).toMatchObject({ outcome: 'infra-error', infraClass: 'no-proof' });
  });
});
