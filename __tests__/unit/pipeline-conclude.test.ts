import fs from 'node:fs';
import path from 'node:path';
import { afterEach, describe, expect, test } from '@jest/globals';
import { KetError } from '../../src/model/errors.ts';
import type { RunEvent } from '../../src/model/events.ts';
import { maskerOf } from '../../src/model/mask.ts';
import { noCounts, type Outcome } from '../../src/model/outcome.ts';
import type { Plan } from '../../src/model/plan.ts';
import type { Task } from '../../src/model/task.ts';
import { conclude, type Executed } from '../../src/pipeline/conclude.ts';
import { openEventLog } from '../../src/pipeline/event-log.ts';
import type { TaskResult } from '../../src/pipeline/executor.ts';
import { openJournal } from '../../src/pipeline/journal.ts';
import { openState } from '../../src/pipeline/state.ts';
import type { SuiteReport } from '../../src/suites/suite.ts';
import { folder, removeFolders } from './support/folder.ts';
import { aPlan, fakeClock, fakeDeps } from './support/phases.ts';
import { aProcessSuite } from './support/suites.ts';

afterEach(removeFolders);

const suite = aProcessSuite({ name: 'a' });
const suiteTask = { id: 'suite a', title: 'a' } as unknown as Task<SuiteReport>;
const setUp = { id: 'install shop', title: 'install release shop' } as unknown as Task;
const counts = { ...noCounts, total: 1, passed: 1 };
const ended = (outcome: Outcome): TaskResult => ({
  outcome: 'done',
  output: { suite, outcome, verdict: { outcome, message: '' }, counts, attempts: 1, ms: 10, kept: [] },
});

/** The end of a run of one suite, and of a task before it. */
async function concluded(
  results: { readonly suite?: TaskResult; readonly setUp?: TaskResult },
  more: {
    readonly plan?: Partial<Plan>;
    readonly options?: Partial<Executed['options']>;
    readonly ms?: number;
  } = {},
) {
  const home = folder();
  const clock = fakeClock();
  clock.passed = more.ms ?? 0;
  const events: RunEvent[] = [];
  const plan = aPlan({ suites: [suite], ...more.plan });
  const { run, end: state } = { run: 'r1', end: await openState(home, 'r1', home) };
  const log = openEventLog(
    path.join(home, 'events.ndjson'),
    clock,
    [{ name: 'test', event: (event) => void events.push(event) }],
    maskerOf(new Map()),
  );
  const end = await conclude({
    options: {
      connect: () => Promise.reject(new Error('no cluster')),
      cancel: new AbortController().signal,
      writeReports: () => Promise.resolve([]),
      deps: fakeDeps([], clock),
      ...more.options,
    },
    ...{ runId: run, folder: home, plan, state, log, began: 0 },
    journal: openJournal(path.join(home, 'r1.journal'), { v: 1 } as never),
    composition: { tasks: [setUp, suiteTask], suites: plan.suites.map(() => suiteTask), collects: [] },
    results: new Map([
      ...(results.suite === undefined ? [] : [[suiteTask, results.suite] as const]),
      ...(results.setUp === undefined ? [] : [[setUp, results.setUp] as const]),
    ]),
  });
  const files = fs.readdirSync(home);
  return { end, events, files };
}
const failed = (code: 'KET_RELEASE' | 'KET_PREREQUISITE' | 'KET_RIGHTS' | 'KET_CHECK'): TaskResult => ({
  outcome: 'failed',
  error: new KetError(code, 'it broke'),
});

describe('the exit code at the end', () => {
  const cancelled = new AbortController();
  cancelled.abort(new Error('stop'));
  test.each<[string, Parameters<typeof concluded>, [number, Outcome]]>([
    ['all is well', [{ suite: ended('passed'), setUp: { outcome: 'done' } }], [0, 'passed']],
    [
      'something failed that no suite needed',
      [{ suite: ended('passed'), setUp: failed('KET_RELEASE') }],
      [3, 'infra-error'],
    ],
    [
      'a test failed, and something else too',
      [{ suite: ended('failed'), setUp: failed('KET_RELEASE') }],
      [1, 'failed'],
    ],
    [
      'the suite could not run, for what the user can mend',
      [{ suite: { outcome: 'skipped', reason: 'preflight failed' }, setUp: failed('KET_PREREQUISITE') }],
      [2, 'infra-error'],
    ],
    [
      'the suite could not run',
      [{ suite: { outcome: 'skipped', reason: 'install shop failed' }, setUp: failed('KET_RELEASE') }],
      [3, 'infra-error'],
    ],
    [
      'ket check: a check does not hold',
      [{ setUp: failed('KET_CHECK') }, { options: { checksOnly: true }, plan: { suites: [] } }],
      [3, 'infra-error'],
    ],
    [
      'ket up: no rights',
      [{ setUp: failed('KET_RIGHTS') }, { options: { up: true }, plan: { suites: [] } }],
      [2, 'infra-error'],
    ],
    [
      'cancelled',
      [{ suite: ended('passed') }, { options: { cancel: cancelled.signal } }],
      [130, 'cancelled'],
    ],
  ])('%s', async (_, [results, more], [exitCode, outcome]) => {
    const { end, events, files } = await concluded(results, more);
    expect([end.exitCode, end.outcome]).toEqual([exitCode, outcome]);
    expect(events.at(-1)).toMatchObject({ type: 'run-ended', exitCode, outcome });
    expect(files).toEqual(['events.ndjson']);
  });

  test('a suite without a result is told with the reason', async () => {
    const { events } = await concluded({ suite: { outcome: 'skipped', reason: 'check db-up failed' } });
    expect(events.find(({ type }) => type === 'suite-ended')).toMatchObject({
      ...{ suite: 'a', outcome: 'skipped', message: 'not run: check db-up failed', attempts: 0 },
    });
  });
});

describe('the budget at the end', () => {
  const passed = { suite: ended('passed') };
  const warnings = ({ events }: { readonly events: readonly RunEvent[] }): string[] =>
    events.flatMap((event) => (event.type === 'notice' && event.level === 'warning' ? [event.text] : []));

  test('over it is a warning, and no failure', async () => {
    const ran = await concluded(passed, { plan: { budget: { timeMs: 60_000 } }, ms: 61_000 });
    expect(ran.end.exitCode).toBe(0);
    expect(warnings(ran)).toEqual(['over budget: the run took 1 min 1 s, and its tier has 1 min']);
    expect(ran.events.at(-1)).toMatchObject({ budget: { timeMs: 60_000, usedMs: 61_000 } });
  });

  test('is not that of ket up, which is no run of the tier', async () => {
    const ran = await concluded(
      {},
      { plan: { suites: [], budget: { timeMs: 1 } }, ms: 61_000, options: { up: true } },
    );
    expect(warnings(ran)).toEqual([]);
  });
});
