import fs from 'node:fs';
import path from 'node:path';
import { afterEach, describe, expect, test } from '@jest/globals';
import type { Plan } from '../../src/model/plan.ts';
import type { ClusterHandle } from '../../src/model/run.ts';
import type { KetError } from '../../src/model/errors.ts';
import { releaseGuard } from '../../src/releases/guard.ts';
import { folder, removeFolders } from './support/folder.ts';
import {
  aPlan,
  aRelease,
  fakeClock,
  FakeCluster,
  fakeContext,
  fakeDeps,
  type FakeContext,
} from './support/phases.ts';

const open: FakeCluster[] = [];
afterEach(() => {
  // As the end of a run does.
  for (const cluster of open.splice(0)) cluster.kube.close();
  removeFolders();
});

const deployment = (available: number): object => ({
  metadata: { name: 'api', annotations: { 'meta.helm.sh/release-name': 'shop' } },
  spec: { replicas: 1 },
  status: { replicas: 1, updatedReplicas: 1, availableReplicas: available, observedGeneration: 0 },
});
const pod = (restartCount: number, labels: Record<string, string> = {}): object => ({
  metadata: { name: 'api-1', uid: 'u', labels },
  spec: { containers: [{ name: 'api' }] },
  status: {
    phase: 'Running',
    containerStatuses: [
      {
        ...{ name: 'api', image: 'api:1', ready: false, restartCount },
        state: restartCount === 0 ? { running: {} } : { waiting: { reason: 'CrashLoopBackOff' } },
        lastState: { terminated: { exitCode: 1, reason: 'Error', startedAt: '2026-11-21T12:00:00Z' } },
      },
    ],
  },
});

interface Stage {
  readonly cluster: FakeCluster;
  readonly context: FakeContext;
  readonly clock: ReturnType<typeof fakeClock>;
  readonly out: string;
  readonly signal: () => AbortSignal;
  readonly unavailable: ReadonlyMap<string, string>;
}

function stage(over: Partial<Plan> = {}): Stage {
  const cluster = new FakeCluster({ tail: () => Promise.resolve(['listening', 'the disk is on fire', '']) });
  open.push(cluster);
  for (const kind of ['Job', 'StatefulSet', 'DaemonSet', 'Event']) cluster.set(kind, []);
  cluster.set('Deployment', [deployment(1)]);
  cluster.set('Pod', [pod(0)]);
  const clock = fakeClock();
  const context = fakeContext(fakeDeps([], clock), []);
  const out = folder();
  const { guard, unavailable } = releaseGuard(aPlan({ releases: [aRelease], ...over }), out);
  const handle = { name: 'c', kubeconfig: '/k', nodes: [], kube: cluster.kube } as ClusterHandle;
  return { cluster, context, clock, out, unavailable, signal: () => guard('shop', handle, context) };
}
const turns = async (many = 50): Promise<void> => {
  for (let i = 0; i < many; i += 1) await new Promise(setImmediate);
};
const fired = async (signal: AbortSignal): Promise<KetError> => {
  for (let i = 0; i < 400 && !signal.aborted; i += 1) await new Promise((resolve) => setTimeout(resolve, 5));
  return signal.reason as KetError;
};

describe('a release under suites', () => {
  test('that is well is left alone; one watch serves all suites', async () => {
    const { signal } = stage();
    const first = signal();
    expect(signal()).toBe(first);
    await turns();
    expect(first.aborted).toBe(false);
  });

  test('that crashes again and again: what it said last, and its logs are saved', async () => {
    const { signal, cluster, out } = stage();
    const fires = signal();
    await turns();
    cluster.set('Pod', [pod(3)]);
    const error = await fired(fires);
    expect(error.message).toMatch(
      /^release shop became unhealthy while suites ran: container api of pod api-1 crashed 4 times, last with exit code 1; last line: the disk is on fire$/,
    );
    expect(fs.readFileSync(path.join(out, 'releases', 'shop', 'api-1_api.log'), 'utf8')).toContain('on fire');
  });

  test('that is unavailable for 30 s, not for less', async () => {
    const { signal, cluster, clock } = stage();
    const fires = signal();
    await turns();
    cluster.set('Deployment', [deployment(0)]);
    const began = clock.passed;
    const error = await fired(fires);
    expect(error.message).toMatch(/Deployment api: 0 of 1 available for 30 s/);
    expect(clock.passed - began).toBeGreaterThanOrEqual(29_000);
  });

  test('whose namespace has the pods of suites: they are no part of it', async () => {
    const { signal, cluster } = stage();
    const fires = signal();
    await turns();
    cluster.set('Pod', [pod(9, { 'ket.dev/run': 'r' })]);
    await turns();
    expect(fires.aborted).toBe(false);
  });

  test('is only reported where the plan says so', async () => {
    const { signal, cluster, context, unavailable } = stage({ onUnhealthy: 'report' });
    const said = async (times: number): Promise<void> => {
      for (let i = 0; i < 400 && context.events.length < times; i += 1)
        await new Promise((resolve) => setTimeout(resolve, 5));
    };
    const fires = signal();
    await turns();
    cluster.set('Pod', [pod(3)]);
    await said(1);
    expect(context.events).toMatchObject([
      { type: 'notice', level: 'warning', text: expect.stringContaining('on fire') },
    ]);
    expect([...unavailable]).toEqual([
      ['shop', expect.stringMatching(/^container api of pod api-1 crashed/)],
    ]);
    cluster.set('Pod', [pod(0)]);
    await said(2);
    expect(context.events[1]).toMatchObject({ text: 'release shop is available again' });
    expect([...unavailable]).toEqual([]);
    cluster.set('Deployment', [deployment(0)]);
    await said(3);
    expect([...unavailable]).toEqual([['shop', 'Deployment api: 0 of 1 available for 30 s']]);
    expect(fires.aborted).toBe(false);
  });
});
