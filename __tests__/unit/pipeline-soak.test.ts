import { afterEach, describe, expect, test } from '@jest/globals';
import fs from 'node:fs';
import path from 'node:path';
import v8 from 'node:v8';
import vm from 'node:vm';
import type { Exec } from '../../src/model/deps.ts';
import type { EventBody, RunEvent } from '../../src/model/events.ts';
import type { Outcome } from '../../src/model/outcome.ts';
import type { Plan, SuitePlan } from '../../src/model/plan.ts';
import { eventsIn } from '../../src/pipeline/event-file.ts';
import { runPlan } from '../../src/pipeline/run.ts';
import type { RunEnd } from '../../src/pipeline/run-options.ts';
import { SuiteTally } from '../../src/pipeline/soak-verdict.ts';
import { applyEvent, newRunView, type RunView } from '../../src/report/model.ts';
import type { SoakJson } from '../../src/report/soak-json.ts';
import { writeReports } from '../../src/report/write-reports.ts';
import type { SuiteReport } from '../../src/suites/suite.ts';
import { folder, removeFolders } from './support/folder.ts';
import { aPlan, fakeClock, ok } from './support/phases.ts';
import { aProcessSuite } from './support/suites.ts';

afterEach(removeFolders);

const root = path.join(import.meta.dirname, '..', '..');

interface Soaked {
  readonly end: RunEnd;
  readonly events: readonly RunEvent[];
  readonly view: RunView;
  readonly json: SoakJson;
  readonly state: string;
}

interface How {
  /** What attempt so many of a suite does: `-` fails a case, `!` ends with 3. */
  readonly does?: (suite: string, attempt: number) => string;
  /** How long each takes, ms. */
  readonly lasts?: (attempt: number) => number;
  readonly cancelIn?: number;
  readonly suites?: readonly SuitePlan[];
  readonly onEvent?: (event: RunEvent) => void;
  readonly keepEvents?: boolean;
}

/** A soak of processes that exist only here; time passes in them alone. */
async function soaked(plan: Partial<Plan>, how: How = {}): Promise<Soaked> {
  const home = folder();
  const clock = fakeClock();
  const cancel = new AbortController();
  const exec: Exec = (request) => {
    const { KET_SUITE: suite = '', KET_ATTEMPT = '', KET_RESULTS: results = '' } = request.env ?? {};
    const attempt = Number(KET_ATTEMPT);
    const does = how.does?.(suite, attempt) ?? '';
    clock.passed += how.lasts?.(attempt) ?? 2000;
    if (how.cancelIn === attempt) {
      cancel.abort(new Error('stopped by the user'));
      return Promise.reject(cancel.signal.reason as Error);
    }
    const fail = does === '-' ? '<failure message="no"/>' : '';
    fs.writeFileSync(
      path.join(results, 'j.xml'),
      `<testsuite><testcase name="t">${fail}</testcase></testsuite>`,
    );
    const stamp = clock.now() / 1000;
    fs.utimesSync(path.join(results, 'j.xml'), stamp, stamp);
    return Promise.resolve({ ...ok, code: does === '' ? 0 : does === '-' ? 1 : 3, memoryPeakBytes: attempt });
  };
  const events: RunEvent[] = [];
  const view = newRunView();
  const end = await runPlan({
    plan: aPlan({
      ...{ root: home, output: path.join(home, 'out'), tier: 'unit', parallel: 4 },
      suites: how.suites ?? [aProcessSuite({ name: 'a', command: 'a' })],
      ...plan,
    }),
    deps: { exec, clock, env: { XDG_STATE_HOME: path.join(home, 'state'), HOME: home } },
    connect: () => Promise.reject(new Error('no cluster')),
    assets: { root },
    version: '0',
    sinks: () => [
      {
        name: 'test',
        event(event) {
          applyEvent(view, event);
          if (how.keepEvents !== false) events.push(event);
          how.onEvent?.(event);
        },
      },
    ],
    cancel: cancel.signal,
    preflight: () => Promise.resolve(),
    writeReports: (at, all) => writeReports(at, all),
  });
  const json = JSON.parse(fs.readFileSync(path.join(end.folder, 'soak.json'), 'utf8')) as SoakJson;
  return { end, events, view, json, state: path.join(home, 'state', 'ket', 'runs') };
}

