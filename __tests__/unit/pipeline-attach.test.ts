import { afterEach, describe, expect, test } from '@jest/globals';
import fs from 'node:fs';
import path from 'node:path';
import type { EventBody } from '../../src/model/events.ts';
import { noCounts } from '../../src/model/outcome.ts';
import type { Plan } from '../../src/model/plan.ts';
import { composeAttach } from '../../src/pipeline/attach-compose.ts';
import { attachRun } from '../../src/pipeline/attach.ts';
import { readEvents } from '../../src/pipeline/event-log.ts';
import { journalFile, openJournal, takeJournal } from '../../src/pipeline/journal.ts';
import type { RunEnd } from '../../src/pipeline/run-options.ts';
import { readStates, takeState, writeState } from '../../src/pipeline/state.ts';
import { Admission } from '../../src/suites/admission/admission.ts';
import { Calm } from '../../src/suites/calm.ts';
import { noJournal } from '../../src/suites/journal.ts';
import { exec } from '../../src/tools/exec.ts';
import { realClock } from '../../src/tools/clock.ts';
import { folder, removeFolders } from './support/folder.ts';
import { aPlan, aRelease, fakeState, noOutbound, fakeClock } from './support/phases.ts';
import { runEvents } from './support/run-events.ts';
import { aProcessSuite, aSuite } from './support/suites.ts';

afterEach(removeFolders);

const root = path.join(import.meta.dirname, '..', '..');
const taskEnded = (task: string, over: object = {}): EventBody => ({
  type: 'task-ended',
  task,
  phase: 'suites',
  outcome: 'done',
  taskMs: 1,
  ...over,
});
const suiteEnded = (suite: string, over: object = {}): EventBody => ({
  ...{ type: 'suite-ended', suite, outcome: 'passed', message: 'well', counts: noCounts, attempts: 1 },
  ...{ suiteMs: 5, ...over },
});
const events = (...list: EventBody[]): ReturnType<typeof runEvents> =>
  runEvents(list.map((event, index) => [index, event] as const));

const ready = [taskEnded('cluster ready'), taskEnded('deliver shop-tests:dev'), taskEnded('install shop')];
const image = { name: 'shop-tests:dev', context: '/', dockerfile: '/d', args: {}, limitMs: 1 };

interface Case {
  readonly before: readonly EventBody[];
  readonly begun?: boolean;
  readonly lacks?: string[];
}

function composed({ before, begun = false, lacks = [] }: Case): ReturnType<typeof composeAttach> {
  const suites = [aSuite({ name: 'api', needs: ['shop'], lacks })];
  const cluster = {
    configs: ['k'],
    kindConfig: {},
    nodes: ['control-plane'],
    disableDefaultCNI: false,
    hostPorts: [],
    throwaway: false,
    readyMs: 1,
  } as const;
  const plan: Plan = aPlan({ cluster, suites, images: [image], releases: [aRelease] });
  const state = fakeState();
  const made = { type: 'kind-cluster', name: 'ket-r', kubeconfig: '/k' } as const;
  return composeAttach({
    run: { runId: 'r', folder: '/run', kubeconfig: '/k', state, env: {}, outbound: noOutbound },
    head: { v: 1, ket: '0', plan, keepFailedMs: 0, up: false },
    journal: { hasBegun: () => begun, kept: () => [] },
    before: events(...before),
    made: [made],
    connect: () => Promise.reject(new Error('not here')),
    settings: {
      ...{
        runId: 'r',
        folder: '/run',
        assets: { root },
        keepFailedMs: 0,
        ephemeral: true,
        ownCluster: true,
        state,
      },
      ...{ journal: noJournal, secrets: new Map(), mask: () => undefined, outbound: noOutbound },
      durationsOf: () => Promise.resolve(new Map()),
      admission: new Admission('r', undefined),
      calm: new Calm(fakeClock(), () => false),
    },
  });
}

