import { describe, expect, test } from '@jest/globals';
import { lookAtAddress, lookAtJob, lookAtWorkload, lookByCommand } from '../../src/checks/look-simple.ts';
import { lookAtPolicy } from '../../src/checks/look-policy.ts';
import type { Seen } from '../../src/checks/look.ts';
import type { Answer } from '../../src/checks/probe.ts';
import type { Standing } from '../../src/checks/running.ts';
import { misdirected } from '../../src/checks/service-port.ts';
import type { Kube, KubeExecRequest } from '../../src/model/kube.ts';
import type { CheckPlan } from '../../src/model/plan.ts';
import { aFailure, anAnswer } from './support/checks.ts';
import { FakeCluster } from './support/phases.ts';

const signal = new AbortController().signal;
const check = (over: Partial<CheckPlan> = {}): CheckPlan => ({
  name: 'c',
  releases: ['shop'],
  namespaces: ['shop'],
  look: { kind: 'network' },
  limitMs: 30_000,
  totalMs: 300_000,
  ...over,
});
const has = (object: object | undefined, more: Partial<Kube> = {}): Kube =>
  new FakeCluster({ get: async <T>() => object as T | undefined, ...more }).kube;
const standing = (pod: string, guest = false): Standing => ({
  ...{ namespace: 'shop', pod, container: 'probe', node: 'w1', address: '10.0.0.2' },
  ...(guest ? { guest } : {}),
});
const condition = (type: string, more: object = {}) => ({
  status: { conditions: [{ type, status: 'True', ...more }] },
});

describe('a Job', () => {
  test.each<[string, object | undefined, Seen]>([
    ['complete', condition('Complete'), { faults: [] }],
    ['that is not there', undefined, { faults: ['there is no Job seed in namespace shop'] }],
    ['that runs', { status: { active: 1 } }, { faults: ['Job seed: not complete'] }],
    [
      'whose condition is not met',
      { status: { conditions: [{ type: 'Complete', status: 'False' }] } },
      { faults: ['Job seed: not complete'] },
    ],
    [
      'that failed stays so',
      condition('Failed', { reason: 'BackoffLimitExceeded', message: 'it has reached the limit' }),
      { faults: ['Job seed failed: it has reached the limit'], final: true },
    ],
    [
      'that failed and tells nothing',
      condition('Failed'),
      { faults: ['Job seed failed: no reason given'], final: true },
    ],
  ])('%s', async (_, job, seen) =>
    expect(await lookAtJob(has(job), { kind: 'job', job: 'seed' }, check())(signal)).toEqual(seen),
  );
});

describe('a workload', () => {
  const workload = { kind: 'Deployment', name: 'api' } as const;
  const deployment = (availableReplicas: number) => ({
    metadata: { name: 'api', namespace: 'shop' },
    spec: { replicas: 2 },
    status: { replicas: 2, updatedReplicas: 2, availableReplicas },
  });
  test.each<[string, object | undefined, string[]]>([
    ['with all its pods', deployment(2), []],
    ['with too few', deployment(1), ['Deployment shop/api: 1 of 2 available']],
    ['that is not there', undefined, ['there is no Deployment api in namespace shop']],
  ])('%s', async (_, object, faults) =>
    expect(await lookAtWorkload(has(object), { kind: 'workload', workload }, check())(signal)).toEqual({
      faults,
    }),
  );
});

describe('a command in a pod', () => {
  const workload = { kind: 'Deployment', name: 'api' } as const;
  const deployment = { spec: { selector: { matchLabels: { app: 'api' } } } };
  const pod = (ready: boolean) => ({
    metadata: { name: 'api-1', labels: { app: 'api' } },
    spec: { containers: [{ name: 'main' }, { name: 'proxy' }] },
    status: {
      phase: 'Running',
      conditions: [{ type: 'Ready', status: ready ? 'True' : 'False' }],
      containerStatuses: [],
    },
  });
  async function ran(exitCode: number, says = '', container?: string, ready = true) {
    const asked: KubeExecRequest[] = [];
    const cluster = new FakeCluster({
      get: async <T>() => deployment as T,
      exec: async (request) => {
        asked.push(request);
        await request.onStdout(Buffer.from(says));
        return { exitCode };
      },
    });
    cluster.set('Pod', [pod(ready)]);
    const look = { kind: 'exec', workload, command: 'pg_isready' } as const;
    const seen = await lookByCommand(
      cluster.kube,
      container === undefined ? look : { ...look, container },
      check({ limitMs: 7000 }),
    )(signal);
    return { seen, asked };
  }

  test('that ends with 0, in the first container unless one is named, by a shell, within the limit', async () => {
    const { seen, asked } = await ran(0);
    expect(seen).toEqual({ faults: [] });
    expect(asked).toMatchObject([
      { pod: 'api-1', container: 'main', argv: ['/bin/sh', '-c', 'pg_isready'], idleMs: 7000 },
    ]);
    expect((await ran(0, '', 'proxy')).asked[0]?.container).toBe('proxy');
  });

  test('that ends with another code is told with its last lines', async () =>
    expect((await ran(2, 'one\ntwo\nthree\nno response\n')).seen.faults).toEqual([
      '/bin/sh -c pg_isready in pod api-1: expected exit code 0, seen: 2: two / three / no response',
    ]));

  test('finds no pod that is ready', async () => {
    const { seen, asked } = await ran(0, '', undefined, false);
    expect(seen.faults).toEqual(['Deployment api in namespace shop: no pod of it is ready']);
    expect(asked).toEqual([]);
  });
});