const of = <Type extends EventBody['type']>(
  events: Iterable<RunEvent>,
  type: Type,
): Extract<RunEvent, { type: Type }>[] =>
  [...events].filter((event): event is Extract<RunEvent, { type: Type }> => event.type === type);

const foldersOf = ({ end }: Soaked, suite = 'a'): number[] =>
  fs
    .readdirSync(path.join(end.folder, 'suites', suite))
    .map((name) => Number(name.replace('attempt-', '')))
    .sort((a, b) => a - b);

const read = ({ end }: Soaked, file: string): string => fs.readFileSync(path.join(end.folder, file), 'utf8');

describe('a soak', () => {
  test('repeats whole rounds until the time is over; each has attempts of its own', async () => {
    const ran = await soaked({ soakMs: 15_000 });
    expect(ran.end).toMatchObject({ outcome: 'passed', exitCode: 0, counts: { total: 8, passed: 8 } });
    expect(of(ran.events, 'round-ended').map(({ round, outcome }) => [round, outcome])).toEqual(
      [1, 2, 3, 4, 5, 6, 7, 8].map((round) => [round, 'passed']),
    );
    expect(of(ran.events, 'attempt-ended').map(({ attempt }) => attempt)).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
    const ends = of(ran.events, 'suite-ended');
    expect(ends.map(({ round }) => round)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, undefined]);
    expect(ends.at(-1)).toMatchObject({ message: 'passed in all 8 rounds', attempts: 8, suiteMs: 16_000 });
    expect(of(ran.events, 'soak-ended')).toMatchObject([
      { why: 'time', askedMs: 15_000, lastedMs: 16_000, rounds: 8, removedRounds: 4 },
    ]);
    expect(ran.json).toMatchObject({
      ...{ v: 1, tier: 'unit', askedMs: 15_000, lastedMs: 16_000, ended: 'time', removedRounds: 4 },
      rounds: { total: 8, passed: 8 },
      suites: [
        {
          ...{ suite: 'a', rounds: { passed: 8 }, ms: { median: 2000, largest: 2000, rounds: 8 } },
          memoryPeakBytes: { median: 4.5, largest: 8, first: 1, last: 8 },
        },
      ],
      errors: { total: 0, perHour: 0 },
      badRounds: [],
    });
    // The first and the last three; nothing is left of the run's state.
    expect(foldersOf(ran)).toEqual([1, 6, 7, 8]);
    expect(fs.readdirSync(ran.state)).toEqual([]);
    expect(read(ran, 'summary.md')).toContain('soak: 8 rounds in 16 s of 15 s: 8 passed');
  });

  test('a failed round fails the run; its results stay, and the reports have its case', async () => {
    const ran = await soaked({ soakMs: 40_000 }, { does: (_suite, attempt) => (attempt === 4 ? '-' : '') });
    expect(ran.end).toMatchObject({ outcome: 'failed', exitCode: 1, counts: { total: 20, failed: 1 } });
    expect(of(ran.events, 'suite-ended').at(-1)).toMatchObject({
      outcome: 'failed',
      message: 'failed in 1, passed in 19 of 20 rounds; first in round 4: 1 of 1 tests failed: t',
    });
    expect(foldersOf(ran)).toEqual([1, 4, 18, 19, 20]);
    expect(ran.json.badRounds).toEqual([
      {
        ...{ round: 4, outcome: 'failed' },
        suites: [{ suite: 'a', outcome: 'failed', folders: ['suites/a/attempt-4'] }],
      },
    ]);
    expect(ran.json.errors.total).toBe(1);
    expect(read(ran, 'junit.xml')).toMatch(/tests="1" failures="1"[^]*<failure message="no"/);
    const page = read(ran, 'summary.md');
    expect(page).toContain('rounds that did not pass: 4 (failed)');
    expect(page).toContain('**a**, round 4, attempt 4');
    expect(page.match(/attempt \d+/g)).toEqual(['attempt 4']);
  });

  test('retries are of their round: a flaky one is told, and passes', async () => {
    const suites = [aProcessSuite({ name: 'a', command: 'a', retries: 1 })];
    const ran = await soaked(
      { soakMs: 9000 },
      { suites, does: (_suite, attempt) => (attempt === 2 ? '-' : '') },
    );
    expect(ran.end).toMatchObject({ outcome: 'flaky', exitCode: 0 });
    expect(of(ran.events, 'round-ended').map(({ outcome, suites: [a] }) => [outcome, a?.attempts])).toEqual([
      ['passed', { first: 1, last: 1 }],
      ['flaky', { first: 2, last: 3 }],
      ['passed', { first: 4, last: 4 }],
      ['passed', { first: 5, last: 5 }],
    ]);
    expect(of(ran.events, 'suite-ended').at(-1)?.message).toMatch(
      /^flaky in 1, passed in 3 of 4 rounds; first in round 2: .* failed attempt/,
    );
  });

  test('a cancel ends with what is there', async () => {
    const ran = await soaked({ soakMs: 3_600_000 }, { cancelIn: 4 });
    expect(ran.end).toMatchObject({ outcome: 'cancelled', exitCode: 130, counts: { passed: 3 } });
    expect(ran.json).toMatchObject({
      ...{ ended: 'cancelled', rounds: { total: 4, passed: 3, cancelled: 1 } },
      suites: [{ rounds: { passed: 3, cancelled: 1 } }],
    });
    expect(of(ran.events, 'suite-ended').at(-1)?.message).toBe(
      'cancelled in 1, passed in 3 of 4 rounds; first in round 4: stopped by the user',
    );
    expect(foldersOf(ran)).toEqual([1, 2, 3, 4]);
  });

  test('what never passes is not tried for hours', async () => {
    const ran = await soaked({ soakMs: 3_600_000 }, { does: () => '!' });
    expect(ran.end).toMatchObject({ outcome: 'failed', exitCode: 1 });
    expect(ran.json).toMatchObject({
      ended: 'hopeless',
      rounds: { total: 5, failed: 5 },
      errors: { total: 5 },
    });
    expect(foldersOf(ran)).toEqual([1, 2, 3, 4, 5]);
  });

  test('fail-fast lets the first failure end it', async () => {
    const suites = ['a', 'b'].map((name) => aProcessSuite({ name, command: name }));
    const ran = await soaked(
      { soakMs: 3_600_000, failFast: true, parallel: 1 },
      { suites, does: (suite, attempt) => (suite === 'a' && attempt === 3 ? '-' : '') },
    );
    expect(ran.end).toMatchObject({ outcome: 'failed', exitCode: 1 });
    expect(ran.json).toMatchObject({
      ...{ ended: 'fail-fast', rounds: { total: 3, passed: 2, failed: 1 } },
      suites: [{ rounds: { passed: 2, failed: 1 } }, { rounds: { passed: 2, skipped: 1 } }],
    });
  });

  test('rounds do not follow one another faster than one a second', async () => {
    const ran = await soaked({ soakMs: 10_000 }, { lasts: () => 1 });
    expect(ran.json.rounds.total).toBe(10);
  });

  test('is no time budget, and one of memory', async () => {
    const budget = { timeMs: 1000, memoryBytes: 5 };
    const { events } = await soaked({ soakMs: 15_000, budget });
    expect(of(events, 'run-ended')[0]?.budget).toEqual({
      ...{ memoryBytes: 5, usedMs: 16_000, usedBytes: 8 },
    });
    expect(of(events, 'notice').map(({ text }) => text)).toEqual([
      'over budget: suites used 8 B of memory at once, and their tier has 5 B',
    ]);
  });

  test('without one, a run has neither rounds nor soak.json', async () => {
    await expect(soaked({})).rejects.toThrow(/soak\.json/);
  });
});

