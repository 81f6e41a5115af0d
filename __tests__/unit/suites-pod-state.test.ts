import { describe, expect, test } from '@jest/globals';
import {
  disruption,
  hasEnded,
  hasStarted,
  isOwnStorageLimit,
  whyNoPod,
  whyNotStarted,
  type KubeEvent,
  type Pod,
} from '../../src/suites/pod/pod-state.ts';
import { Pending } from '../../src/suites/pod/pending.ts';
import { aPod, aPodWithoutPlace, ended } from './support/suites.ts';

const waiting = (reason: string, message?: string): Pod =>
  aPod({ waiting: { reason, ...(message === undefined ? {} : { message }) } }, { phase: 'Pending' });
const running = aPod({ running: {} });
const creating = waiting('ContainerCreating');
const unschedulable = aPodWithoutPlace('0/1 nodes: Insufficient cpu');
const event = (over: Partial<KubeEvent> = {}): KubeEvent => ({
  metadata: {},
  involvedObject: { kind: 'Job' },
  reason: 'FailedCreate',
  message: 'pods "x" is forbidden: violates PodSecurity "restricted"',
  ...over,
});

describe('what a pod says of itself', () => {
  test.each<[string, Pod, boolean, boolean]>([
    ['no status', {}, false, false],
    ['waiting', creating, false, false],
    ['running', running, true, false],
    ['ended', aPod(ended(0)), true, true],
    ['failed before its containers ran', { status: { phase: 'Failed' } }, false, true],
    ['succeeded', { status: { phase: 'Succeeded' } }, false, true],
  ])('%s', (_name, pod, started, over) => {
    expect([hasStarted(pod), hasEnded(pod)]).toEqual([started, over]);
  });

  test.each([
    ['InvalidImageName', 'image-pull', 0],
    ['ErrImageNeverPull', 'image-pull', 0],
    ['ErrImagePull', 'image-pull', 30_000],
    ['ImagePullBackOff', 'image-pull', 30_000],
    ['CreateContainerConfigError', 'configuration', 10_000],
    ['CreateContainerError', 'configuration', 10_000],
    ['StartError', 'configuration', 0],
  ])('waiting for %s: %s, final after %i ms', (reason, infraClass, graceMs) => {
    const message = `container suite does not start: ${reason}: because`;
    expect(whyNotStarted(waiting(reason, 'because'))).toEqual({ infraClass, graceMs, message });
  });

  test('a wait that is in the nature of things has no reason', () => {
    expect(whyNotStarted(creating)).toBeUndefined();
    expect(whyNotStarted(waiting('PodInitializing'))).toBeUndefined();
    expect(whyNotStarted({})).toBeUndefined();
  });

  test('a container that could not be started; the sidecar counts as well', () => {
    const state = { terminated: { exitCode: 128, reason: 'StartError', message: 'exec format error' } };
    const want = { infraClass: 'configuration', graceMs: 0 };
    expect(whyNotStarted(aPod(state))).toMatchObject({
      ...want,
      message: expect.stringMatching(/not|exec format/),
    });
    const pod = aPod({ waiting: { reason: 'PodInitializing' } });
    const [side] = pod.status?.initContainerStatuses ?? [];
    if (side === undefined) throw new Error('no sidecar');
    expect(
      whyNotStarted({ status: { ...pod.status, initContainerStatuses: [{ ...side, state }] } }),
    ).toMatchObject({ ...want, message: 'container ket could not be started: exec format error' });
  });

  test('no room may come right by itself', () => {
    expect(whyNotStarted(unschedulable)).toEqual({
      infraClass: 'unschedulable',
      message: 'the pod fits on no node: 0/1 nodes: Insufficient cpu',
      graceMs: Infinity,
    });
  });

  test('no pod at all: only events tell', () => {
    expect(whyNoPod([])).toBeUndefined();
    expect(whyNoPod([event({ reason: 'SuccessfulCreate' })])).toBeUndefined();
    expect(whyNoPod([event({ involvedObject: { kind: 'ReplicaSet' } })])).toBeUndefined();
    expect(whyNoPod([event()])).toMatchObject({
      infraClass: 'denied',
      message: expect.stringMatching(/PodSecurity/),
    });
    expect(whyNoPod([event(), event({ message: 'exceeded quota: q' })])).toMatchObject({
      infraClass: 'quota',
    });
  });
});

