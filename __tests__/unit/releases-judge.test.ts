import { describe, expect, test } from '@jest/globals';
import { podJudge, type Job } from '../../src/releases/judge.ts';
import { belongs } from '../../src/releases/members.ts';
import { illContainer, podTrouble, type Pod } from '../../src/releases/pod-state.ts';
import { notAvailable, type Workloads } from '../../src/releases/workloads.ts';

const t0 = Date.parse('2026-11-21T12:00:00Z');
const at = (seconds: number): string => new Date(t0 + seconds * 1000).toISOString();

interface Shape {
  waiting?: string;
  message?: string;
  restarts?: number;
  ready?: boolean;
  readyAt?: number;
  beganAt?: number;
  exit?: number;
  init?: boolean;
  owner?: string;
  phase?: string;
}
function pod(name: string, shape: Shape = {}): Pod {
  const state =
    shape.waiting === undefined
      ? { running: {} }
      : {
          waiting: {
            reason: shape.waiting,
            ...(shape.message === undefined ? {} : { message: shape.message }),
          },
        };
  const status = {
    name: 'main',
    image: 'shop:dev',
    ready: shape.ready === true,
    restartCount: shape.restarts ?? 0,
    state,
    lastState: {
      terminated: { exitCode: shape.exit ?? 1, reason: 'Error', startedAt: at(shape.beganAt ?? 0) },
    },
  };
  return {
    metadata: {
      name,
      uid: name,
      ...(shape.owner === undefined ? {} : { ownerReferences: [{ kind: shape.owner, name: 'j' }] }),
    },
    status: {
      phase: shape.phase ?? 'Running',
      [shape.init === true ? 'initContainerStatuses' : 'containerStatuses']: [status],
      conditions: [
        {
          type: 'Ready',
          status: shape.ready === true ? 'True' : 'False',
          lastTransitionTime: at(shape.readyAt ?? 0),
        },
      ],
    },
  } as unknown as Pod;
}
const hook = (name: string, kind: string, condition?: string): Job => ({
  metadata: { name, annotations: { 'helm.sh/hook': kind } },
  status:
    condition === undefined
      ? {}
      : { conditions: [{ type: condition, status: 'True', message: 'backoff limit' }] },
});

/** The failure after two looks, the second so many seconds later. */
const after = (seconds: number, pods: readonly Pod[], jobs: readonly Job[] = []) => {
  const judge = podJudge();
  judge.look([], jobs, t0);
  judge.look(pods, jobs, t0);
  return judge.look(pods, jobs, t0 + seconds * 1000).failure;
};

