import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import {
  attemptOf,
  containersOf,
  eventsOf,
  fixture,
  ket,
  kubectl,
  namespacesBut,
  readJson,
  sandbox,
  up,
  type Sandbox,
} from './ket.ts';
import { expectEnd } from './known-end.ts';

/** What `ket up` leaves is used by many runs; each leaves nothing in it but what was there. */
describe('on a cluster that ket up made', () => {
  let box: Sandbox;
  let name = '';
  let kubeconfig = '';
  beforeAll(async () => {
    box = sandbox();
    ({ name, kubeconfig } = await up('quick', fixture, box));
  }, 300_000);
  afterAll(async () => {
    await ket({ args: ['down'], cwd: fixture, box });
    box.remove();
  }, 120_000);

  /** Requests that leave so many millicores of the node to all that gives way. */
  const roomButFor = (millicores: number): { resources: object } => {
    const parse = (text: string): number => (text.endsWith('m') ? parseFloat(text) : Number(text) * 1000);
    const get = (...args: string[]): string[] =>
      kubectl(kubeconfig, 'get', ...args)
        .split(' ')
        .filter((v) => v !== '');
    const [all = ''] = get('nodes', '-o', 'jsonpath={.items[0].status.allocatable.cpu}');
    const path = 'jsonpath={range .items[*].spec.containers[*]}{.resources.requests.cpu} {end}';
    const taken = ['kube-system', 'local-path-storage'].flatMap((ns) => get('pods', '-n', ns, '-o', path));
    const cpu = parse(all) - taken.map(parse).reduce((sum, value) => sum + value, 0) - millicores;
    return { resources: { requests: { cpu: `${cpu}m` } } };
  };

  test('the next run of the tier uses it, and leaves nothing in it', async () => {
    const ran = await ket({ args: ['run', '--tier', 'quick'], cwd: fixture, box });
    expect(ran.code).toBe(1);
    expect(eventsOf(ran, 'run-started')).toMatchObject([{ cluster: name }]);
    expect(attemptOf(ran, 'quick')).toMatchObject({ outcome: 'passed', counts: { total: 2, passed: 2 } });
    expect(attemptOf(ran, 'red')).toMatchObject({ outcome: 'failed', cause: 'cases' });
    expect(eventsOf(ran, 'leftover')).toEqual([]);
    expect(await namespacesBut(kubeconfig)).toEqual([]);
  }, 120_000);

  test('ket status says what is up and how to reach it', async () => {
    const { stdout } = await ket({ args: ['status'], cwd: fixture, box });
    expect(stdout).toContain(`cluster ${name}`);
    expect(stdout).toContain('up for quick');
    expect(stdout).toContain(`export KUBECONFIG=${kubeconfig}`);
  });

  test('a pod that is deleted under a suite is an infrastructure error, not a failure', async () => {
    const ran = await ket({
      args: ['run', '--tier', 'deleted', '--cluster', name],
      cwd: fixture,
      box,
      onEvent(event) {
        if (event.type === 'log' && event.line === 'ready')
          kubectl(
            kubeconfig,
            'delete',
            'pods',
            '-A',
            '-l',
            'ket.dev/suite=deleted',
            '--grace-period=0',
            '--force',
            '--wait=false',
          );
      },
    });
    expectEnd(
      ran,
      { suite: 'deleted' },
      { outcome: 'infra-error', infraClass: 'deleted', message: /^the pod was deleted (while|before)/ },
    );
    expect(ran.code).toBe(3);
    const log = path.join(ran.folder, 'suites', 'deleted', 'attempt-1', 'console.log');
    expect(fs.readFileSync(log, 'utf8')).toBe('ready\n');
  }, 120_000);

  test('a pod that the cluster evicts is an infrastructure error, and its results are brought home', async () => {
    let started: { namespace?: string; pod?: string } = {};
    const ran = await ket({
      args: ['run', '--tier', 'deleted', '--cluster', name],
      cwd: fixture,
      box,
      onEvent(event) {
        if (event.type === 'attempt-started') started = event;
        if (event.type !== 'log' || event.line !== 'ready') return;
        const { namespace = '', pod = '' } = started;
        const eviction = { apiVersion: 'policy/v1', kind: 'Eviction', metadata: { name: pod, namespace } };
        const url = `/api/v1/namespaces/${namespace}/pods/${pod}/eviction`;
        execFileSync('kubectl', ['--kubeconfig', kubeconfig, 'create', '--raw', url, '-f', '-'], {
          input: JSON.stringify(eviction),
          stdio: ['pipe', 'ignore', 'inherit'],
        });
      },
    });
    expectEnd(
      ran,
      { suite: 'deleted', name: 'evicted' },
      { outcome: 'infra-error', infraClass: 'evicted', message: /EvictionByEvictionAPI/ },
    );
    expect(attemptOf(ran, 'deleted').counts).toMatchObject({ total: 1, passed: 1 });
    expect(ran.code).toBe(3);
    expect(ran.ms).toBeLessThan(40_000);
    const record = readJson(path.join(ran.folder, 'suites', 'deleted', 'attempt-1', 'record.json'));
    expect(record).toMatchObject({ term_received: 15 });
  }, 120_000);

  test('a pod that gives way to one of a higher priority is an infrastructure error, and its results are brought home', async () => {
    const higher = {
      apiVersion: 'scheduling.k8s.io/v1',
      kind: 'PriorityClass',
      metadata: { name: 'higher' },
    };
    const apply = (object: object): string =>
      execFileSync('kubectl', ['--kubeconfig', kubeconfig, 'apply', '-f', '-'], {
        input: JSON.stringify(object),
        encoding: 'utf8',
      });
    apply({ ...higher, value: 1000 });
    const ran = await ket({
      args: ['run', '--tier', 'preempted', '--cluster', name],
      cwd: fixture,
      box,
      onEvent(event) {
        if (event.type !== 'log' || event.line !== 'ready') return;
        const containers = [
          { name: 'c', image: 'fixture:dev', command: ['sleep', '60'], ...roomButFor(100) },
        ];
        apply({
          apiVersion: 'v1',
          kind: 'Pod',
          metadata: { name: 'higher', namespace: 'default' },
          spec: { priorityClassName: 'higher', containers },
        });
      },
    });
    kubectl(kubeconfig, 'delete', 'pod/higher', 'priorityclass/higher', '--grace-period=0', '--force');
    expectEnd(
      ran,
      { suite: 'preempted' },
      { outcome: 'infra-error', infraClass: 'preempted', message: /PreemptionByScheduler/ },
    );
    expect(attemptOf(ran, 'preempted').counts).toMatchObject({ total: 1, passed: 1 });
    expect(ran.code).toBe(3);
    expect(await namespacesBut(kubeconfig)).toEqual([]);
  }, 120_000);

  test('what a killed run left in a namespace that is not its own is swept, and the namespace stays', async () => {
    kubectl(kubeconfig, 'create', 'namespace', 'plain');
    const ready = new Set<string>();
    await ket({
      args: ['run', '--tier', 'beside', '--cluster', name],
      cwd: fixture,
      box,
      onEvent(event, pid) {
        if (event.type === 'log' && event.line === 'ready') ready.add(event.suite);
        if (ready.size === 2) process.kill(pid, 'SIGKILL');
      },
    });
    const ofKet = (): string =>
      kubectl(
        kubeconfig,
        '-n',
        'plain',
        'get',
        'sa,role,rolebinding,cm,job',
        '-l',
        'ket.dev/run',
        '-o',
        'name',
      );
    expect(ofKet().trim().split('\n')).toHaveLength(7);
    const swept = await ket({ args: ['cleanup'], cwd: fixture, box });
    expect(swept.code).toBe(0);
    expect(ofKet()).toBe('');
    expect(kubectl(kubeconfig, '-n', 'plain', 'get', 'secrets', '-o', 'name')).toBe('');
    expect(kubectl(kubeconfig, 'get', 'namespace', 'plain', '-o', 'name').trim()).toBe('namespace/plain');
    kubectl(kubeconfig, 'delete', 'namespace', 'plain', '--wait=false');
    expect(await namespacesBut(kubeconfig)).toEqual([]);
    expect(box.states()).toHaveLength(1);
  }, 180_000);

  test('a quota that refuses the pod is an infrastructure error, with that class', async () => {
    const ran = await ket({ args: ['run', '--tier', 'quota', '--cluster', name], cwd: fixture, box });
    expectEnd(
      ran,
      { suite: 'quota' },
      { outcome: 'infra-error', infraClass: 'quota', message: /exceeded quota: tight/ },
    );
    expect(ran.code).toBe(3);
    expect(await namespacesBut(kubeconfig)).toEqual([]);
  }, 120_000);

  test('an API server that dies and comes back costs neither lines nor the verdict', async () => {
    let killed = 0;
    const seen: string[] = [];
    const ran = await ket({
      args: ['run', '--tier', 'outage', '--cluster', name],
      cwd: fixture,
      box,
      onEvent(event) {
        if (event.type !== 'log') return;
        seen.push(event.line);
        if (event.line !== 'line 5' || killed > 0) return;
        killed++;
        execFileSync('docker', ['exec', `${name}-control-plane`, 'pkill', '-KILL', 'kube-apiserver']);
      },
    });
    expect(killed).toBe(1);
    expect(attemptOf(ran, 'outage')).toMatchObject({ outcome: 'passed', logComplete: true });
    expect(ran.code).toBe(0);
    expect(seen).toEqual(Array.from({ length: 30 }, (_, i) => `line ${i + 1}`));
  }, 240_000);

  test('a cancel saves the results so far, removes the suite, and leaves the cluster', async () => {
    const ran = await ket({
      args: ['run', '--tier', 'slow', '--cluster', name],
      cwd: fixture,
      box,
      onEvent(event, pid) {
        if (event.type === 'log' && event.line === 'ready') process.kill(pid, 'SIGINT');
      },
    });
    expect(ran.code).toBe(130);
    expect(attemptOf(ran, 'slow')).toMatchObject({ outcome: 'cancelled', counts: { total: 1 } });
    const attempt = path.join(ran.folder, 'suites', 'slow', 'attempt-1');
    expect(fs.readFileSync(path.join(attempt, 'results', 'junit.xml'), 'utf8')).toContain('name="a"');
    expect(fs.readFileSync(path.join(attempt, 'console.log'), 'utf8')).toBe('ready\n');
    expect(await namespacesBut(kubeconfig)).toEqual([]);
    expect(containersOf(name)).toHaveLength(1);
  }, 120_000);

  test.each([
    { tier: 'crash', says: /bad/, line: 'the config file is missing' },
    { tier: 'image', says: /fixture:no-such-image/, line: undefined },
    { tier: 'hook', says: /migrate/, line: 'table already exists' },
  ])(
    'a release that cannot become ready ends early, with its cause: $tier',
    async ({ tier, says, line }) => {
      const ran = await ket({ args: ['run', '--tier', tier, '--cluster', name], cwd: fixture, box });
      const failed = eventsOf(ran, 'task-ended').find((event) => event.task.startsWith('install'));
      expect(failed).toMatchObject({ outcome: 'failed', error: { code: 'KET_RELEASE' } });
      expect(failed?.error?.message).toMatch(says);
      if (line !== undefined) expect((failed?.error?.details ?? []).join('\n')).toContain(line);
      // Its limit is 5 minutes.
      expect(failed?.taskMs).toBeLessThan(90_000);
      expect(ran.code).toBe(3);
      expect(eventsOf(ran, 'suite-ended')).toMatchObject([{ suite: 'never', outcome: 'skipped' }]);
      expect(await namespacesBut(kubeconfig)).toEqual([]);
    },
    180_000,
  );

  test('ket down removes it', async () => {
    const down = await ket({ args: ['down'], cwd: fixture, box });
    expect(down.code).toBe(0);
    expect(containersOf(name)).toEqual([]);
    expect(box.states()).toEqual([]);
    const { stdout } = await ket({ args: ['status'], cwd: fixture, box });
    expect(stdout).toBe('nothing is up, kept or left over\n');
  }, 60_000);
});
