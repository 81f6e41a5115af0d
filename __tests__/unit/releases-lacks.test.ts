import { describe, expect, test } from '@jest/globals';
import {
  bindsAtOnce,
  claimLacks,
  definitionLacks,
  hasIdleClaim,
  serviceLacks,
  type Claim,
  type Definition,
  type Service,
  type Slice,
  type StorageClass,
} from '../../src/releases/lacks.ts';
import type { AnyObject } from '../../src/model/kube.ts';
import type { Pod } from '../../src/releases/pod-state.ts';
import { sinceWhen } from '../../src/releases/since.ts';
import type { Workloads } from '../../src/releases/workloads.ts';

// eslint-disable-next-line @typescript-eslint/no-unnecessary-type-parameters -- objects of the API, in part
const as = <T>(value: object): T => value as unknown as T;
const annotations = { 'meta.helm.sh/release-name': 'shop' };
const later = as<StorageClass>({
  metadata: { name: 'later', annotations: { 'storageclass.kubernetes.io/is-default-class': 'true' } },
  volumeBindingMode: 'WaitForFirstConsumer',
});
const now = as<StorageClass>({ metadata: { name: 'now' }, volumeBindingMode: 'Immediate' });
const classes = [later, now];

describe('claims', () => {
  test.each([
    ['now', classes, true],
    ['later', classes, false],
    [undefined, classes, false],
    ['', classes, true],
    ['now', [], false],
    ['gone', classes, false],
  ])('of class %s are bound at once', (storageClassName, all, expected) =>
    expect(bindsAtOnce(as({ spec: { storageClassName } }), all)).toBe(expected),
  );

  const claim = (name: string, storageClassName: string, phase?: string): Claim =>
    as({ metadata: { name, namespace: 'shop', annotations }, spec: { storageClassName }, status: { phase } });
  const user = (name: string): Pod =>
    as({ metadata: { name: 'db' }, spec: { volumes: [{ persistentVolumeClaim: { claimName: name } }] } });
  test.each([
    ['bound', claim('a', 'now', 'Bound'), [], []],
    ['that nobody uses, and that wait for it', claim('a', 'later', 'Pending'), [], []],
    [
      'that a pod uses',
      claim('a', 'later', 'Pending'),
      [user('a')],
      ['PersistentVolumeClaim shop/a: not bound (Pending)'],
    ],
    [
      'that need no pod',
      claim('a', 'now', 'Pending'),
      [],
      ['PersistentVolumeClaim shop/a: not bound (Pending)'],
    ],
    ['of others', { ...claim('a', 'now'), metadata: { name: 'a' } }, [], []],
  ])('%s', (_, one, pods, lacks) => expect(claimLacks([one], pods, classes, 'shop')).toEqual(lacks));

  test.each([
    ['used', 'later', 'a', false],
    ['idle', 'later', 'b', true],
    ['idle, of a class that binds at once', 'now', 'b', false],
  ])('%s', (_, storageClassName, used, idle) => {
    const objects = [
      {
        apiVersion: 'v1',
        kind: 'PersistentVolumeClaim',
        metadata: { name: 'a' },
        spec: { storageClassName },
      },
      { apiVersion: 'v1', kind: 'Pod', spec: { volumes: [{ persistentVolumeClaim: { claimName: used } }] } },
    ] as unknown as AnyObject[];
    expect(hasIdleClaim(objects, classes)).toBe(idle);
  });
});

describe('services', () => {
  const service = (spec: object, over: object = {}): Service =>
    as({ metadata: { name: 'api', namespace: 'shop', annotations, ...over }, spec });
  const slice = (name: string, ready?: boolean): Slice =>
    as({
      metadata: { labels: { 'kubernetes.io/service-name': name } },
      endpoints: [{ conditions: { ready } }],
    });
  const deployment = (app: string, replicas: number) => ({
    spec: { replicas, template: { metadata: { labels: { app, tier: 'web' } } } },
  });
  const workloads = (...deployments: object[]): Workloads =>
    as({ deployments, statefulSets: [], daemonSets: [], jobs: [] });
  const pod = (app: string): Pod => as({ metadata: { labels: { app } } });
  const none = { lacks: [], doubts: [] };
  const lack = { lacks: ['Service shop/api: no endpoint is ready'], doubts: [] };
  const api = { selector: { app: 'api' } };
  test.each([
    ['somebody answers', service(api), [slice('api', true)], [], workloads(), none],
    ['somebody answers, and it is not said how', service(api), [slice('api')], [], workloads(), none],
    ['nobody is ready', service(api), [slice('api', false)], [pod('api')], workloads(), lack],
    ['that is another one', service(api), [slice('db', true)], [pod('api')], workloads(), lack],
    ['no pod yet, but a workload', service(api), [], [], workloads(deployment('api', 2)), lack],
    ['scaled to nothing', service(api), [], [], workloads(deployment('api', 0)), none],
    [
      'nobody is meant',
      service(api),
      [],
      [pod('db')],
      workloads(deployment('db', 1)),
      { lacks: [], doubts: ['Service shop/api: no pod has the labels app=api'] },
    ],
    ['without a selector', service({}), [], [], workloads(), none],
    ['a name elsewhere', service({ ...api, type: 'ExternalName' }), [], [], workloads(), none],
    ['of others', service(api, { annotations: {} }), [], [], workloads(), none],
  ])('%s', (_, one, slices, pods, all, expected) =>
    expect(serviceLacks([one], slices, pods, all, 'shop')).toEqual(expected),
  );
});

test('definitions are awaited until they are served', () => {
  const named = (status: string): Definition =>
    as({ metadata: { name: 'a.test' }, status: { conditions: [{ type: 'Established', status }] } });
  const lack = ['CustomResourceDefinition a.test: not established'];
  expect(definitionLacks(['a.test'], [named('True')])).toEqual([]);
  expect(definitionLacks(['a.test'], [named('False')])).toEqual(lack);
  expect(definitionLacks(['a.test'], [])).toEqual(lack);
});

test('how long something has been lacking goes by its subject, and begins anew after a break', () => {
  const since = sinceWhen();
  expect(since.look(['Deployment a: 0 of 2', 'pod b'], 0)).toEqual(['Deployment a: 0 of 2', 'pod b']);
  expect(since.look(['Deployment a: 1 of 2'], 12_000)).toEqual(['Deployment a: 1 of 2, since 10 s']);
  expect(since.look(['pod b', 'Deployment a: 1 of 2'], 61_000)).toEqual([
    'pod b',
    'Deployment a: 1 of 2, since 1 min',
  ]);
});
