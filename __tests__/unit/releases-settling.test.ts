import { describe, expect, test } from '@jest/globals';
import { settling } from '../../src/releases/settling.ts';
import type { Pod } from '../../src/releases/pod-state.ts';

const pod = (restartCount: number, probe: boolean, ready = true): Pod =>
  ({
    metadata: { name: 'web', uid: 'u' },
    spec: { containers: [{ name: 'web', ...(probe ? { readinessProbe: {} } : {}) }] },
    status: {
      phase: 'Running',
      conditions: [{ type: 'Ready', status: ready ? 'True' : 'False' }],
      containerStatuses: [{ name: 'web', restartCount, ready, state: { running: {} } }],
    },
  }) as unknown as Pod;

describe('a container that runs', () => {
  test('counts at once with a readiness probe', () => expect(settling().look([pod(0, true)], 0)).toEqual([]));

  test('counts without one only after it has run for two seconds', () => {
    const settle = settling();
    expect(settle.look([pod(0, false)], 1000)).toEqual([
      'pod web: container web has no readiness probe and has only just started',
    ]);
    expect(settle.look([pod(0, false)], 2999)).toHaveLength(1);
    expect(settle.look([pod(0, false)], 3000)).toEqual([]);
  });

  test('begins again after a restart', () => {
    const settle = settling();
    settle.look([pod(0, false)], 0);
    expect(settle.look([pod(1, false)], 5000)).toHaveLength(1);
  });

  test('is not waited for twice: a pod that is not ready says so itself', () =>
    expect(settling().look([pod(0, false, false)], 0)).toEqual([]));
});