describe('what ends an install early', () => {
  test.each<[string, number, Pod[], string | undefined]>([
    ['nothing while a container is made', 60, [pod('p', { waiting: 'ContainerCreating' })], undefined],
    ['an image that is never pulled, at once', 0, [pod('p', { waiting: 'ErrImageNeverPull' })], 'image'],
    ['a name that is none, at once', 0, [pod('p', { waiting: 'InvalidImageName' })], 'image'],
    ['a failed pull, not at once', 29, [pod('p', { waiting: 'ErrImagePull' })], undefined],
    ['a failed pull, after 30 s', 30, [pod('p', { waiting: 'ImagePullBackOff' })], 'image'],
    ['the image of an init container', 30, [pod('p', { waiting: 'ErrImagePull', init: true })], 'image'],
    [
      'a missing ConfigMap, not at once',
      10,
      [pod('p', { waiting: 'CreateContainerConfigError' })],
      undefined,
    ],
    [
      'a missing ConfigMap, after 30 s',
      30,
      [pod('p', { waiting: 'CreateContainerConfigError' })],
      'configuration',
    ],
    ['one crash', 0, [pod('p', { waiting: 'CrashLoopBackOff', restarts: 1 })], undefined],
    ['a crash loop', 0, [pod('p', { waiting: 'CrashLoopBackOff', restarts: 2, beganAt: 5 })], 'crash-loop'],
    [
      'a crash loop of an init container',
      0,
      [pod('p', { waiting: 'CrashLoopBackOff', restarts: 2, beganAt: 5, init: true })],
      'crash-loop',
    ],
    [
      'a crash loop while its database starts',
      0,
      [pod('p', { waiting: 'CrashLoopBackOff', restarts: 3, beganAt: 5 }), pod('db')],
      undefined,
    ],
    [
      'a crash before the database was ready',
      0,
      [
        pod('p', { waiting: 'CrashLoopBackOff', restarts: 3, beganAt: 5 }),
        pod('db', { ready: true, readyAt: 6 }),
      ],
      undefined,
    ],
    [
      'a crash after the database was ready',
      0,
      [
        pod('p', { waiting: 'CrashLoopBackOff', restarts: 3, beganAt: 7 }),
        pod('db', { ready: true, readyAt: 6 }),
      ],
      'crash-loop',
    ],
    [
      'two that crash do not wait for each other',
      0,
      ['p', 'q'].map((name) => pod(name, { waiting: 'CrashLoopBackOff', restarts: 2, beganAt: 5 })),
      'crash-loop',
    ],
    [
      'so many crashes that no database counts',
      0,
      [pod('p', { waiting: 'CrashLoopBackOff', restarts: 5 }), pod('db')],
      'crash-loop',
    ],
    [
      "a crash loop of a Job is the Job's",
      0,
      [pod('p', { waiting: 'CrashLoopBackOff', restarts: 4, owner: 'Job' })],
      undefined,
    ],
    [
      'a pod that is being replaced',
      60,
      [
        {
          ...pod('p', { waiting: 'ErrImagePull' }),
          metadata: { name: 'p', uid: 'p', deletionTimestamp: at(0) },
        },
      ],
      undefined,
    ],
  ])('%s', (_what, seconds, pods, kind) => expect(after(seconds, pods)?.kind).toBe(kind));

  test('a pull that comes right in between begins anew', () => {
    const judge = podJudge();
    const look = (reason: string | undefined, seconds: number) =>
      judge.look([pod('p', reason === undefined ? {} : { waiting: reason })], [], t0 + seconds * 1000)
        .failure;
    look('ErrImagePull', 0);
    look('ImagePullBackOff', 20);
    look(undefined, 25);
    expect(look('ErrImagePull', 40)).toBeUndefined();
    expect(look('ImagePullBackOff', 69)).toBeUndefined();
    expect(look('ImagePullBackOff', 70)?.kind).toBe('image');
  });

  test('crashes of before the install do not count', () => {
    const judge = podJudge();
    const crashed = (restarts: number) =>
      judge.look([pod('p', { waiting: 'CrashLoopBackOff', restarts, beganAt: 5 })], [], t0).failure;
    expect(crashed(7)).toBeUndefined();
    expect(crashed(8)).toBeUndefined();
    expect(crashed(9)?.message).toBe('container main of pod p crashed 3 times, last with exit code 1');
  });

  test.each<[string, Job, string | undefined]>([
    ['a failed hook', hook('migrate', 'pre-install,pre-upgrade', 'Failed'), 'hook'],
    ['a hook that runs', hook('migrate', 'post-install'), undefined],
    ['a hook that is done', hook('migrate', 'post-install', 'Complete'), undefined],
    ['a failed test hook, which no install runs', hook('t', 'test', 'Failed'), undefined],
    ['a failed Job that is no hook', hook('t', '', 'Failed'), undefined],
  ])('%s', (_what, job, kind) => expect(after(0, [], [job])?.kind).toBe(kind));

  test("the message names container, pod, image and the kubelet's words", () =>
    expect(after(0, [pod('web-1', { waiting: 'ErrImageNeverPull', message: 'not present' })])).toEqual({
      kind: 'image',
      pod: 'web-1',
      container: 'main',
      image: 'shop:dev',
      message: 'container main of pod web-1 has no image shop:dev (ErrImageNeverPull: not present)',
    }));
});

