import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { attemptOf, containersOf, eventsOf, ket, root, sandbox, type Ran, type Sandbox } from './ket.ts';

/** The application in examples/, from nothing to a verdict: what the README's first command shows. */
const example = path.join(root, 'examples', 'fastapi-postgres');

const gitStatus = (): string =>
  execFileSync('git', ['status', '--porcelain', '--', example], { cwd: root, encoding: 'utf8' });

/** Line rate of a Cobertura file, in percent. */
const lineRate = (file: string): number =>
  Number(/<coverage[^>]* line-rate="([\d.]+)"/.exec(fs.readFileSync(file, 'utf8'))?.[1] ?? '0') * 100;

function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? NaN;
}

describe('the example, integration tier: one node', () => {
  let box: Sandbox;
  let ran: Ran;
  let before = '';
  /** Between the kubelet's stamp of a line and its arrival at the terminal; both clocks are this machine's. */
  const delays: number[] = [];
  beforeAll(async () => {
    box = sandbox();
    before = gitStatus();
    ran = await ket({
      args: ['run', '--tier', 'integration'],
      cwd: example,
      box,
      onEvent(event) {
        if (event.type === 'log' && event.printed !== undefined)
          delays.push(Date.now() - Date.parse(event.printed));
      },
    });
  }, 600_000);
  afterAll(() => box.remove());

  test('every suite passes, with the tests that are there', () => {
    expect(ran.code).toBe(0);
    expect(attemptOf(ran, 'api')).toMatchObject({ outcome: 'passed', counts: { total: 47, passed: 47 } });
    expect(attemptOf(ran, 'db')).toMatchObject({ outcome: 'passed', counts: { total: 32, passed: 32 } });
    expect(attemptOf(ran, 'k8s')).toMatchObject({ outcome: 'passed', counts: { total: 18, passed: 18 } });
  });

  test('the folder of the run has everything, and JUnit says the same as the verdict', () => {
    for (const file of [
      'events.ndjson',
      'summary.md',
      'junit.xml',
      'timings.json',
      'coverage.xml',
      'lcov.info',
    ])
      expect({ file, there: fs.existsSync(path.join(ran.folder, file)) }).toEqual({ file, there: true });
    const junit = fs.readFileSync(path.join(ran.folder, 'junit.xml'), 'utf8');
    expect(junit).toMatch(/<testsuites [^>]*tests="97"/);
    expect(junit).toMatch(/<testsuites [^>]*failures="0"/);
    expect(fs.readFileSync(path.join(ran.folder, 'summary.md'), 'utf8')).toMatch(/97/);
    expect(ran.events.map((event) => event.seq)).toEqual(ran.events.map((_, i) => i + 1));
  });

  test('the coverage of the service itself was gathered in its pod, and is above 70 %', () => {
    expect(lineRate(path.join(ran.folder, 'coverage.xml'))).toBeGreaterThan(70);
  });

  test("timings name every phase, with kind's own steps", () => {
    const text = fs.readFileSync(path.join(ran.folder, 'timings.json'), 'utf8');
    for (const name of [
      'preflight',
      'tools',
      'cluster',
      'images',
      'releases',
      'suites',
      'Starting control-plane',
    ])
      expect(text).toContain(name);
  });

  test('a line of a log is here within a second of being printed (p95)', () => {
    expect(delays.length).toBeGreaterThan(50);
    expect(percentile(delays, 0.95)).toBeLessThan(1000);
  });

  test("nothing is left: no container, no state, nothing in the user's home but state and cache", () => {
    expect(containersOf(ran.stdout)).toEqual([]);
    expect(box.states()).toEqual([]);
    expect(eventsOf(ran, 'leftover')).toEqual([]);
    const home = fs.readdirSync(box.home).filter((name) => !name.startsWith('out-'));
    expect(home.filter((name) => !['state', 'cache', '.docker'].includes(name))).toEqual([]);
    expect(gitStatus()).toBe(before);
  });
});

describe('the example, e2e tier: three nodes', () => {
  let box: Sandbox;
  let ran: Ran;
  beforeAll(async () => {
    box = sandbox();
    ran = await ket({ args: ['run', '--tier', 'e2e'], cwd: example, box, limitMs: 600_000 });
  }, 620_000);
  afterAll(() => box.remove());

  test('every suite passes in the namespace of its release', () => {
    expect(ran.code).toBe(0);
    expect(attemptOf(ran, 'stack')).toMatchObject({ outcome: 'passed', counts: { total: 7, passed: 7 } });
    for (const event of eventsOf(ran, 'attempt-started')) expect(event.namespace).toBe('shop');
  });

  test('policies are enforced, as the check and the suite saw', () => {
    const check = eventsOf(ran, 'task-ended').find(({ task }) => task === 'check db-private');
    expect(check?.outcome).toBe('done');
    expect(attemptOf(ran, 'network-policies')).toMatchObject({ outcome: 'passed', counts: { passed: 4 } });
  });

  test('the nodes were three, and coverage came from the pods on both workers', () => {
    const [release] = fs
      .readdirSync(path.join(ran.folder, 'releases', 'shop'), { withFileTypes: true })
      .filter((entry) => entry.isDirectory() && entry.name.startsWith('shop-api-'))
      .map((entry) => entry.name);
    expect(release).toBeDefined();
    const nodes = eventsOf(ran, 'task-started').find((event) => event.task === 'cluster nodes');
    expect(nodes?.title).toMatch(/3 nodes/);
    expect(lineRate(path.join(ran.folder, 'coverage.xml'))).toBeGreaterThan(70);
  });

  test('nothing is left', () => {
    expect(containersOf(ran.stdout)).toEqual([]);
    expect(box.states()).toEqual([]);
  });
});