describe('what is left of a run', () => {
  const runs = [
    'attach to the cluster',
    'cluster facts',
    'attach to release shop',
    'attach: look at shop-tests:dev',
    'prepare suite api',
    'suite api',
  ];

  test.each<[string, Case, string[], object | undefined]>([
    ['begun: watched', { before: ready, begun: true }, runs, undefined],
    ['not begun, all ready: it runs', { before: ready }, runs, undefined],
    [
      'a release was not ready',
      { before: ready.slice(0, 2) },
      ['attach to the cluster'],
      { outcome: 'skipped', reason: 'the driver died before it began' },
    ],
    [
      'its image was not on the nodes',
      { before: [taskEnded('cluster ready'), taskEnded('install shop')] },
      ['attach to the cluster'],
      { outcome: 'skipped', reason: 'the driver died before it began' },
    ],
    ['no cluster yet', { before: [] }, [], { outcome: 'skipped', reason: 'the driver died before it began' }],
    [
      'ended',
      { before: [...ready, suiteEnded('api', { outcome: 'flaky' })], begun: true },
      ['attach to the cluster'],
      {
        outcome: 'done',
        output: { outcome: 'flaky', verdict: { outcome: 'flaky', message: 'well' }, attempts: 1, ms: 5 },
      },
    ],
    [
      'ended, and the removal had begun',
      {
        before: [
          ...ready,
          suiteEnded('api'),
          { type: 'task-started', task: 'remove', phase: 'cleanup', title: '', limitMs: 1 },
        ],
      },
      [],
      { outcome: 'done' },
    ],
    [
      'did not run for a reason',
      {
        before: [
          ...ready,
          suiteEnded('api', { outcome: 'skipped', attempts: 0, message: 'not run: x failed' }),
        ],
      },
      ['attach to the cluster'],
      { outcome: 'skipped', reason: 'not run: x failed' },
    ],
    [
      'could not run',
      { before: [...ready, suiteEnded('api', { outcome: 'infra-error', attempts: 0, message: 'broke' })] },
      ['attach to the cluster'],
      { outcome: 'failed', error: { message: 'broke' } },
    ],
    [
      'cancelled before it started',
      { before: [...ready, taskEnded('suite api', { outcome: 'cancelled' })] },
      ['attach to the cluster'],
      { outcome: 'cancelled' },
    ],
    [
      'left open by a driver that died later',
      {
        before: [...ready, taskEnded('suite api', { outcome: 'cancelled', reason: 'the driver died' })],
        begun: true,
      },
      runs,
      undefined,
    ],
    [
      'lacks what it requires',
      { before: ready, lacks: ['KEY'] },
      ['attach to the cluster', 'suite api'],
      undefined,
    ],
  ])('%s', (_name, given, tasks, result) => {
    const { composition, decided } = composed(given);
    expect(composition.tasks.map(({ id }) => id)).toEqual(tasks);
    const [suite] = composition.suites;
    if (result === undefined) expect(decided.size).toBe(0);
    else expect(suite === undefined ? undefined : decided.get(suite)).toMatchObject(result);
  });

  test('a suite whose pod is there does not wait for room; one that is to be made does', () => {
    const pool = (given: Case): unknown => composed(given).composition.suites[0]?.pool;
    expect(pool({ before: ready, begun: true })).toBeUndefined();
    expect(pool({ before: ready })).toBeInstanceOf(Admission);
  });
});