describe('what took a pod away', () => {
  const failedPod = (reason: string, message = 'm'): Pod =>
    aPod(ended(137), { phase: 'Failed', reason, message });
  const target = (reason: string, status = 'True'): Pod =>
    aPod(ended(137), { conditions: [{ type: 'DisruptionTarget', status, reason }] });
  test.each<[string, Pod, string | undefined]>([
    ['nothing', aPod(ended(1)), undefined],
    ['the scheduler', target('PreemptionByScheduler'), 'preempted'],
    ['a taint', target('DeletionByTaintManager'), 'node-lost'],
    ['the eviction API', target('EvictionByEvictionAPI'), 'evicted'],
    ['the collector of pods', target('DeletionByPodGC'), 'node-lost'],
    ['the kubelet', target('TerminationByKubelet'), 'evicted'],
    ['a reason of the future', target('Later'), 'deleted'],
    ['a condition that does not hold', target('Later', 'False'), undefined],
    ['the node, for pressure', failedPod('Evicted', 'The node was low on resource: memory.'), 'evicted'],
    ['a node that is lost', failedPod('NodeLost'), 'node-lost'],
    ['a node that shuts down', failedPod('NodeShutdown'), 'node-lost'],
    ['preemption on the node', failedPod('Preempting'), 'preempted'],
    ['its own deadline is no disruption', failedPod('DeadlineExceeded'), undefined],
    ['somebody', aPod(ended(0), {}, { deletionTimestamp: 'now' }), 'deleted'],
  ])('%s', (_name, pod, infraClass) => {
    expect(disruption(pod)?.infraClass).toBe(infraClass);
  });

  test.each([
    ['Usage of EmptyDir volume "results" exceeds the limit "2Gi". ', true],
    ['Pod ephemeral local storage usage exceeds the total limit of containers 10Mi. ', true],
    ['Container suite exceeded its local ephemeral storage limit "10Mi". ', true],
    [
      'The node was low on resource: ephemeral-storage. Threshold quantity: 10, available: 1. Container suite was using 5, request is 0, has larger consumption of ephemeral-storage. ',
      false,
    ],
    [
      'The node was low on resource: memory. Container suite was using 5, which exceeds its request of 0. ',
      false,
    ],
    ['', false],
  ])("the test's own doing or the node's: %s", (message, own) => {
    expect(isOwnStorageLimit(failedPod('Evicted', message))).toBe(own);
    expect(disruption(failedPod('Evicted', message)) === undefined).toBe(own);
    expect(isOwnStorageLimit(failedPod('Error', message))).toBe(false);
  });
});

describe('the way of a Job to its running pod', () => {
  const pendingMs = 600_000;
  /** What becomes of it, looked at so many ms after the Job was made. */
  function watch(
    looks: readonly (readonly [ms: number, pod?: Pod | undefined, events?: readonly KubeEvent[]])[],
  ): {
    end: ReturnType<Pending['start']>;
    at: number;
    waits: string[];
  } {
    const pending = new Pending(0);
    const waits: string[] = [];
    for (const [ms, pod, events = []] of looks) {
      const end = pending.start(pod, events, ms, pendingMs, (what) => waits.push(what));
      if (end !== undefined) return { end, at: ms, waits };
    }
    return { end: undefined, at: -1, waits };
  }

  test('it says what it waits for, then hands over the pod', () => {
    const seen = watch([[0], [100, creating], [200, unschedulable], [300, running]]);
    expect(seen.end).toBe(running);
    expect(seen.waits).toEqual([
      'a pod for the Job',
      'the pod to start',
      'the pod fits on no node: 0/1 nodes: Insufficient cpu',
    ]);
  });

  test('a fault that heals by itself has its grace, counted from when it was first seen', () => {
    const pull = waiting('ErrImagePull');
    const back = waiting('ImagePullBackOff');
    const seen = watch([[0], [20_000, pull], [45_000, back], [49_999, pull], [50_000, back]]);
    expect(seen).toMatchObject({ at: 50_000, end: { infraClass: 'image-pull' } });
    // A fault that went away begins anew.
    expect(
      watch([
        [0, pull],
        [29_000, creating],
        [30_000, pull],
        [59_999, pull],
      ]).end,
    ).toBeUndefined();
  });

  test.each<[string, Parameters<typeof watch>[0], object]>([
    ['final at once', [[0, waiting('InvalidImageName')]], { at: 0, end: { infraClass: 'image-pull' } }],
    [
      'denied by admission',
      [[0], [1000, undefined, [event()]], [5999, undefined, [event()]], [6000, undefined, [event()]]],
      { at: 6000, end: { infraClass: 'denied' } },
    ],
    [
      'no room until the limit',
      [
        [0, unschedulable],
        [599_999, unschedulable],
        [600_000, unschedulable],
      ],
      {
        at: 600_000,
        end: { infraClass: 'unschedulable', message: expect.stringMatching(/within 10 min: .*cpu/) },
      },
    ],
    [
      'nothing known until the limit',
      [[0], [600_000]],
      { end: { infraClass: 'lost-contact', message: expect.stringMatching(/gives no reason/) } },
    ],
    [
      'deleted before it started',
      [
        [0, creating],
        [1, undefined],
      ],
      { end: { infraClass: 'deleted' } },
    ],
    [
      'ended before the suite started',
      [[0, { status: { phase: 'Failed', message: 'NodeAffinity' } }]],
      { end: { infraClass: 'configuration', message: expect.stringMatching(/NodeAffinity/) } },
    ],
    [
      'the suite could not be started',
      [[0, aPod({ terminated: { exitCode: 128, reason: 'StartError' } })]],
      { end: { infraClass: 'configuration' } },
    ],
  ])('%s', (_name, looks, want) => {
    expect(watch(looks)).toMatchObject(want);
  });
});
