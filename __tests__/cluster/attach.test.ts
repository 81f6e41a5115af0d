import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import type { RunEvent } from '../../src/model/events.ts';
import {
  containersOf,
  eventsOf,
  fixture,
  ket,
  kubectl,
  namespacesBut,
  readEvents,
  root,
  sandbox,
  up,
  type Ran,
  type Sandbox,
} from './ket.ts';

/** ket is killed in the middle of a run, and `ket attach` goes on with it. */

let box: Sandbox;
let project = '';
let cluster = '';
let kubeconfig = '';
const image = 'fixture:dev';

const tiers = {
  up: { suites: [{ name: 'a', image, command: 'true', expectTests: false }] },
  three: {
    suites: [
      {
        ...{ name: 'green', image, results: ['/app/data'] },
        command:
          'junit a b; head -c 20000000 /dev/urandom > /app/data/big; sha256sum /app/data/big > /app/data/sum; echo ready; sleep 3',
      },
      { name: 'red', image, command: 'junit a -b; echo ready; sleep 3; exit 1' },
      {
        ...{ name: 'flaky', image, retries: 1 },
        command: 'echo ready; if [ $KET_ATTEMPT = 1 ]; then junit a -b; exit 1; fi; sleep 2; junit a b',
      },
    ],
  },
  shards: {
    suites: [{ name: 'split', image, shards: 2, command: 'junit "t$KET_SHARD"; echo ready; sleep 4' }],
  },
  long: { suites: [{ name: 'long', image, command: 'junit a; echo ready; sleep 20' }] },
  later: {
    suites: [
      { name: 'green', image, command: 'junit a; echo ready; sleep 2' },
      { name: 'red', image, command: 'junit -a; echo ready; sleep 2; exit 7' },
      { name: 'code', image, command: 'echo x > /results/only.txt; echo ready; sleep 2', expectTests: false },
    ],
  },
  queued: {
    suites: ['one', 'two', 'three'].map((name) => ({ name, image, command: 'junit a; echo ready; sleep 2' })),
  },
};

beforeAll(async () => {
  box = sandbox();
  project = path.join(box.home, 'project');
  fs.mkdirSync(project);
  fs.copyFileSync(path.join(root, 'kind-configs', 'integration.yaml'), path.join(project, 'kind.yaml'));
  const common = { cluster: { config: 'kind.yaml' }, images: [{ name: image, build: fixture }] };
  const all = Object.fromEntries(Object.entries(tiers).map(([name, tier]) => [name, { ...common, ...tier }]));
  fs.writeFileSync(path.join(project, 'ket.yaml'), JSON.stringify({ tiers: all }));
  ({ name: cluster, kubeconfig } = await up('up', project, box));
}, 300_000);
afterAll(async () => {
  await ket({ args: ['down'], cwd: project, box });
  box.remove();
}, 120_000);

interface Killed {
  readonly run: string;
  readonly folder: string;
  readonly ran: Ran;
}

/** A run on the cluster that is killed `afterMs` after the first event that is meant. */
async function killed(
  tier: string,
  at: (event: RunEvent) => boolean,
  afterMs = 0,
  more: readonly string[] = [],
): Promise<Killed> {
  let run = '';
  let armed = false;
  const ran = await ket({
    args: ['run', '--tier', tier, '--cluster', cluster, '--keep', 'never', ...more],
    cwd: project,
    box,
    onEvent(event, pid) {
      if (event.type === 'run-started') run = event.run;
      if (armed || !at(event)) return;
      armed = true;
      setTimeout(() => process.kill(pid, 'SIGKILL'), afterMs);
    },
  });
  expect({ armed, code: ran.code }).toEqual({ armed: true, code: null });
  return { run, folder: ran.folder, ran };
}

const attach = (run: string, ...more: string[]): Promise<Ran> =>
  ket({ args: ['attach', run, '--format', 'json', ...more], cwd: project, box });

const ends = (folder: string): Record<string, string> =>
  Object.fromEntries(
    readEvents(folder).flatMap((event) =>
      event.type === 'suite-ended' ? [[event.suite, event.outcome]] : [],
    ),
  );

const attemptsOf = (folder: string): { suite: string; attempt: number; outcome: string; total: number }[] =>
  readEvents(folder).flatMap((event) =>
    event.type === 'attempt-ended'
      ? [{ suite: event.suite, attempt: event.attempt, outcome: event.outcome, total: event.counts.total }]
      : [],
  );

const states = (): string[] => fs.readdirSync(path.join(box.home, 'state', 'ket', 'runs')).sort();
/** What `ket up` itself has there. */
let ups: string[] = [];
beforeAll(() => {
  ups = states();
});
afterEach(async () => {
  expect(await namespacesBut(kubeconfig)).toEqual([]);
  expect(states()).toEqual(ups);
});

