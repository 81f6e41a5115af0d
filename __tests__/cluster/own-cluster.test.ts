import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { attemptOf, containersOf, eventsOf, fixture, ket, sandbox, type Sandbox } from './ket.ts';
import { expectEnd } from './known-end.ts';

/** Runs with a cluster of their own that do not go to their end as planned: what they say, and that nothing is left. */
describe('a run with a cluster of its own', () => {
  let box: Sandbox;
  beforeEach(() => {
    box = sandbox();
  });
  afterEach(() => box.remove());

  test('a cluster that never gets ready: the cause, diagnostics, and nothing left', async () => {
    const ran = await ket({ args: ['run', '--tier', 'never-ready'], cwd: fixture, box });
    expect(ran.code).toBe(3);
    const ready = eventsOf(ran, 'task-ended').find((event) => event.task === 'cluster ready');
    expect(ready).toMatchObject({ outcome: 'failed', error: { code: 'KET_NODES_NOT_READY' } });
    expect(ready?.error?.message).toMatch(/within 20 s: waiting for node .*control-plane/);
    expect(ready?.error?.next).toMatch(/disableDefaultCNI/);
    expect((ready?.error?.details ?? []).length).toBeGreaterThan(0);
    const saved = fs
      .readdirSync(path.join(ran.folder, 'cluster'), { recursive: true, encoding: 'utf8' })
      .join('\n');
    expect(saved).toMatch(/kubelet/);
    expect(saved).toMatch(/containerd/);
    expect(saved).toMatch(/events/);
    expect(eventsOf(ran, 'suite-ended')).toMatchObject([{ suite: 'never', outcome: 'skipped' }]);
    expect(containersOf(ran.stdout)).toEqual([]);
    expect(box.states()).toEqual([]);
  }, 240_000);

  test.each([
    { during: 'the start of the nodes', task: 'cluster nodes', signal: 'SIGINT' },
    { during: 'the start of Kubernetes', task: 'cluster create', signal: 'SIGTERM' },
  ] as const)(
    '$signal during $during: exit code 130 and nothing left',
    async ({ task, signal }) => {
      const ran = await ket({
        args: ['run', '--tier', 'slow'],
        cwd: fixture,
        box,
        onEvent(event, pid) {
          // A moment later, so that kind is in the middle of it.
          if (event.type === 'task-started' && event.task === task)
            setTimeout(() => process.kill(pid, signal), 1000);
        },
      });
      expect(ran.code).toBe(130);
      expect(eventsOf(ran, 'run-ended')).toMatchObject([{ outcome: 'cancelled', exitCode: 130 }]);
      expect(containersOf(ran.stdout)).toEqual([]);
      expect(box.states()).toEqual([]);
    },
    120_000,
  );

  test('what a killed run leaves is swept, and only once its owner is gone', async () => {
    let during = '';
    let containers: string[] = [];
    let run = '';
    const killed = await ket({
      args: ['run', '--tier', 'slow'],
      cwd: fixture,
      box,
      onEvent(event, pid) {
        if (event.type === 'run-started') run = event.run;
        if (event.type !== 'log' || event.line !== 'ready') return;
        // While it lives, a sweep must not touch what is its own.
        during = execFileSync(path.join(fixture, '..', '..', '..', 'bin', 'ket'), ['cleanup'], {
          env: { ...process.env, ...box.env },
          encoding: 'utf8',
          stdio: ['ignore', 'pipe', 'pipe'],
        });
        containers = containersOf(run);
        process.kill(pid, 'SIGKILL');
      },
    });
    expect(during).toBe('');
    expect(containers).toHaveLength(1);
    expect(containersOf(killed.stdout)).toEqual(containers);
    expect(box.states()).toHaveLength(1);
    const swept = await ket({ args: ['cleanup'], cwd: fixture, box });
    expect(swept.stderr).toMatch(/removed cluster ket-slow-/);
    expect(containersOf(killed.stdout)).toEqual([]);
    expect(box.states()).toEqual([]);
  }, 240_000);

  test('a node that is lost under a suite is an infrastructure error, said before any limit; results of at most 20 s ago are there', async () => {
    let node = '';
    let lostAt = 0;
    const ran = await ket({
      args: ['run', '--tier', 'node-lost'],
      cwd: fixture,
      box,
      onEvent(event) {
        if (event.type === 'attempt-started') node = event.node ?? '';
        if (event.type !== 'log' || event.line !== 'ready') return;
        // Long enough for a second look at the results.
        setTimeout(() => {
          execFileSync('docker', ['kill', node]);
          lostAt = Date.now();
        }, 40_000);
      },
    });
    const took = Date.now() - lostAt;
    expect(node).toMatch(/-worker$/);
    expectEnd(
      ran,
      { suite: 'node-lost' },
      { outcome: 'infra-error', infraClass: 'node-lost', message: /DeletionByTaintManager/ },
    );
    expect(ran.code).toBe(3);
    expect(took).toBeLessThan(150_000);
    const attempt = path.join(ran.folder, 'suites', 'node-lost', 'attempt-1');
    expect(attemptOf(ran, 'node-lost').counts.total).toBe(1);
    const written = Number(fs.readFileSync(path.join(attempt, 'results', 'now.txt'), 'utf8')) * 1000;
    expect(lostAt - written).toBeLessThan(20_000);
    expect(fs.readdirSync(attempt)).not.toContain('results-so-far');
    expect(eventsOf(ran, 'notice').map((event) => event.text)).toContainEqual(
      expect.stringMatching(/^node-lost: 2 files of its results came over while it ran, .* ago$/),
    );
    expect(containersOf(ran.stdout)).toEqual([]);
    expect(box.states()).toEqual([]);
  }, 400_000);

  test('--keep on-failure leaves the cluster and the failed pod, says how to get in, and it expires', async () => {
    const ran = await ket({ args: ['run', '--tier', 'quick', '--keep', 'on-failure'], cwd: fixture, box });
    expect(ran.code).toBe(1);
    const [kept] = eventsOf(ran, 'kept');
    expect(Date.parse(kept?.until ?? '') - Date.now()).toBeGreaterThan(3_000_000);
    const enter =
      kept?.how
        .find((line) => line.startsWith('kubectl exec'))
        ?.replace('-it ', '')
        .split(' ') ?? [];
    const kubeconfig = kept?.how[0]?.replace('export KUBECONFIG=', '') ?? '';
    const inside = execFileSync(enter[0] ?? '', [...enter.slice(1), '-c', 'cat /results/junit.xml'], {
      env: { ...process.env, KUBECONFIG: kubeconfig },
      encoding: 'utf8',
    });
    expect(inside).toContain('meant to fail');
    expect(attemptOf(ran, 'red').outcome).toBe('failed');
    const early = await ket({ args: ['cleanup'], cwd: fixture, box });
    expect(early.stderr).toBe('nothing to remove\n');
    const late = await ket({ args: ['cleanup', '--kept'], cwd: fixture, box });
    expect(late.stderr).toMatch(/removed cluster ket-quick-/);
    expect(containersOf(ran.stdout)).toEqual([]);
    expect(box.states()).toEqual([]);
  }, 240_000);
});