describe('many rounds', () => {
  const collect = (): void => {
    v8.setFlagsFromString('--expose-gc');
    (vm.runInNewContext('gc') as () => void)();
  };

  test('cost neither memory nor room in the folder or the pages; the event log has all of them', async () => {
    const refs: WeakRef<RunEvent>[] = [];
    let alive = Infinity;
    let most = 0;
    const view = newRunView();
    const ran = await soaked(
      { soakMs: 3_000_000 },
      {
        keepEvents: false,
        does: (_suite, attempt) => (attempt % 50 === 0 ? '-' : ''),
        onEvent(event) {
          applyEvent(view, event);
          if (event.type === 'attempt-ended') refs.push(new WeakRef(event));
          if (event.type !== 'round-ended') return;
          const attempts = [...view.suites.values()].flatMap((suite) => suite.attempts).length;
          most = Math.max(most, attempts);
          if (event.round !== 1499) return;
          collect();
          alive = refs.filter((ref) => ref.deref() !== undefined).length;
        },
      },
    );
    expect(ran.json.rounds).toEqual({ total: 1500, passed: 1470, failed: 30 });
    // The first, the last, 20 that failed, and the one that goes on.
    expect(most).toBeLessThanOrEqual(23);
    expect(foldersOf(ran)).toHaveLength(1 + 3 + 30);
    // Nothing holds the ends of other attempts: not the log, not the views, not what counts the rounds.
    expect(alive).toBeLessThanOrEqual(50);
    expect(read(ran, 'summary.md').length).toBeLessThan(20_000);
    expect(read(ran, 'soak.json').length).toBeLessThan(20_000);
    expect(read(ran, 'timings.json').length).toBeLessThan(20_000);
    const rounds = of(eventsIn(path.join(ran.end.folder, 'events.ndjson')), 'round-ended');
    expect(rounds.map(({ round }) => round)).toEqual(Array.from({ length: 1500 }, (_, index) => index + 1));
  }, 120_000);
});