/** What every log must be, whoever wrote it. */
function expectWhole(folder: string): void {
  const events = readEvents(folder);
  expect(events.map(({ seq }) => seq)).toEqual(events.map((_event, index) => index + 1));
  const times = events.map(({ ms }) => ms);
  expect(times).toEqual(times.toSorted((a, b) => a - b));
  const once = events.flatMap((event) =>
    event.type === 'suite-ended' || event.type === 'run-ended'
      ? [JSON.stringify([event.type, 'suite' in event ? event.suite : ''])]
      : event.type === 'attempt-ended' || event.type === 'attempt-started'
        ? [JSON.stringify([event.type, event.suite, event.attempt, 'index' in event ? event.index : null])]
        : event.type === 'case'
          ? [JSON.stringify([event.type, event.suite, event.attempt, event.name])]
          : [],
  );
  expect(once).toEqual([...new Set(once)]);
}

const begins = (task: string) => (event: RunEvent) => event.type === 'task-started' && event.task === task;
const saysReady = (suite: string) => (event: RunEvent) =>
  event.type === 'log' && event.suite === suite && event.line === 'ready';

describe('killed at some point, then attached: what the run would have said', () => {
  test.each<[string, (event: RunEvent) => boolean, number]>([
    ['as the suites begin', begins('suite green'), 0],
    ['while its objects are made', begins('suite green'), 60],
    ['just after', begins('suite green'), 250],
    ['while pods are pending', begins('suite green'), 700],
    ['when the first runs', ({ type }) => type === 'attempt-started', 0],
    ['while it runs', saysReady('green'), 500],
    ['between two attempts', (event) => event.type === 'attempt-ended' && event.suite === 'flaky', 0],
    ['in the second attempt', (event) => event.type === 'attempt-started' && event.attempt === 2, 300],
    ['at the end of the command', saysReady('green'), 3000],
    [
      'while results come over',
      (event) => event.type === 'task-awaiting' && event.task === 'suite green' && event.what === 'results',
      40,
    ],
    [
      'when an attempt has its verdict',
      (event) => event.type === 'attempt-ended' && event.suite === 'green',
      0,
    ],
    ['when one suite is done', ({ type }) => type === 'suite-ended', 0],
    ['while it cleans up', (event) => event.type === 'task-started' && event.phase === 'cleanup', 0],
  ])(
    '%s',
    async (_name, at, afterMs) => {
      const { run, folder } = await killed('three', at, afterMs);
      const attached = await attach(run);
      expect({ code: attached.code, stderr: attached.stderr }).toEqual({ code: 1, stderr: '' });
      expect(ends(folder)).toEqual({ green: 'passed', red: 'failed', flaky: 'flaky' });
      expect(
        attemptsOf(folder).sort((a, b) => a.suite.localeCompare(b.suite) || a.attempt - b.attempt),
      ).toEqual([
        { suite: 'flaky', attempt: 1, outcome: 'failed', total: 2 },
        { suite: 'flaky', attempt: 2, outcome: 'passed', total: 2 },
        { suite: 'green', attempt: 1, outcome: 'passed', total: 2 },
        { suite: 'red', attempt: 1, outcome: 'failed', total: 2 },
      ]);
      const green = path.join(folder, 'suites', 'green', 'attempt-1');
      const sum = execFileSync('sha256sum', [path.join(green, 'results', 'app', 'data', 'big')], {
        encoding: 'utf8',
      });
      const said = fs.readFileSync(path.join(green, 'results', 'app', 'data', 'sum'), 'utf8');
      expect(sum.slice(0, 64)).toBe(said.slice(0, 64));
      expect(fs.readFileSync(path.join(green, 'console.log'), 'utf8')).toBe('ready\n');
      expect(fs.readdirSync(green)).not.toContain('results-so-far');
      expectWhole(folder);
      expect(readEvents(folder).at(-1)).toMatchObject({ type: 'run-ended', exitCode: 1 });
      for (const name of ['summary.md', 'junit.xml', 'timings.json'])
        expect(fs.existsSync(path.join(folder, name))).toBe(true);
      // The stream of the process that attached is that of the whole run.
      const streamed = attached.stdout
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line) as RunEvent);
      expect(streamed.filter(({ type }) => type === 'run-started' || type === 'run-ended')).toHaveLength(2);
    },
    180_000,
  );

  test('shards: each pod is taken up, and one verdict for all', async () => {
    const { run, folder } = await killed('shards', saysReady('split'), 300);
    expect((await attach(run)).code).toBe(0);
    expect(attemptsOf(folder)).toEqual([{ suite: 'split', attempt: 1, outcome: 'passed', total: 2 }]);
    expectWhole(folder);
  }, 120_000);

  test('suites that waited for their turn begin', async () => {
    const { run, folder } = await killed('queued', ({ type }) => type === 'attempt-started', 0, [
      '--parallel',
      '1',
    ]);
    expect((await attach(run)).code).toBe(0);
    expect(ends(folder)).toEqual({ one: 'passed', two: 'passed', three: 'passed' });
    expectWhole(folder);
  }, 120_000);

  test('killed, attached, killed again, attached again', async () => {
    const { run, folder } = await killed('long', saysReady('long'));
    let armed = false;
    const first = ket({
      args: ['attach', run, '--format', 'json'],
      cwd: project,
      box,
      onLine(line, pid) {
        if (armed || !line.includes('"task":"suite long"') || !line.includes('to end')) return;
        armed = true;
        setTimeout(() => process.kill(pid, 'SIGKILL'), 300);
      },
    });
    expect({ code: (await first).code, armed }).toEqual({ code: null, armed: true });
    expect((await attach(run)).code).toBe(0);
    expect(ends(folder)).toEqual({ long: 'passed' });
    expectWhole(folder);
  }, 120_000);
});