describe('what a pod is doing', () => {
  const shaped = (status: object, spec: object = {}): Pod =>
    ({ metadata: { name: 'p' }, spec, status }) as unknown as Pod;
  test.each<[string, Pod, string | undefined]>([
    ['ready', pod('p', { ready: true }), undefined],
    ['done', shaped({ phase: 'Succeeded' }), undefined],
    [
      'not scheduled',
      shaped({ conditions: [{ type: 'PodScheduled', status: 'False', message: '0/1 nodes' }] }),
      'not scheduled: 0/1 nodes',
    ],
    [
      'waiting',
      pod('p', { waiting: 'ErrImagePull', message: 'no host' }),
      'container main waits (ErrImagePull: no host)',
    ],
    [
      'running, but not ready',
      pod('p', { restarts: 2 }),
      'container main runs but is not ready (its readiness probe), restarted 2 times',
    ],
    ['failed', shaped({ phase: 'Failed', reason: 'Evicted', message: 'low on memory' }), 'low on memory'],
    [
      'failed by its container',
      shaped({ phase: 'Failed', containerStatuses: [{ name: 'm', state: { terminated: { exitCode: 3 } } }] }),
      'failed: container m ended with exit code 3',
    ],
    ['new', shaped({ phase: 'Pending' }), 'starting'],
    [
      'held by an init container',
      shaped({
        initContainerStatuses: [
          { name: 'done', restartCount: 0, state: { terminated: { exitCode: 0 } } },
          { name: 'wait-for-db', restartCount: 0, started: true, state: { running: {} } },
        ],
        containerStatuses: [
          { name: 'main', restartCount: 0, ready: false, state: { waiting: { reason: 'PodInitializing' } } },
        ],
      }),
      'init container wait-for-db runs',
    ],
    [
      'a native sidecar holds nobody',
      shaped(
        {
          initContainerStatuses: [{ name: 'proxy', restartCount: 0, started: true, state: { running: {} } }],
          containerStatuses: [
            {
              name: 'main',
              restartCount: 0,
              ready: false,
              state: { terminated: { exitCode: 137, reason: 'OOMKilled' } },
            },
          ],
        },
        { initContainers: [{ name: 'proxy', restartPolicy: 'Always' }] },
      ),
      'container main ended with exit code 137 (OOMKilled)',
    ],
  ])('%s', (_what, thePod, trouble) => expect(podTrouble(thePod)).toBe(trouble));
  test('the container whose log is shown', () =>
    expect(illContainer([pod('a', { ready: true }), pod('b')])).toEqual({ pod: 'b', container: 'main' }));
});

const mine = { 'meta.helm.sh/release-name': 'shop' };
const deployment = (status: object, over: object = {}, annotations: object = mine): object => ({
  metadata: { name: 'api', generation: 2, annotations },
  spec: { replicas: 2, selector: { matchLabels: { app: 'api' } }, ...over },
  status: { observedGeneration: 2, ...status },
});
const workloads = (over: Partial<Record<keyof Workloads, object[]>>): Workloads => ({
  deployments: [],
  statefulSets: [],
  daemonSets: [],
  jobs: [],
  ...over,
});

const ofShop = (name: string, condition?: object, spec: object = {}): object => ({
  metadata: { name, namespace: 'shop', annotations: { 'meta.helm.sh/release-name': 'shop' } },
  spec,
  status: { conditions: condition === undefined ? [] : [{ ...condition, status: 'True' }] },
});

