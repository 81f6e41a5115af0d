import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { Pod } from '../../src/suites/pod/pod-state.ts';
import {
  couldFit,
  fits,
  freeRooms,
  requestsOf,
  type Amount,
  type Node,
} from '../../src/suites/admission/room.ts';

const Mi = 2 ** 20;
interface Resources {
  requests?: Record<string, string>;
  limits?: Record<string, string>;
}
const box = (resources: Resources, more: object = {}) => ({ name: 'c', resources, ...more });
const asks = (cpu: string, memory: string): Resources => ({ requests: { cpu, memory } });
const sidecar = { restartPolicy: 'Always' };

function node(name: string, cpu: string, over: object = {}, ready = true): Node {
  return {
    metadata: { name },
    spec: over,
    status: {
      allocatable: { cpu, memory: '1024Mi', pods: '10' },
      conditions: [{ type: 'Ready', status: ready ? 'True' : 'False' }],
    },
  };
}
const pod = (nodeName: string, cpu: string, phase = 'Running'): Pod => ({
  spec: { nodeName, containers: [box(asks(cpu, '100Mi'))] },
  status: { phase },
});
const amount = (cpu: number, memory = 0): Amount => ({ cpu, memory: memory * Mi, pods: 1 });

describe('what a pod asks for', () => {
  test.each<[string, Parameters<typeof requestsOf>[0], Amount]>([
    [
      'its containers together',
      { containers: [box(asks('100m', '64Mi')), box(asks('0.5', '1Mi'))] },
      amount(0.6, 65),
    ],
    ['nothing', { containers: [box({})] }, amount(0)],
    ['a limit without a request', { containers: [box({ limits: { memory: '32Mi' } })] }, amount(0, 32)],
    [
      'the request before the limit',
      { containers: [box({ limits: { cpu: '2' }, requests: { cpu: '1' } })] },
      amount(1),
    ],
    [
      'sidecars beside them',
      { initContainers: [box(asks('5m', '16Mi'), sidecar)], containers: [box(asks('100m', '64Mi'))] },
      amount(0.105, 80),
    ],
    [
      'an init container that asks for more',
      { initContainers: [box(asks('2', '8Mi'))], containers: [box(asks('1', '64Mi'))] },
      amount(2, 64),
    ],
    [
      'the overhead of its runtime',
      { overhead: { cpu: '250m' }, containers: [box(asks('1', '1Mi'))] },
      amount(1.25, 1),
    ],
  ])('%s', (_name, spec, expected) => {
    const got = requestsOf(spec);
    expect(got.cpu).toBeCloseTo(expected.cpu, 9);
    expect({ ...got, cpu: 0 }).toEqual({ ...expected, cpu: 0 });
  });
});

describe('what nodes have free', () => {
  test('what they can allocate less what their pods ask for that have not ended', () => {
    const pods = [pod('a', '500m'), pod('a', '250m', 'Pending'), pod('a', '1', 'Succeeded'), pod('b', '1')];
    expect(freeRooms([node('a', '2')], pods)).toEqual([{ cpu: 1.25, memory: 824 * Mi, pods: 8 }]);
  });
  test.each<[string, Node]>([
    ['a tainted node', node('a', '2', { taints: [{ key: 'x', effect: 'NoSchedule' }] })],
    ['a cordoned node', node('a', '2', { unschedulable: true })],
    ['a node that is not ready', node('a', '2', {}, false)],
  ])('nothing on %s', (_name, one) => expect(freeRooms([one], [])).toEqual([]));
  test('a taint that only prefers others does not count', () =>
    expect(
      freeRooms([node('a', '2', { taints: [{ key: 'x', effect: 'PreferNoSchedule' }] })], []),
    ).toHaveLength(1));
});

describe('a place for one more', () => {
  const rooms = (...cpus: number[]): Amount[] => cpus.map((cpu) => ({ cpu, memory: 1000 * Mi, pods: 10 }));
  test.each<[string, Amount[], Amount[], Amount, boolean]>([
    ['there is', rooms(1), [], amount(1), true],
    ['thousandths that are not exact in binary', rooms(1 - 0.9), [], amount(0.1), true],
    ['not by a thousandth', rooms(1), [], amount(1.001), false],
    ['not after one that waits', rooms(1), [amount(0.6)], amount(0.5), false],
    ['on the other node', rooms(1, 1), [amount(0.6)], amount(0.5), true],
    ['never across two', rooms(1, 1), [], amount(1.5), false],
    ['not while one that waits has none', rooms(1), [amount(2)], amount(0.1), false],
    ['not without places for pods', [{ cpu: 9, memory: 999 * Mi, pods: 0 }], [], amount(0.1), false],
    ['not without memory', rooms(1), [], amount(0.1, 2000), false],
  ])('%s', (_name, free, waiting, wanted, expected) => expect(fits(free, waiting, wanted)).toBe(expected));

  test('never more than there is, whatever comes', () => {
    const sizes = fc.array(fc.integer({ min: 1, max: 30 }), { maxLength: 40 });
    const nodes = fc.array(fc.integer({ min: 1, max: 20 }), { minLength: 1, maxLength: 4 });
    fc.assert(
      fc.property(sizes, nodes, (wanted, tenths) => {
        const all = rooms(...tenths.map((n) => n / 10));
        const admitted: Amount[] = [];
        for (const size of wanted)
          if (fits(all, admitted, amount(size / 10))) admitted.push(amount(size / 10));
        const sum = admitted.reduce((cpu, one) => cpu + one.cpu, 0);
        expect(sum).toBeLessThanOrEqual(tenths.reduce((a, b) => a + b, 0) / 10 + 1e-6);
        const largest = Math.max(0, ...admitted.map((one) => one.cpu));
        expect(largest).toBeLessThanOrEqual(Math.max(...tenths) / 10 + 1e-6);
      }),
    );
  });

  test('whether a node could ever hold it', () => {
    expect(couldFit([node('a', '1'), node('b', '2')], amount(2))).toBe(true);
    expect(couldFit([node('a', '1')], amount(2))).toBe(false);
  });
});
