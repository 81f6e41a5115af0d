import { describe, expect, test } from '@jest/globals';
import { clusterReadiness, readinessCure, type ClusterObjects } from '../../src/cluster/readiness.ts';
import { awaitingText, waitUntilReady } from '../../src/cluster/ready.ts';
import { FakeCluster } from './support/phases.ts';

const node = (name: string, status: string, message = ''): object => ({
  metadata: { name },
  status: { conditions: [{ type: 'Ready', status, message }] },
});
const dns = (available: number, condition: string): object => ({
  metadata: { name: 'coredns', generation: 1 },
  spec: { replicas: 2 },
  status: {
    observedGeneration: 1,
    availableReplicas: available,
    conditions: [{ type: 'Available', status: condition }],
  },
});
const account = { metadata: { name: 'default' } };
const storage = {
  metadata: { name: 'standard', annotations: { 'storageclass.kubernetes.io/is-default-class': 'true' } },
};
const objects = (over: Partial<Record<keyof ClusterObjects, object[]>>): ClusterObjects =>
  ({
    nodes: [node('a', 'True'), node('b', 'True')],
    deployments: [dns(2, 'True')],
    serviceAccounts: [account],
    storageClasses: [storage],
    ...over,
  }) as unknown as ClusterObjects;

describe('whether a cluster is ready', () => {
  test('everything there', () =>
    expect(clusterReadiness(objects({}), ['a', 'b'])).toEqual({ ready: true, waitingFor: [] }));
  test.each<[string, Partial<Record<keyof ClusterObjects, object[]>>, string]>([
    ['a node has not joined', { nodes: [node('a', 'True')] }, 'node b (has not joined)'],
    [
      'another node is no substitute',
      { nodes: [node('a', 'True'), node('c', 'True')] },
      'node b (has not joined)',
    ],
    [
      'a node is not ready',
      { nodes: [node('a', 'True'), node('b', 'False', 'no CNI')] },
      'node b (not ready: no CNI)',
    ],
    ['a node is unknown', { nodes: [node('a', 'True'), node('b', 'Unknown')] }, 'node b (not ready: )'],
    [
      'a node without status',
      { nodes: [node('a', 'True'), { metadata: { name: 'b' } }] },
      'node b (has no status yet)',
    ],
    ['no CoreDNS', { deployments: [] }, 'CoreDNS (not made yet)'],
    ['CoreDNS not available', { deployments: [dns(0, 'False')] }, 'CoreDNS (0 of 2 available)'],
    [
      'CoreDNS that says so without a replica',
      { deployments: [dns(0, 'True')] },
      'CoreDNS (0 of 2 available)',
    ],
    ['no service account', { serviceAccounts: [] }, 'the default service account (not made yet)'],
    [
      'a storage class that is not the default',
      { storageClasses: [{ metadata: { name: 's' } }] },
      'a default storage class (none yet)',
    ],
  ])('%s', (_what, over, waiting) =>
    expect(clusterReadiness(objects(over), ['a', 'b'])).toEqual({ ready: false, waitingFor: [waiting] }),
  );
  test('one of two DNS replicas answers, and that is DNS', () =>
    expect(clusterReadiness(objects({ deployments: [dns(1, 'True')] }), ['a', 'b']).ready).toBe(true));
});

describe('the gate', () => {
  const gate = (cluster: FakeCluster, limitMs: number, signal = new AbortController().signal) => {
    const waits: string[] = [];
    const work = waitUntilReady({
      kube: cluster.kube,
      nodes: ['a'],
      limitMs,
      disableDefaultCNI: true,
      signal,
      awaiting: (what) => waits.push(what),
    });
    return { work, waits };
  };

  test('opens with the last object, and says on the way what is awaited', async () => {
    const cluster = new FakeCluster();
    const { work, waits } = gate(cluster, 5000);
    await new Promise((resolve) => setTimeout(resolve, 20));
    cluster.set('Node', [node('a', 'True')]);
    cluster.set('Deployment', [dns(2, 'True')]);
    cluster.set('StorageClass', [storage]);
    const before = waits.at(-1);
    cluster.set('ServiceAccount', [account]);
    await work;
    expect(waits[0]).toBe('the API server');
    expect(before).toBe('the default service account (not made yet)');
  });

  test('over its limit it names what is lacking, in what state', async () => {
    const cluster = new FakeCluster();
    cluster.set('Node', [node('a', 'False', 'cni plugin not initialized')]);
    await expect(gate(cluster, 60).work).rejects.toMatchObject({
      code: 'KET_NODES_NOT_READY',
      message: expect.stringContaining('node a (not ready: cni plugin not initialized)'),
      next: expect.stringContaining('disableDefaultCNI'),
    });
  });

  test('an API server that never answers is named', () => {
    const kube = new FakeCluster({
      reflect: () => ({
        items: () => [],
        close: () => undefined,
        until: (_decide, signal) =>
          new Promise((_resolve, reject) =>
            signal.addEventListener('abort', () => reject(signal.reason as Error)),
          ),
      }),
    });
    return expect(gate(kube, 40).work).rejects.toThrow('waiting for the API server');
  });

  test('a cancel is a cancel, not a time-out', () =>
    expect(gate(new FakeCluster(), 5000, AbortSignal.timeout(30)).work).rejects.toThrow('timeout'));

  test('an API server that refuses for good ends it', () => {
    const cluster = new FakeCluster({
      reflect: () => ({
        items: () => [],
        close: () => undefined,
        until: () => Promise.reject(new Error('403 forbidden')),
      }),
    });
    return expect(gate(cluster, 5000).work).rejects.toThrow("the cluster's API refuses: 403 forbidden");
  });
});

test('what is awaited fits into a line', () => {
  expect(awaitingText(['a'])).toBe('a');
  expect(awaitingText(['a', 'b', 'c'])).toBe('a and 2 more');
});

test.each([
  ['node a (not ready: cni plugin not initialized)', true, 'remove it'],
  ['node a (not ready: cni plugin not initialized)', false, 'kube-system'],
  ['node a (has not joined)', false, 'inotify'],
  ['CoreDNS (0 of 2 available)', false, 'cluster limit'],
])('the cure of: %s', (text, noCni, cure) => expect(readinessCure([text], noCni)).toContain(cure));