describe('whether a release is available', () => {
  test.each<[string, Partial<Record<keyof Workloads, object[]>>, string[]]>([
    [
      'what is available is the old one',
      { deployments: [deployment({ replicas: 3, availableReplicas: 2, updatedReplicas: 2 })] },
      ['Deployment api: 1 of 2 available, 1 old still there'],
    ],
    [
      'an old one is still there',
      { deployments: [deployment({ replicas: 3, availableReplicas: 3, updatedReplicas: 2 })] },
      ['Deployment api: 2 of 2 available, 1 old still there'],
    ],
    ['all there', { deployments: [deployment({ availableReplicas: 2, updatedReplicas: 2 })] }, []],
    [
      'one of two',
      { deployments: [deployment({ availableReplicas: 1, updatedReplicas: 2 })] },
      ['Deployment api: 1 of 2 available'],
    ],
    [
      'old pods are available, new ones not',
      { deployments: [deployment({ availableReplicas: 2, updatedReplicas: 1 })] },
      ['Deployment api: 1 of 2 available'],
    ],
    [
      'a change that was not looked at yet',
      { deployments: [deployment({ observedGeneration: 1, availableReplicas: 2, updatedReplicas: 2 })] },
      ['Deployment api: 2 of 2 available'],
    ],
    ['none wanted', { deployments: [deployment({}, { replicas: 0 })] }, []],
    [
      'not of this release',
      { deployments: [deployment({}, {}, { 'meta.helm.sh/release-name': 'other' })] },
      [],
    ],
    [
      'a StatefulSet',
      { statefulSets: [deployment({ readyReplicas: 1, updatedReplicas: 2 })] },
      ['StatefulSet api: 1 of 2 ready'],
    ],
    [
      'a StatefulSet whose pods the user replaces',
      {
        statefulSets: [
          deployment({ readyReplicas: 2, updatedReplicas: 0 }, { updateStrategy: { type: 'OnDelete' } }),
        ],
      },
      [],
    ],
    [
      'a DaemonSet',
      { daemonSets: [deployment({ desiredNumberScheduled: 3, numberReady: 2, updatedNumberScheduled: 3 })] },
      ['DaemonSet api: 2 of 3 ready'],
    ],
    ['a Job that runs', { jobs: [ofShop('seed')] }, ['Job shop/seed: 0 of 1 complete']],
    ['a Job that is done', { jobs: [ofShop('seed', { type: 'Complete' })] }, []],
    ['a Job that failed', { jobs: [ofShop('seed', { type: 'Failed' })] }, ['Job shop/seed: 0 of 1 complete']],
    ['a Job that waits to be let go', { jobs: [ofShop('seed', undefined, { suspend: true })] }, []],
    ['a Job of somebody else', { jobs: [{ metadata: { name: 'other' } }] }, []],
    ['a hook that runs', { jobs: [hook('migrate', 'post-install')] }, ['hook Job migrate: not complete']],
    ['a hook that is done', { jobs: [hook('migrate', 'post-install', 'Complete')] }, []],
  ])('%s', (_what, objects, lacking) => expect(notAvailable(workloads(objects), 'shop')).toEqual(lacking));
});

describe('which pods are of a release', () => {
  const labelled = (labels: object): Pod => ({ metadata: { name: 'p', labels } }) as unknown as Pod;
  const all = workloads({
    deployments: [
      deployment({}),
      deployment({}, { selector: { matchLabels: { app: 'x' } } }, { 'meta.helm.sh/release-name': 'other' }),
    ],
    jobs: [
      {
        ...hook('j', 'post-install'),
        metadata: { name: 'j', labels: { 'app.kubernetes.io/instance': 'shop' } },
      },
    ],
  });
  test.each<[string, Pod, boolean]>([
    ['selected by its workload', labelled({ app: 'api', more: '1' }), true],
    ['selected by the workload of another', labelled({ app: 'x' }), false],
    ['named by the usual label', labelled({ 'app.kubernetes.io/instance': 'shop' }), true],
    ['made by a Job of it', pod('p', { owner: 'Job' }), true],
    ['of nobody', labelled({}), false],
  ])('%s', (_what, thePod, is) => expect(belongs('shop', all, true).pod(thePod)).toBe(is));
  test('alone in its namespace it has all', () =>
    expect(belongs('shop', all, false).pod(labelled({}))).toBe(true));
});
