import { afterEach, describe, expect, test } from '@jest/globals';
import { installedTask } from '../../src/releases/installed.ts';
import type { ReleasePlan } from '../../src/model/plan.ts';
import type { ClusterHandle } from '../../src/model/run.ts';
import type { Task } from '../../src/model/task.ts';
import { folder, removeFolders } from './support/folder.ts';
import {
  aRelease,
  fakeClock,
  FakeCluster,
  fakeContext,
  fakeDeps,
  fakeState,
  noOutbound,
} from './support/phases.ts';

const open: FakeCluster[] = [];
afterEach(() => {
  for (const cluster of open.splice(0)) cluster.kube.close();
  removeFolders();
});

const labels = { 'app.kubernetes.io/instance': 'shop' };
const deployment = (availableReplicas: number, more: object = { labels }): object => ({
  metadata: { name: 'api', namespace: 'shop', ...more },
  spec: { replicas: 2, selector: { matchLabels: { app: 'api' } } },
  status: { replicas: 2, updatedReplicas: 2, availableReplicas },
});
const pod = (name: string, nodeName: string): object => ({
  metadata: { name, uid: name, labels: { app: 'api' } },
  spec: { nodeName, containers: [] },
  status: { phase: 'Running', conditions: [{ type: 'Ready', status: 'True' }] },
});

/** The task over a release that somebody else has installed. Of the fake cluster nothing can be changed. */
async function looked(
  deployments: readonly object[],
  pods: readonly object[],
  over: Partial<ReleasePlan> = {},
) {
  const cluster = new FakeCluster();
  open.push(cluster);
  for (const kind of ['Job', 'StatefulSet', 'DaemonSet', 'Event']) cluster.set(kind, []);
  cluster.set('Deployment', deployments);
  cluster.set('Pod', pods);
  const ready = { id: 'cluster ready' } as unknown as Task<ClusterHandle>;
  const handle = { name: 'staging', kubeconfig: '/k', nodes: [], kube: cluster.kube };
  const run = {
    ...{ runId: 'r', folder: folder(), kubeconfig: '/k', state: fakeState(), env: {} },
    outbound: noOutbound,
  };
  const release = { ...aRelease, installed: true as const, ...over };
  const context = fakeContext(fakeDeps([], fakeClock()), [[ready, handle]]);
  const end = await installedTask(run, release, ready)
    .run(context)
    .then(
      () => 'ready',
      (error: unknown) => error,
    );
  return { end, waits: context.waits, made: run.state.made };
}

describe('a release that is installed already', () => {
  test.each([
    ['by its label', deployment(2)],
    ["by Helm's own word", deployment(2, { annotations: { 'meta.helm.sh/release-name': 'shop' } })],
  ])('is found %s, and not listed as made', async (_, one) => {
    const { end, made } = await looked([one], []);
    expect([end, made]).toEqual(['ready', []]);
  });

  test.each([
    ['nothing at all', []],
    ['what is of another one', [deployment(2, { labels: { 'app.kubernetes.io/instance': 'mail' } })]],
  ])('is not there where there is %s', async (_, deployments) =>
    expect((await looked(deployments, [])).end).toMatchObject({
      code: 'KET_RELEASE',
      message: 'release shop is not in namespace shop, and `installed: true` says that it is',
      where: 'cluster staging',
      next: expect.stringContaining('app.kubernetes.io/instance=shop'),
    }),
  );

  test('is awaited as long as its limit, and what it lacks is told', async () => {
    const { end, waits } = await looked([deployment(1)], [], { limitMs: 60 });
    expect(end).toMatchObject({
      code: 'KET_RELEASE',
      message:
        'release shop, installed already, was not ready within 60 ms: Deployment shop/api: 1 of 2 available',
      next: 'see to it that it works; ket changes nothing about it',
    });
    expect(waits).toContain('Deployment shop/api: 1 of 2 available');
  });

  test('is spread as the tier asks, or it is an error', async () => {
    const two = [pod('a', 'w1'), pod('b', 'w2')];
    expect((await looked([deployment(2)], two, { spread: 2 })).end).toBe('ready');
    const one = [pod('a', 'w1'), pod('b', 'w1')];
    expect((await looked([deployment(2)], one, { spread: 2 })).end).toMatchObject({
      code: 'KET_RELEASE',
      message: 'release shop has its ready pods on 1 node, and `spread` asks for 2',
      where: 'namespace shop',
    });
  });
});
