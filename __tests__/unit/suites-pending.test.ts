import { describe, expect, test } from '@jest/globals';
import { Pending } from '../../src/suites/pod/pending.ts';
import type { NeverRan, Pod } from '../../src/suites/pod/pod-state.ts';
import { aPod, aPodWithoutPlace } from './support/suites.ts';

const unschedulable = aPodWithoutPlace('0/1 nodes: Insufficient cpu.');
const minute = 60_000;

test('a pod that was told to go before it started was deleted, whatever its phase became', () => {
  const pod = { ...unschedulable, status: { phase: 'Failed' } };
  const start = (metadata: Pod['metadata']): Pod | NeverRan | undefined =>
    new Pending(0).start(
      { ...pod, metadata: { ...pod.metadata, ...metadata } },
      [],
      1,
      minute,
      () => undefined,
    );
  expect(start({ deletionTimestamp: '2026-01-01T00:00:00Z' })).toMatchObject({ infraClass: 'deleted' });
  expect(start({})).toMatchObject({ infraClass: 'configuration', message: expect.stringMatching(/Failed/) });
});

describe('a pod that has no place', () => {
  const at = (
    pending: Pending,
    now: number,
    mayGetRoom: boolean,
    said: string[] = [],
  ): Pod | NeverRan | undefined =>
    pending.start(unschedulable, [], now, 10 * minute, (what) => said.push(what), mayGetRoom);

  test('has its time to wait for one, and then it is said', () => {
    const pending = new Pending(0);
    expect(at(pending, 9 * minute, false)).toBeUndefined();
    expect(at(pending, 10 * minute, false)).toMatchObject({
      infraClass: 'unschedulable',
      message: expect.stringMatching(/did not start within 10 min.*Insufficient cpu/),
    });
  });

  test('while others of the run hold the room its time does not run, and it is queued', () => {
    const pending = new Pending(0);
    const said: string[] = [];
    expect(at(pending, 9 * minute, true, said)).toBeUndefined();
    expect(at(pending, 30 * minute, true, said)).toBeUndefined();
    expect(said).toEqual(Array(2).fill('queued: the pod fits on no node: 0/1 nodes: Insufficient cpu.'));
    expect(at(pending, 39 * minute, false)).toBeUndefined();
    expect(at(pending, 40 * minute, false)).toMatchObject({ infraClass: 'unschedulable' });
  });

  test('nor is that without end', () => {
    const pending = new Pending(0);
    expect(at(pending, 59 * minute, true)).toBeUndefined();
    expect(at(pending, 70 * minute, true)).toMatchObject({ infraClass: 'unschedulable' });
  });
});

describe('a pod that ended before it started', () => {
  const waiting = { waiting: { reason: 'PodInitializing' } };
  const failed = { phase: 'Failed' } as const;
  test.each<[string, Pod, string, RegExp]>([
    [
      'by itself',
      aPod(waiting, { ...failed, message: 'no' }),
      'configuration',
      /before the suite started: no/,
    ],
    [
      'deleted',
      aPod(waiting, failed, { deletionTimestamp: '2026-11-21T12:00:00Z' }),
      'deleted',
      /^the pod was deleted before it started$/,
    ],
    [
      'evicted',
      aPod(waiting, { ...failed, reason: 'Evicted', message: 'low on memory' }),
      'evicted',
      /evicted the pod: low on memory/,
    ],
  ])('%s', (_name, pod, infraClass, message) => {
    expect(new Pending(0).start(pod, [], 0, minute, () => undefined)).toMatchObject({
      infraClass,
      message: expect.stringMatching(message),
      graceMs: 0,
    });
  });
});