describe('what the rounds of a suite come to', () => {
  const suite = aProcessSuite({ name: 'a' });
  const report = (outcome: Outcome): SuiteReport => ({
    ...{ suite, outcome, verdict: { outcome, message: `it ${outcome}` } },
    counts: { total: 1, passed: 1, failed: 0, errors: 0, skipped: 0 },
    ...{ attempts: 1, ms: 10, kept: [] },
  });
  test.each<[string, readonly (Outcome | 'broke' | 'not-run')[], Outcome, string]>([
    ['one', ['passed'], 'passed', 'passed in the one round'],
    ['skipped', ['skipped', 'skipped'], 'skipped', 'skipped in all 2 rounds'],
    ['the worst', ['passed', 'infra-error', 'flaky', 'failed'], 'failed', 'it failed'],
    [
      'no proof is no failure',
      ['passed', 'infra-error', 'flaky'],
      'infra-error',
      'in round 2: it infra-error',
    ],
    ['a task that broke', ['passed', 'broke'], 'infra-error', 'in round 2: boom'],
    ['what could not run once', ['passed', 'not-run'], 'passed', 'passed in 1, skipped in 1 of 2 rounds'],
  ])('%s', (_name, rounds, outcome, message) => {
    const tally = new SuiteTally(suite);
    for (const [index, one] of rounds.entries())
      tally.add(
        index + 1,
        one === 'broke'
          ? { outcome: 'failed', error: new Error('boom') }
          : one === 'not-run'
            ? { outcome: 'skipped', reason: 'closed' }
            : { outcome: 'done', output: report(one) },
      );
    const output = tally.result().output as SuiteReport;
    expect(output.outcome).toBe(outcome);
    expect(output.verdict.message).toContain(message);
  });

  test('a suite that never ran ends as its task did', () => {
    const tally = new SuiteTally(suite);
    const result = { outcome: 'skipped', reason: 'release db failed' } as const;
    tally.add(1, result);
    expect(tally.result()).toBe(result);
  });
});
