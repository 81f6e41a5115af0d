import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import fs from 'node:fs';
import path from 'node:path';
import { containersOf, eventsOf, fixture, ket, readJson, sandbox, type Ran, type Sandbox } from './ket.ts';
import { expectEnd, type KnownEnd } from './known-end.ts';

/** Every end that one machine can provoke, in one run on a real cluster (fixture/ket.yaml, tier verdicts). */
const expected: Readonly<Record<string, KnownEnd>> = {
  passes: { outcome: 'passed', message: /^2 tests passed, 1 skipped$/ },
  'case-fails': { outcome: 'failed', cause: 'cases', message: /^1 of 2 tests failed: b$/ },
  'case-fails-exit-0': { outcome: 'failed', cause: 'cases', message: /^1 of 2 tests failed: b$/ },
  'exit-3': { outcome: 'failed', cause: 'exit-code', message: /exit code 3.*last line: the last words/ },
  killed: { outcome: 'failed', cause: 'signal', message: /SIGSEGV/ },
  hangs: {
    ...{ outcome: 'failed', cause: 'timeout' },
    message: /time limit of 5 s while it ran `sleep 600`; last line: waiting for godot/,
  },
  'ignores-term': { outcome: 'failed', cause: 'timeout', message: /time limit of 3 s/ },
  memory: { outcome: 'failed', cause: 'memory', message: /limit of 32Mi/ },
  'child-memory': {
    outcome: 'failed',
    cause: 'memory',
    message: /exit code 0, but a process of it was killed/,
  },
  'child-memory-allowed': { outcome: 'passed', message: /1 tests? passed/ },
  'no-junit': {
    outcome: 'infra-error',
    infraClass: 'no-proof',
    message: /add --junitxml=\/results\/junit.xml/,
  },
  'empty-junit': { outcome: 'infra-error', infraClass: 'no-proof', message: /is empty/ },
  'cut-junit': { outcome: 'infra-error', infraClass: 'no-proof', message: /is cut off/ },
  'no-case': { outcome: 'infra-error', infraClass: 'no-proof', message: /has no test/ },
  'too-few': { outcome: 'infra-error', infraClass: 'no-proof', message: /only 2 of at least 3/ },
  'exit-code-alone': { outcome: 'passed', message: /exit code alone/ },
  'all-skipped': { outcome: 'skipped', message: /all 2 tests were skipped/ },
  'not-a-command': {
    outcome: 'failed',
    cause: 'exit-code',
    message: /could not be started.*no-such-program/,
  },
  'image-missing': { outcome: 'infra-error', infraClass: 'image-pull', message: /fixture:not-there/ },
  unschedulable: {
    outcome: 'infra-error',
    infraClass: 'unschedulable',
    message: /did not start within 8 s: .*Insufficient cpu/,
  },
  denied: { outcome: 'infra-error', infraClass: 'denied', message: /PodSecurity/ },
  'missing-config': { outcome: 'infra-error', infraClass: 'configuration', message: /"not-there" not found/ },
  storage: { outcome: 'failed', cause: 'storage', message: /exceeds the limit/ },
  scratch: { outcome: 'passed', message: /1 tests? passed/ },
  flaky: { outcome: 'passed', message: /2 tests passed/ },
  'wipes-results': { outcome: 'passed', message: /1 tests? passed/ },
  dollars: { outcome: 'passed', message: /1 tests? passed/ },
};

/**
 * The kubelet of Kubernetes 1.29 says that it evicted a pod only when its sidecar has ended too, which waits for the driver
 * up to the grace of the pod, 5 minutes.
 */
const limitMs = 600_000;

describe('the verdict table on a real cluster', () => {
  let box: Sandbox;
  let ran: Ran;
  beforeAll(async () => {
    box = sandbox();
    const args = ['run', '--tier', 'verdicts', '--parallel', '6'];
    ran = await ket({ args, cwd: fixture, box, limitMs });
  }, limitMs + 60_000);
  afterAll(() => box.remove());

  test('every suite of the tier is in the table', () => {
    expect(
      eventsOf(ran, 'suite-ended')
        .map((event) => event.suite)
        .sort(),
    ).toEqual(Object.keys(expected).sort());
  });

  test.each(Object.entries(expected))('%s', (suite, want) => {
    expectEnd(ran, { suite }, want);
  });

  test('a pass after a failed attempt is flaky, and both attempts are reported', () => {
    const suite = eventsOf(ran, 'suite-ended').find((event) => event.suite === 'flaky');
    expect(suite).toMatchObject({ outcome: 'flaky', attempts: 2 });
    const attempts = eventsOf(ran, 'attempt-ended').filter((event) => event.suite === 'flaky');
    expect(attempts.map((a) => a.outcome)).toEqual(['failed', 'passed']);
  });

  test.each([
    'passes',
    'case-fails',
    'exit-3',
    'killed',
    'hangs',
    'ignores-term',
    'memory',
    'cut-junit',
    'scratch',
  ])('results of %s are brought home, with the record that proves them', (suite) => {
    const folder = path.join(ran.folder, 'suites', suite, 'attempt-1');
    const record = readJson(path.join(folder, 'record.json')) as { nonce: string; console_bytes: number };
    expect(record.nonce).toMatch(/^[0-9a-f]{32}$/);
    expect(fs.statSync(path.join(folder, 'console.log')).size).toBe(record.console_bytes);
    if (!['hangs', 'ignores-term'].includes(suite))
      expect(fs.readFileSync(path.join(folder, 'results', 'junit.xml'), 'utf8')).toMatch(/^<testsuite/);
    expect(fs.readFileSync(path.join(folder, 'pod.yaml'), 'utf8')).toMatch(/^kind: Pod$/m);
  });

  test('what could not be brought home is said', () => {
    const notices = eventsOf(ran, 'notice').map((event) => event.text);
    expect(notices.some((text) => text.startsWith('storage: results are not complete'))).toBe(true);
  });

  test('the console survives a suite that wipes its results', () => {
    const file = path.join(ran.folder, 'suites', 'wipes-results', 'attempt-1', 'console.log');
    expect(fs.readFileSync(file, 'utf8')).toMatch(/^said\n/);
  });

  test('one failed suite makes the run fail', () => {
    expect(ran.code).toBe(1);
    expect(eventsOf(ran, 'run-ended')).toMatchObject([{ outcome: 'failed', exitCode: 1 }]);
  });

  test('nothing is left: no container, no state', () => {
    expect(containersOf(ran.stdout)).toEqual([]);
    expect(box.states()).toEqual([]);
  });
});
