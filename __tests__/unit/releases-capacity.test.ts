import { expect, test } from '@jest/globals';
import type { Node } from '../../src/model/amount.ts';
import type { AnyObject } from '../../src/model/kube.ts';
import { demandsOf, overCapacity, roomOf, sumOf } from '../../src/releases/capacity.ts';
import type { Pod } from '../../src/releases/pod-state.ts';

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
