import { execFile, execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { RunEvent } from '../../src/model/events.ts';
import { attemptOf, eventsOf, fixture, ket, root, sandbox, up, type Ran, type Sandbox } from './ket.ts';

/** Many suites at once on one node of two cores, whose own pods ask for nearly one. */

let box: Sandbox;
let project = '';
let cluster = '';
let kubeconfig = '';
const image = 'fixture:dev';

const suites = (count: number, cpu: string, command: string, more: object = {}): object[] =>
  Array.from({ length: count }, (_, i) => ({
    ...{ name: `s${String(i)}`, image, command },
    resources: { requests: { cpu, memory: '16Mi' }, limits: { memory: '64Mi' } },
    ...more,
  }));

const tiers: Record<string, object[]> = {
  up: suites(1, '10m', 'junit a'),
  // Long against the time that the kubelet takes from a container's end to the next one's start (3 s on a slow machine).
  three: suites(30, '95m', 'junit a; sleep 20'),
  foreign: suites(16, '195m', 'junit a; echo ready; sleep 6', { pending: '20s' }),
  small: suites(60, '5m', 'junit a; sleep 1'),
  // There is room for the first two and for one of the others, in whichever order they are ready.
  fast: [
    ...suites(1, '200m', 'junit -a; sleep 3; exit 1', { name: 'red', priority: 'smoke' }),
    ...suites(1, '100m', 'junit a; echo ready; sleep 60', { name: 'long', priority: 'smoke' }),
    ...suites(2, '600m', 'junit a; sleep 60', { priority: 'low' }),
  ],
};

beforeAll(async () => {
  box = sandbox();
  project = path.join(box.home, 'project');
  fs.mkdirSync(project);
  fs.copyFileSync(path.join(root, 'kind-configs', 'integration.yaml'), path.join(project, 'kind.yaml'));
  const tier = (list: object[]): object => ({
    cluster: { config: 'kind.yaml' },
    images: [{ name: image, build: fixture }],
    suites: list,
  });
  const config = {
    tiers: Object.fromEntries(Object.entries(tiers).map(([name, list]) => [name, tier(list)])),
  };
  fs.writeFileSync(path.join(project, 'ket.yaml'), JSON.stringify(config));
  const made = await up('up', project, box);
  cluster = made.name;
  kubeconfig = made.kubeconfig;
}, 240_000);
afterAll(async () => {
  await ket({ args: ['down'], cwd: project, box });
  box.remove();
}, 120_000);

const kubectl = (...args: string[]): string =>
  execFileSync('kubectl', ['--kubeconfig', kubeconfig, ...args], { encoding: 'utf8' });

const run = (
  tier: string,
  onEvent: (event: RunEvent) => void = () => undefined,
  ...more: string[]
): Promise<Ran> =>
  ket({ args: ['run', '--tier', tier, '--cluster', cluster, ...more], cwd: project, box, onEvent });

/** Cores that pods may ask for beside those that are there already. */
function freeCores(): number {
  const allocatable = Number(kubectl('get', 'nodes', '-o', 'jsonpath={.items[0].status.allocatable.cpu}'));
  const path_ = '{range .items[*].spec.containers[*]}{.resources.requests.cpu}{"\\n"}{end}';
  const asked = kubectl('get', 'pods', '-A', '-o', `jsonpath=${path_}`)
    .split('\n')
    .filter((text) => text !== '')
    .map((text) => (text.endsWith('m') ? Number(text.slice(0, -1)) / 1000 : Number(text)));
  return allocatable - asked.reduce((a, b) => a + b, 0);
}

const failedSchedulings = (): string =>
  kubectl(
    'get',
    'events',
    '-A',
    '--field-selector',
    'reason=FailedScheduling',
    '-o',
    'jsonpath={.items[*].message}',
  );

test('30 suites that ask for three times the node: none is ever unschedulable, and hardly any room is idle', async () => {
  const before = failedSchedulings();
  const free = freeCores();
  const ran = await run('three');
  expect({ code: ran.code, stderr: ran.stderr }).toEqual({ code: 0, stderr: '' });
  expect(failedSchedulings()).toBe(before);
  const starts = eventsOf(ran, 'task-started').filter((event) => event.task.startsWith('suite '));
  const ends = eventsOf(ran, 'suite-ended');
  expect(ends).toHaveLength(30);
  // With what the sidecar asks for.
  const asked = 0.1;
  const work = eventsOf(ran, 'attempt-ended').reduce((sum, event) => sum + event.attemptMs, 0) * asked;
  const took = Math.max(...ends.map((event) => event.ms)) - Math.min(...starts.map((event) => event.ms));
  const places = Math.floor(free / asked + 1e-9);
  expect(30 / places).toBeGreaterThanOrEqual(2.5);
  // Of equal ones only whole places can be filled, round after round.
  const ideal = (work / (places * asked)) * (Math.ceil(30 / places) / (30 / places));
  expect(took / ideal).toBeLessThan(1.2);
}, 200_000);

test('foreign pods take most of the node midway: who has no place is queued, and gets no verdict for it', async () => {
  kubectl('create', 'priorityclass', 'foreign', '--value=1000000', '--preemption-policy=Never');
  // Each as large as a suite: the first place that is free is theirs, while ket has let in a suite for it. One place of
  // five is left, so the last of those that are queued waits for longer than the limit for pods that are pending.
  const pods = [1, 2, 3, 4].map((number) => ({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: `foreign-${String(number)}`, namespace: 'default' },
    spec: {
      restartPolicy: 'Never',
      priorityClassName: 'foreign',
      containers: [
        { name: 'foreign', image, command: ['sleep', '40'], resources: { requests: { cpu: '200m' } } },
      ],
    },
  }));
  const file = path.join(project, 'foreign.json');
  fs.writeFileSync(file, JSON.stringify({ apiVersion: 'v1', kind: 'List', items: pods }));
  let ready = 0;
  let foreign: Promise<unknown> | undefined;
  const ran = await run('foreign', (event) => {
    if (event.type !== 'log' || event.line !== 'ready' || ++ready !== 2) return;
    foreign = new Promise((resolve) => {
      const args = ['--kubeconfig', kubeconfig, 'create', '-f', file];
      execFile('kubectl', args, (error, stdout) => resolve(error ?? stdout));
    });
  });
  expect(await foreign).toMatch(/foreign-4 created/);
  expect({ code: ran.code, stderr: ran.stderr }).toEqual({ code: 0, stderr: '' });
  expect(new Set(eventsOf(ran, 'suite-ended').map((event) => event.outcome))).toEqual(new Set(['passed']));
  expect(new Set(eventsOf(ran, 'attempt-ended').map((event) => event.attempt))).toEqual(new Set([1]));
  const queued = eventsOf(ran, 'task-awaiting').filter((event) => event.what.startsWith('queued: '));
  expect(queued.length).toBeGreaterThan(0);
  kubectl('delete', '-f', file, '--now');
}, 200_000);

