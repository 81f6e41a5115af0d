import { describe, expect, test } from '@jest/globals';
import type { Node } from '../../src/model/amount.ts';
import type { AnyObject, Kube } from '../../src/model/kube.ts';
import type { ClusterHandle } from '../../src/model/run.ts';
import type { Task } from '../../src/model/task.ts';
import { capacityTask } from '../../src/releases/capacity-task.ts';
import { demandsOf, overCapacity, roomOf, sumOf } from '../../src/releases/capacity.ts';
import type { Pod } from '../../src/releases/pod-state.ts';
import { aPlan, aRelease, FakeCluster, fakeContext, fakeDeps } from './support/phases.ts';

const pod = (cpu: string, memory = '0'): object => ({
  containers: [{ name: 'c', resources: { requests: { cpu, memory } } }],
});
const object = (kind: string, spec: object, annotations = {}): AnyObject => ({
  apiVersion: 'v1',
  kind,
  metadata: { name: kind.toLowerCase(), annotations },
  spec,
});
const node = (name: string, cpu: string, spec: object = {}): Node => ({
  metadata: { name },
  spec,
  status: {
    allocatable: { cpu, memory: '8Gi', pods: '110' },
    conditions: [{ type: 'Ready', status: 'True' }],
  },
});

test.each([
  ['Deployment', { replicas: 3, template: { spec: pod('500m') } }, 1.5],
  ['Deployment', { template: { spec: pod('500m') } }, 0.5],
  ['StatefulSet', { replicas: 0, template: { spec: pod('1') } }, 0],
  ['DaemonSet', { template: { spec: pod('100m') } }, 0.2],
  ['Job', { parallelism: 2, template: { spec: pod('1') } }, 2],
  ['Job', { suspend: true, template: { spec: pod('1') } }, 0],
  ['CronJob', { jobTemplate: { spec: { template: { spec: pod('1') } } } }, 0],
  ['Pod', pod('1'), 1],
  ['Service', {}, 0],
  ['Deployment', { template: {} }, 0],
])('what a %s requests on two nodes: %j', (kind, spec, cpu) =>
  expect(sumOf(demandsOf([object(kind, spec)], 'shop', 2)).cpu).toBeCloseTo(cpu),
);

test('hooks have the nodes for themselves', () =>
  expect(
    demandsOf(
      [object('Job', { template: { spec: pod('9') } }, { 'helm.sh/hook': 'pre-install' })],
      'shop',
      1,
    ),
  ).toEqual([]));

test('room is what open nodes have beside pods of others', () => {
  const nodes = [
    node('a', '4'),
    node('b', '2'),
    node('cp', '8', { taints: [{ key: 'x', effect: 'NoSchedule' }] }),
    node('off', '8', { unschedulable: true }),
  ];
  const on = (nodeName: string, namespace: string, phase = 'Running'): Pod =>
    ({ metadata: { namespace }, spec: { nodeName, ...pod('1') }, status: { phase } }) as unknown as Pod;
  const pods = [
    on('a', 'kube-system'),
    on('a', 'shop'),
    on('b', 'kube-system', 'Succeeded'),
    on('cp', 'kube-system'),
  ];
  expect(roomOf(nodes, pods, ['shop']).cpu).toBe(5);
});

test('what is over it is told with both sums and the largest', () => {
  const demands = demandsOf(
    [
      object('Deployment', { replicas: 2, template: { spec: pod('1500m', '1Gi') } }),
      object('StatefulSet', { template: { spec: pod('100m', '512Mi') } }),
    ],
    'shop',
    1,
  );
  const room = { cpu: 3.1, memory: 4 * 2 ** 30, pods: 100 };
  expect(overCapacity(demands, room)).toBeUndefined();
  expect(overCapacity(demands, { ...room, cpu: 3 })).toMatchObject({
    code: 'KET_CAPACITY',
    message:
      'the releases request 3.1 CPU and 2.5 GiB of memory, and the nodes have 3 CPU and 4.0 GiB of memory left; the largest is Deployment shop/deployment',
    details: [
      'Deployment shop/deployment: 2 × 1.5 CPU and 1.0 GiB of memory',
      'StatefulSet shop/statefulset: 1 × 0.1 CPU and 512.0 MiB of memory',
    ],
  });
  expect(overCapacity(demands, { ...room, memory: 2 ** 30 })?.details[0]).toContain('Deployment');
});

describe('before anything is installed', () => {
  const ready = { id: 'cluster ready' } as unknown as Task<ClusterHandle>;
  const prepared = { id: 'prepare shop' } as unknown as Task;
  const other = { ...aRelease, name: 'other', namespace: 'other' };
  const objects = (replicas: number) =>
    new Map([
      ['shop', [object('Deployment', { replicas, template: { spec: pod('1') } })]],
      ['other', [object('StatefulSet', { replicas: 1, template: { spec: pod('1') } })]],
    ]);
  async function looked(replicas: number, stays: boolean, over: Partial<Kube> = {}) {
    const cluster = new FakeCluster(over);
    cluster.set('Node', [node('a', '4')]);
    cluster.set('Pod', []);
    const plan = aPlan({ releases: [aRelease, other] });
    const task = capacityTask(plan, ready, [prepared], objects(replicas), stays);
    const handle = { name: 'c', kubeconfig: '/k', nodes: [], kube: cluster.kube };
    const context = fakeContext(fakeDeps([]), [[ready, handle]]);
    const end = await task.run(context).then(
      () => 'fits',
      (error: unknown) => error,
    );
    return { task, end, events: context.events };
  }
  const message = expect.stringMatching(/^the releases request 6 CPU .* the nodes have 4 CPU .* left/);

  test('all releases together are compared with the nodes, when their objects are known', async () => {
    const { task, end } = await looked(3, false);
    expect(end).toBe('fits');
    expect(task).toMatchObject({ id: 'releases fit', needs: [ready], after: [prepared] });
  });

  test("what cannot fit in the run's own cluster is an error", async () =>
    expect((await looked(5, false)).end).toMatchObject({ code: 'KET_CAPACITY', message }));

  test('in a cluster that stays it is a warning, for others may make room', async () => {
    const { end, events } = await looked(5, true);
    expect(end).toBe('fits');
    expect(events).toEqual([{ type: 'notice', level: 'warning', text: message }]);
  });

  test('who may not see the nodes of a cluster that stays is told nothing', async () => {
    const list = () => Promise.reject(new Error('forbidden'));
    expect(await looked(5, true, { list })).toMatchObject({ end: 'fits', events: [] });
    expect((await looked(5, false, { list })).end).toMatchObject({ message: 'forbidden' });
  });
});