test('before suites could begin: they are skipped for that, and the exit code is not 0', async () => {
  const { run, folder } = await killed('three', begins('cluster ready'));
  const { code } = await attach(run);
  expect(code).toBe(3);
  const messages = readEvents(folder).flatMap((event) =>
    event.type === 'suite-ended' ? [event.message] : [],
  );
  expect(messages).toEqual(Array(3).fill('not run: the driver died before it began'));
}, 120_000);

test('two at once: one goes on, the other says who has it', async () => {
  const { run, folder } = await killed('long', saysReady('long'));
  const all = await Promise.all([attach(run), attach(run)]);
  const [winner, loser] = all.toSorted((a, b) => (a.code ?? 9) - (b.code ?? 9));
  expect([winner?.code, loser?.code]).toEqual([0, 3]);
  expect(loser?.stderr).toMatch(new RegExp(`run ${run} is still driven by process \\d+ \\[KET_STATE\\]`));
  expect(ends(folder)).toEqual({ long: 'passed' });
}, 120_000);

test('a run whose driver lives is left alone; one that has ended shows its result', async () => {
  let asked: Promise<Ran> | undefined;
  let run = '';
  const ran = await ket({
    args: ['run', '--tier', 'long', '--cluster', cluster],
    cwd: project,
    box,
    onEvent(event) {
      if (event.type === 'run-started') run = event.run;
      if (event.type === 'log') asked ??= attach(run);
    },
  });
  expect(ran.code).toBe(0);
  const living = await asked;
  expect(living?.code).toBe(3);
  expect(living?.stderr).toMatch(/is still driven by process \d+/);

  const shown = await ket({ args: ['attach', ran.folder], cwd: project, box });
  expect(shown.code).toBe(0);
  expect(shown.stderr).toMatch(/✓ long +passed/);
  expect(shown.stderr).toMatch(/PASSED/);
  const output = path.dirname(ran.folder);
  const byId = await ket({ args: ['attach', run, '--output', output], cwd: project, box });
  expect(byId.code).toBe(0);
}, 120_000);

test('the next run sweeps nothing of a run that somebody attaches to', async () => {
  const { run, folder } = await killed('long', saysReady('long'));
  const attached = attach(run);
  await new Promise((resolve) => setTimeout(resolve, 3000));
  const other = await ket({
    args: ['run', '--tier', 'later', '--suite', 'code', '--cluster', cluster],
    cwd: project,
    box,
  });
  expect(other.code).toBe(0);
  expect(eventsOf(other, 'notice').filter(({ text }) => text.includes(run))).toEqual([]);
  expect((await attached).code).toBe(0);
  expect(ends(folder)).toEqual({ long: 'passed' });
}, 180_000);

test('after a sweep it is said what happened', async () => {
  const { run, folder } = await killed('long', saysReady('long'));
  expect((await ket({ args: ['cleanup'], cwd: project, box })).code).toBe(0);
  const { code, stderr } = await attach(folder);
  expect(code).toBe(3);
  expect(stderr).toContain(`run ${run} cannot be taken up any more`);
  expect(stderr).toContain('ket cleanup has removed what it had made');
}, 120_000);

test('no such run', async () => {
  const { code, stderr } = await attach('0101-000000-0000');
  expect(code).toBe(2);
  expect(stderr).toContain('there is no run 0101-000000-0000');
}, 30_000);

