import fs from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import {
  attemptOf,
  eventsOf,
  fixture,
  ket,
  kubectl,
  root,
  sandbox,
  up,
  type Ran,
  type Sandbox,
} from './ket.ts';

/** Suites of several pods: parts of the same tests, or the same several times. */

let box: Sandbox;
let project = '';
let cluster = '';
let kubeconfig = '';

const image = 'fixture:dev';
const small = { resources: { requests: { cpu: '10m', memory: '16Mi' } } };

const suites = {
  sharded: {
    command:
      'junit "test $KET_SHARD"; echo "shard $KET_SHARD of $KET_SHARDS"; echo $KET_SHARD > /results/mine',
    shards: 3,
  },
  'one-red': {
    command: 'sleep $((KET_SHARD * 3)); junit "$([ $KET_SHARD != 0 ] || echo -)t$KET_SHARD"',
    shards: 3,
  },
  lost: { command: 'junit t$KET_SHARD; [ $KET_SHARD = 0 ] || { echo ready; sleep 60; }', shards: 2 },
  again: {
    command: 'junit "$([ $KET_SHARD$KET_ATTEMPT != 11 ] || echo -)t$KET_SHARD"',
    ...{ shards: 2, retries: 1 },
  },
  'too-few': { command: 'junit t$KET_SHARD', shards: 2, expectTests: 3 },
  load: {
    command: 'junit one two; echo "replica $KET_REPLICA of $KET_REPLICAS"',
    replicas: 3,
    expectTests: 2,
  },
  same: { command: 'junit everything', shards: 2 },
  // Two of them have a place at once.
  queued: { command: 'junit t$KET_SHARD; sleep 5', shards: 3 },
};

const tier = (names: readonly (keyof typeof suites)[], cpu: string): object => ({
  cluster: { config: 'kind.yaml' },
  images: [{ name: image, build: fixture }],
  suites: names.map((name) => ({
    ...{ name, image, ...small, ...suites[name] },
    ...(name === 'queued' ? { resources: { requests: { cpu } } } : {}),
  })),
});

const configOf = (cpu: string): string =>
  JSON.stringify({
    tiers: {
      up: { ...tier([], cpu), suites: [{ name: 'a', image, command: 'true', expectTests: false }] },
      ...Object.fromEntries(
        (Object.keys(suites) as (keyof typeof suites)[]).map((name) => [name, tier([name], cpu)]),
      ),
    },
  });

beforeAll(async () => {
  box = sandbox();
  project = path.join(box.home, 'project');
  fs.mkdirSync(project, { recursive: true });
  fs.copyFileSync(path.join(root, 'kind-configs', 'integration.yaml'), path.join(project, 'kind.yaml'));
  fs.writeFileSync(path.join(project, 'ket.yaml'), configOf('100m'));
  ({ name: cluster, kubeconfig } = await up('up', project, box));
  const node = kubectl(kubeconfig, 'get', 'nodes', '-o', 'jsonpath={.items[0].status.allocatable.cpu}');
  fs.writeFileSync(path.join(project, 'ket.yaml'), configOf(`${String(Math.floor(Number(node) * 300))}m`));
}, 240_000);
afterAll(async () => {
  await ket({ args: ['down'], cwd: project, box });
  box.remove();
}, 120_000);

const run = (name: keyof typeof suites, more: Partial<Parameters<typeof ket>[0]> = {}): Promise<Ran> =>
  ket({ args: ['run', '--tier', name, '--cluster', cluster], cwd: project, box, ...more });

const nothingLeft = (): void =>
  expect(kubectl(kubeconfig, 'get', 'jobs', '-A', '-l', 'ket.dev/run', '-o', 'name')).toBe('');

test('each shard brings its own results; together they are one suite', async () => {
  const ran = await run('sharded');
  expect({ code: ran.code, stderr: ran.stderr }).toEqual({ code: 0, stderr: '' });
  expect(attemptOf(ran, 'sharded')).toMatchObject({
    ...{ outcome: 'passed', message: '3 tests passed, in 3 shards', logComplete: true },
    counts: { total: 3, passed: 3 },
    pods: [0, 1, 2].map((index) => ({
      ...{ outcome: 'passed', counts: { total: 1 }, commandMs: expect.any(Number) },
      console: { path: `suites/sharded/attempt-1/shard-${String(index)}/console.log` },
    })),
  });
  for (const index of ['0', '1', '2']) {
    const folder = path.join(ran.folder, 'suites', 'sharded', 'attempt-1', `shard-${index}`);
    expect(fs.readFileSync(path.join(folder, 'results', 'mine'), 'utf8')).toBe(`${index}\n`);
    expect(fs.readFileSync(path.join(folder, 'console.log'), 'utf8')).toBe(`shard ${index} of 3\n`);
  }
  expect(
    eventsOf(ran, 'attempt-started')
      .map(({ index }) => index)
      .sort(),
  ).toEqual([0, 1, 2]);
  const merged = fs.readFileSync(path.join(ran.folder, 'junit.xml'), 'utf8');
  expect(merged.match(/<testcase /g)).toHaveLength(3);
  nothingLeft();
}, 120_000);