test('60 small suites at once', async () => {
  const ran = await run('small');
  expect({ code: ran.code, stderr: ran.stderr }).toEqual({ code: 0, stderr: '' });
  expect(eventsOf(ran, 'suite-ended').filter((event) => event.outcome === 'passed')).toHaveLength(60);
  let most = 0;
  let now = 0;
  for (const event of ran.events) {
    if (event.type === 'task-started' && event.phase === 'suites') most = Math.max(most, ++now);
    if (event.type === 'task-ended' && event.phase === 'suites') now -= 1;
  }
  expect(most).toBe(60);
}, 300_000);

test('--fail-fast: the first that fails stops those that run, with their results, and those that wait', async () => {
  const ran = await run('fast', undefined, '--fail-fast');
  expect(ran.code).toBe(1);
  const outcomes = new Map(eventsOf(ran, 'suite-ended').map((event) => [event.suite, event.outcome]));
  expect([outcomes.get('red'), outcomes.get('long')]).toEqual(['failed', 'cancelled']);
  expect([outcomes.get('s0'), outcomes.get('s1')].sort()).toEqual(['cancelled', 'skipped']);
  expect(attemptOf(ran, 'long').message).toBe('suite red did not pass, and the first such ends the run');
  const why = eventsOf(ran, 'suite-ended').find((event) => event.outcome === 'skipped')?.message;
  expect(why).toBe('not run: suite red did not pass, and the first such ends the run');
  const saved = path.join(ran.folder, 'suites', 'long', 'attempt-1', 'results', 'junit.xml');
  expect(fs.readFileSync(saved, 'utf8')).toContain('name="a"');
  // Not the 60 s that it would have gone on.
  expect(attemptOf(ran, 'long').attemptMs).toBeLessThan(45_000);
}, 100_000);