/** Pods that get these answers, one each. */
const answering = (answers: Readonly<Record<string, Answer>>, service?: object): Kube =>
  has(service, {
    exec: async ({ pod, onStdout }) => {
      await onStdout(Buffer.from(`${JSON.stringify(answers[pod])}\n`));
      return { exitCode: 0 };
    },
  });
const service = { spec: { clusterIP: '10.96.3.7', ports: [{ port: 5432 }] } };

describe('an address', () => {
  const look = { kind: 'tcp', host: 'db', port: 5432 } as const;
  test('holds when every place gets through', async () => {
    const kube = answering({ a: anAnswer(), b: anAnswer() }, service);
    expect(await lookAtAddress(kube, [standing('a'), standing('b')], look, check())(signal)).toEqual({
      faults: [],
    });
  });

  test('does not hold when one place does not; the message says which, and the service is told', async () => {
    const kube = answering({ a: anAnswer(), b: aFailure('connect', 'timeout') }, service);
    const places = [standing('a'), standing('b', true)];
    const seen = await lookAtAddress(kube, places, look, check())(signal);
    expect(seen.services).toEqual(['shop/db']);
    expect(seen.faults).toHaveLength(1);
    expect(seen.faults[0]).toContain(
      'pod b in namespace shop on node w1 → db:5432: expected a connection, seen: ',
    );
  });

  test('an answer on a port that the service does not have is none of its', async () => {
    const kube = answering({ a: anAnswer() }, service);
    const other = { ...look, port: 80 };
    const seen = await lookAtAddress(kube, [standing('a')], other, check())(signal);
    expect(seen.faults[0]).toContain('likely: Service shop/db has no port 80, only 5432');
  });
});

describe('the port of a service', () => {
  test.each<[string, object | undefined, string | undefined]>([
    ['that it has', service, undefined],
    [
      'that it does not have',
      { spec: { clusterIP: '1', ports: [{ port: 80 }] } },
      'Service shop/db has no port 5432, only 80',
    ],
    [
      'that is UDP',
      { spec: { clusterIP: '1', ports: [{ port: 5432, protocol: 'UDP' }] } },
      'Service shop/db has no TCP port',
    ],
    ['without an address of its own', { spec: { clusterIP: 'None', ports: [] } }, undefined],
    ['that is a name elsewhere', { spec: { type: 'ExternalName', clusterIP: '1' } }, undefined],
    ['that is not there', undefined, undefined],
  ])('%s', async (_, object, why) =>
    expect(await misdirected(has(object), 'shop/db', 5432, signal)).toBe(why),
  );
});

describe('a policy is looked at', () => {
  const api = { labels: { app: 'api' }, namespace: 'shop' };
  const web = { labels: {}, namespace: 'default' };
  const policy = { kind: 'policy', host: 'db', port: 5432, allow: [api], deny: [web] } as const;
  const where = { enforced: true, namespaces: ['shop'], domain: 'cluster.local' };
  const dropped = aFailure('connect', 'timeout');
  const looked = (answers: Readonly<Record<string, Answer>>, pods: readonly string[]): Promise<Seen> =>
    lookAtPolicy(
      answering(answers, service),
      policy,
      pods.map((pod) => standing(pod)),
      where,
    )(signal);

  test('from a pod for each who is named', async () => {
    expect(await looked({ a: anAnswer(), b: dropped }, ['a', 'b'])).toEqual({
      faults: [],
      services: ['shop/db'],
    });
    expect((await looked({ a: dropped, b: dropped }, ['a', 'b'])).faults).toHaveLength(2);
  });

  test('a pod that lacks is an error, never a deny that holds', () =>
    expect(looked({ a: anAnswer() }, ['a'])).rejects.toThrow('no pod stands for'));
});