test('a shard that fails fails the suite, and the others come to their end', async () => {
  const ran = await run('one-red');
  expect(ran.code).toBe(1);
  expect(attemptOf(ran, 'one-red')).toMatchObject({
    ...{ outcome: 'failed', cause: 'cases', message: '1 of 3 tests failed: t0' },
    pods: [{ outcome: 'failed' }, { outcome: 'passed' }, { outcome: 'passed' }],
  });
  nothingLeft();
}, 120_000);

test('a shard that is lost is no pass, whatever the others say, and their results are there', async () => {
  let pod: string | undefined;
  const ran = await run('lost', {
    onEvent(event) {
      if (event.type === 'attempt-started' && event.index === 1)
        pod = `${event.namespace ?? ''}/${event.pod ?? ''}`;
      if (event.type !== 'log' || event.line !== 'ready') return;
      const [namespace = '', name = ''] = (pod ?? '').split('/');
      kubectl(kubeconfig, 'delete', 'pod', '-n', namespace, name, '--force', '--grace-period=0');
    },
  });
  expect(ran.code).toBe(3);
  expect(attemptOf(ran, 'lost')).toMatchObject({
    ...{ outcome: 'infra-error', infraClass: 'deleted' },
    message: expect.stringMatching(/^shard 1: the pod was deleted/),
    pods: [{ outcome: 'passed' }, { outcome: 'infra-error' }],
  });
  const first = path.join(ran.folder, 'suites', 'lost', 'attempt-1', 'shard-0', 'results', 'junit.xml');
  expect(fs.readFileSync(first, 'utf8')).toContain('"t0"');
  nothingLeft();
}, 120_000);

test('a retry runs all shards again, and a pass then is flaky', async () => {
  const ran = await run('again');
  expect(ran.code).toBe(0);
  expect(eventsOf(ran, 'suite-ended')).toMatchObject([{ outcome: 'flaky', attempts: 2 }]);
  expect(fs.readFileSync(path.join(ran.folder, 'junit.xml'), 'utf8')).toMatch(/flakyFailure/);
  nothingLeft();
}, 120_000);

test('all shards together have the expected tests, or nothing is proved', async () => {
  const ran = await run('too-few');
  expect(ran.code).toBe(3);
  expect(attemptOf(ran, 'too-few')).toMatchObject({
    ...{ outcome: 'infra-error', infraClass: 'no-proof' },
    message: 'exit code 0, but only 2 of at least 3 expected tests',
  });
}, 120_000);

test('replicas do the same, each with an index and enough tests of its own', async () => {
  const ran = await run('load');
  expect(ran.code).toBe(0);
  expect(attemptOf(ran, 'load')).toMatchObject({
    message: '6 tests passed, in 3 replicas',
    counts: { total: 6 },
  });
  const lines = [0, 1, 2].map((index) =>
    fs.readFileSync(
      path.join(ran.folder, 'suites', 'load', 'attempt-1', `replica-${String(index)}`, 'console.log'),
      'utf8',
    ),
  );
  expect(lines).toEqual([0, 1, 2].map((index) => `replica ${String(index)} of 3\n`));
}, 120_000);

test('shards that all run the same tests are told so', async () => {
  const ran = await run('same');
  expect(eventsOf(ran, 'notice').map((event) => event.text)).toContain(
    'same: 1 of 1 tests ran in more than one shard; choose them by KET_SHARD and KET_SHARDS',
  );
}, 120_000);

test('a shard that has no place waits for the others', async () => {
  const ran = await run('queued');
  expect({ code: ran.code, stderr: ran.stderr }).toEqual({ code: 0, stderr: '' });
  expect(attemptOf(ran, 'queued').message).toBe('3 tests passed, in 3 shards');
  expect(eventsOf(ran, 'task-awaiting').map(({ what }) => what)).toContainEqual(
    expect.stringMatching(/^queued: /),
  );
  nothingLeft();
}, 180_000);