describe('while no driver watched', () => {
  const pods = (run: string): { metadata: { name: string; namespace: string } }[] =>
    (
      JSON.parse(kubectl(kubeconfig, 'get', 'pods', '-A', '-l', `ket.dev/run=${run}`, '-o', 'json')) as {
        items: { metadata: { name: string; namespace: string } }[];
      }
    ).items;

  test('the sidecars left: how the commands ended is known, and what is gone is named', async () => {
    const seen = new Set<string>();
    const { run, folder } = await killed('later', (event) => {
      if (event.type === 'log' && event.line === 'ready') seen.add(event.suite);
      return seen.size === 3;
    });
    await new Promise((resolve) => setTimeout(resolve, 4000));
    for (const { metadata } of pods(run)) {
      const { name, namespace } = metadata;
      const exec = (...args: string[]): string =>
        kubectl(kubeconfig, 'exec', '-n', namespace, name, '-c', 'ket', '--', '/ket/bin/ket-run', ...args);
      const state = ['--state', '/ket/state'];
      const last =
        exec('manifest', ...state, '--results', '/results')
          .trim()
          .split('\n')
          .at(-1) ?? '';
      const sha = /[0-9a-f]{64}/.exec(last)?.[0] ?? '';
      exec('ack', ...state, '--manifest', sha);
      const left = 'jsonpath={.status.initContainerStatuses[0].state.terminated.exitCode}=0';
      kubectl(kubeconfig, 'wait', '-n', namespace, `pod/${name}`, `--for=${left}`, '--timeout=30s');
    }
    const { code } = await attach(run);
    expect(code).toBe(1);
    expect(ends(folder)).toEqual({ green: 'infra-error', red: 'failed', code: 'infra-error' });
    const of = (suite: string): object | undefined =>
      readEvents(folder).find((event) => event.type === 'attempt-ended' && event.suite === suite);
    expect(of('green')).toMatchObject({
      infraClass: 'collection-incomplete',
      exitCode: 0,
      message: expect.stringMatching(/its command ended with exit code 0.*gone: \d files.*junit\.xml/),
    });
    expect(of('red')).toMatchObject({
      cause: 'exit-code',
      exitCode: 7,
      message: expect.stringContaining('junit.xml'),
    });
    expect(of('code')).toMatchObject({
      infraClass: 'collection-incomplete',
      message: expect.stringContaining('only.txt'),
    });
    // What it had printed until the driver died, or what the node still has.
    expect(fs.readFileSync(path.join(folder, 'suites', 'red', 'attempt-1', 'console.log'), 'utf8')).toBe(
      'ready\n',
    );
    expectWhole(folder);
  }, 180_000);

  test.each([
    ['its namespace was deleted', true],
    ['its pod was deleted', false],
  ])(
    '%s: an infrastructure error that says so, and no second run of it',
    async (_name, all) => {
      const { run, folder } = await killed('long', saysReady('long'));
      const [pod] = pods(run);
      const namespace = pod?.metadata.namespace ?? '';
      // Its own grace is minutes: the sidecar waits for somebody.
      kubectl(kubeconfig, 'delete', 'pods', '-n', namespace, '--all', '--grace-period=0', '--force');
      if (all) kubectl(kubeconfig, 'delete', 'namespace', namespace);
      expect((await attach(run)).code).toBe(3);
      const [end] = readEvents(folder).filter((event) => event.type === 'attempt-ended');
      expect(end).toMatchObject({ outcome: 'infra-error', infraClass: 'deleted' });
      expectWhole(folder);
    },
    180_000,
  );
});

test('a cluster of its own goes when the run that was taken up is done', async () => {
  let run = '';
  let armed = false;
  const ran = await ket({
    args: ['run', '--tier', 'kill'],
    cwd: fixture,
    box,
    onEvent(event, pid) {
      if (event.type === 'run-started') run = event.run;
      if (armed || event.type !== 'log') return;
      armed = true;
      process.kill(pid, 'SIGKILL');
    },
  });
  const kills = Number(armed);
  expect({ kills, said: kills === 1 ? '' : ran.stderr.slice(-2000) }).toEqual({ kills: 1, said: '' });
  const attached = await ket({ args: ['attach', run], cwd: fixture, box });
  const { code, stderr } = attached;
  expect({ code, said: code === 0 ? '' : stderr.slice(-2000) }).toEqual({ code: 0, said: '' });
  expect(ends(ran.folder)).toEqual({ kill: 'passed' });
  expect(containersOf(run)).toEqual([]);
}, 240_000);