describe('a run of processes of this machine', () => {
  async function attached(
    before: readonly EventBody[],
    plan: Partial<Plan>,
  ): Promise<{ end: RunEnd; at: string; home: string }> {
    const home = folder();
    const at = path.join(folder(), 'r');
    fs.mkdirSync(at);
    const started: EventBody = {
      type: 'run-started',
      run: 'r',
      tier: 'unit',
      suites: ['one', 'two', 'three'],
      ket: '0',
    };
    const lines = events(started, ...before).map((event) => JSON.stringify(event));
    fs.writeFileSync(path.join(at, 'events.ndjson'), lines.map((line) => `${line}\n`).join(''));
    const socket = path.join(home, 'r.sock');
    writeState(path.join(home, 'r.json'), {
      v: 1,
      run: 'r',
      pid: 4711,
      started: '',
      folder: at,
      socket,
      made: [],
    });
    openJournal(journalFile(home, 'r'), {
      ...{ v: 1, ket: '0', keepFailedMs: 0, up: false },
      plan: aPlan({
        ...{ root: at, output: path.dirname(at), tier: 'unit' },
        suites: ['one', 'two', 'three'].map((name) =>
          aProcessSuite({ name, command: `echo ${name}`, expectTests: false }),
        ),
        ...plan,
      }),
    });
    const [was] = readStates(home).states.map(({ state }) => state);
    const state = await takeState(home, 'r');
    if (was === undefined || state === undefined) throw new Error('no state');
    const end = await attachRun({
      ...{ was, state, journal: takeJournal(journalFile(home, 'r')), assets: { root } },
      deps: { exec, clock: realClock, env: process.env },
      connect: () => Promise.reject(new Error('no cluster')),
      sinks: () => [],
      cancel: new AbortController().signal,
      writeReports: () => Promise.resolve([]),
    });
    return { end, at, home };
  }
  const begins: EventBody = {
    type: 'task-started',
    task: 'suite two',
    phase: 'suites',
    title: 'two',
    limitMs: 1,
  };
  const two: EventBody = { type: 'attempt-started', suite: 'two', attempt: 1 };

  test('what has an outcome keeps it, what ran is lost, what had not begun runs; nothing is left', async () => {
    const { end, at, home } = await attached([suiteEnded('one'), begins, two], {});
    expect(end).toMatchObject({ exitCode: 3, outcome: 'infra-error', runId: 'r' });
    const log = readEvents(path.join(at, 'events.ndjson'));
    const ends = log.flatMap((event) => (event.type === 'suite-ended' ? [[event.suite, event.outcome]] : []));
    expect(ends).toEqual([
      ['one', 'passed'],
      ['three', 'passed'],
      ['two', 'infra-error'],
    ]);
    expect(log.find((event) => event.type === 'notice')).toMatchObject({
      text: expect.stringMatching(
        /^taken up by ket attach: the driver of the run, process 4711, died after /,
      ),
    });
    expect(log.find((event) => event.type === 'task-ended')).toMatchObject({
      ...{ task: 'suite two', outcome: 'cancelled', reason: 'the driver died' },
    });
    expect(log.map(({ seq }) => seq)).toEqual(log.map((_event, index) => index + 1));
    expect(log.at(-1)?.type).toBe('run-ended');
    expect(fs.readFileSync(path.join(at, 'suites', 'three', 'attempt-1', 'console.log'), 'utf8')).toBe(
      'three\n',
    );
    expect(fs.readdirSync(home)).toEqual([]);
  });

  test('where the first that does not pass ends the run, none begins after it', async () => {
    const { end, at } = await attached([suiteEnded('one', { outcome: 'failed' })], { failFast: true });
    expect(end.exitCode).toBe(1);
    expect(fs.existsSync(path.join(at, 'suites'))).toBe(false);
  });

  test('what had failed before is in the end of the run', async () => {
    const error = { code: 'KET_PREREQUISITE', message: 'too little memory' };
    const { end, at } = await attached(
      [
        taskEnded('preflight', { outcome: 'failed', error }),
        ...['one', 'two', 'three'].map((name) => suiteEnded(name, { outcome: 'skipped', attempts: 0 })),
      ],
      {},
    );
    expect(end.exitCode).toBe(2);
    expect(readEvents(path.join(at, 'events.ndjson')).at(-1)).toMatchObject({ type: 'run-ended', error });
  });
});
