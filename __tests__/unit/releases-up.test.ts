import path from 'node:path';
import fs from 'node:fs';
import { gzipSync } from 'node:zlib';
import { afterEach, describe, expect, test } from '@jest/globals';
import type { Kube, ObjectRef, Query } from '../../src/model/kube.ts';
import type { ClusterHandle, Tools } from '../../src/model/run.ts';
import type { Task } from '../../src/model/task.ts';
import type { ReleaseMade, UpStore } from '../../src/model/up.ts';
import { newCrds } from '../../src/releases/crds.ts';
import { notMadeFrom } from '../../src/releases/deployed.ts';
import { requireDigests } from '../../src/releases/digests.ts';
import { inputsOf } from '../../src/releases/inputs.ts';
import { prepareTasks } from '../../src/releases/prepare-task.ts';
import { uninstallTasks } from '../../src/releases/removed.ts';
import { releaseTasks } from '../../src/releases/tasks.ts';
import { folder, removeFolders } from './support/folder.ts';
import {
  aPlan,
  aRelease,
  failedWith,
  fakeClock,
  FakeCluster,
  fakeContext,
  fakeDeps,
  fakeState,
  noOutbound,
  ok,
  said,
} from './support/phases.ts';

const open: FakeCluster[] = [];
afterEach(() => {
  for (const cluster of open.splice(0)) cluster.kube.close();
  removeFolders();
});

const key = Buffer.from('a key');
const helmVersion = 'v4.3.1';
const tools = { id: 'tools' } as unknown as Task<Tools>;
const ready = { id: 'ready' } as unknown as Task<ClusterHandle>;
const helms = (value: object): string =>
  Buffer.from(gzipSync(JSON.stringify(value)).toString('base64')).toString('base64');
const deployment = {
  metadata: { name: 'web', namespace: 'shop', annotations: { 'meta.helm.sh/release-name': 'shop' } },
  spec: {
    replicas: 1,
    selector: { matchLabels: { app: 'web' } },
    template: { spec: { containers: [{ name: 'c', image: 'shop:dev' }] } },
  },
  status: { replicas: 1, updatedReplicas: 1, availableReplicas: 1 },
};
const note = {
  metadata: { uid: 'u1', labels: { status: 'deployed', version: '9' } },
  data: {
    release: helms({ manifest: 'kind: Deployment\nmetadata: { name: web }\nspec: { image: "shop:dev" }' }),
  },
};

interface How {
  /** Changes the record that an earlier run left; undefined: there is none. */
  readonly record?: (made: ReleaseMade) => ReleaseMade | undefined;
  /** What the nodes lacked. */
  readonly changed?: readonly string[];
  readonly deployments?: readonly object[];
  /** Later revisions than the one that is on record. */
  readonly later?: readonly (typeof note)[];
}

/** A run on a cluster of `ket up` whose image has the id `new`. */
async function run(how: How) {
  const { record = (made: ReleaseMade) => made, changed = [], deployments = [deployment], later = [] } = how;
  const home = folder();
  const chart = path.join(home, 'chart');
  fs.mkdirSync(chart);
  fs.writeFileSync(path.join(chart, 'Chart.yaml'), 'name: shop');
  const release = { ...aRelease, chart, values: [] };
  const restarted: string[] = [];
  let secrets: readonly { readonly metadata: { readonly labels: { readonly status: string } } }[] = [
    note,
    ...later,
  ];
  const cluster = new FakeCluster({
    list: async <T>({ kind, labelSelector = '' }: Query) => {
      if (kind !== 'Secret') return (kind === 'Deployment' ? [deployment] : []) as T[];
      const status = /status=(\w+)/.exec(labelSelector)?.[1];
      return secrets.filter(({ metadata }) => [undefined, metadata.labels.status].includes(status)) as T[];
    },
    get: async <T>({ kind }: ObjectRef) => (kind === 'Namespace' ? undefined : deployment) as T | undefined,
    patch: async <T>({ name }: ObjectRef) => {
      restarted.push(name);
      return {} as T;
    },
  });
  open.push(cluster);
  for (const kind of ['Job', 'StatefulSet', 'DaemonSet', 'Event', 'Pod']) cluster.set(kind, []);
  cluster.set('Deployment', deployments);
  const inputs = (await inputsOf({ release, helmVersion, env: {}, built: '', key })) ?? '';
  const made = record({
    ...{ namespace: 'shop', helmName: 'shop', inputs, revision: 'u1' },
    ...{ images: { 'shop:dev': 'new' }, workloads: ['Deployment web'] },
  });
  const records = new Map<string, ReleaseMade>(made === undefined ? [] : [['shop', made]]);
  const up: UpStore = {
    key,
    releases: () => Object.fromEntries(records),
    set: (name, one) => void records.set(name, one),
    forget: (name) => void records.delete(name),
  };
  const deps = fakeDeps(
    [
      [
        'upgrade --install',
        () => {
          // Until it is done nothing is known of the release.
          expect(records.size).toBe(0);
          cluster.set('Deployment', [deployment]);
          secrets = [note];
          return ok;
        },
      ],
    ],
    fakeClock(),
  );
  const context = {
    runId: 'r',
    folder: home,
    kubeconfig: '/k',
    state: fakeState(),
    env: {},
    outbound: noOutbound,
  };
  const plan = aPlan({ releases: [release], images: [{ name: 'shop:dev', limitMs: 1 }] });
  const prepared = prepareTasks(context, plan, tools, true);
  const image = { id: 'deliver' } as unknown as Task<{
    changed: readonly string[];
    ids: Record<string, string>;
  }>;
  const { install } = releaseTasks(
    context,
    plan,
    { tools, ready, gone: [], prepared },
    { deliver: [image], spared: () => false },
    { stays: true, up, suiteImages: [] },
  );
  const [prepare] = prepared.tasks;
  if (prepare === undefined) throw new Error('nothing prepares it');
  const handle = { name: 'c', kubeconfig: '/k', nodes: [], kube: cluster.kube };
  const taskContext = fakeContext(deps, [
    [tools, { docker: 'd', helm: 'helm', helmVersion }],
    [ready, handle],
    [image, { changed, ids: { 'shop:dev': 'new' } }],
    [prepare, { chart }],
  ]);
  await install[0]?.run(taskContext);
  return {
    restarted,
    upgraded: deps.commands.some((line) => line.includes('upgrade --install')),
    unchanged: taskContext.events.filter(({ type }) => type === 'unchanged'),
    record: records.get('shop'),
    inputs,
  };
}

describe('a release of ket up', () => {
  test('that is made of the same is only looked at', async () => {
    const ran = await run({});
    expect(ran).toMatchObject({ upgraded: false, restarted: [], record: { images: { 'shop:dev': 'new' } } });
    expect(ran.unchanged).toEqual([
      { type: 'unchanged', task: 'install shop', what: 'release shop', not: 'upgraded' },
    ]);
  });

  test.each<[string, How]>([
    ['other values or another chart', { record: (made) => ({ ...made, inputs: 'other' }) }],
    ['another revision, by somebody else', { record: (made) => ({ ...made, revision: 'u0' }) }],
    // Helm calls the revision before it `deployed` still.
    [
      'an upgrade that failed',
      { later: [{ ...note, metadata: { uid: 'u2', labels: { status: 'failed', version: '10' } } }] },
    ],
    ['a workload that somebody removed', { deployments: [] }],
  ])('is upgraded for %s, and known afterwards', async (_, how) => {
    const { upgraded, unchanged, record, inputs, restarted } = await run(how);
    expect([upgraded, unchanged, restarted]).toEqual([true, [], []]);
    expect(record).toMatchObject({ inputs, revision: 'u1', images: { 'shop:dev': 'new' } });
  });

  test.each<[string, How]>([
    [
      'has changed',
      { changed: ['shop:dev'], record: (made) => ({ ...made, images: { 'shop:dev': 'old' } }) },
    ],
    [
      'was brought to the nodes by a run that ended before it restarted anything',
      { record: (made) => ({ ...made, images: { 'shop:dev': 'old' } }) },
    ],
    ['may have been: a change of it was cut off', { record: () => undefined }],
  ])('is started anew when its image %s', async (_, how) => {
    const { upgraded, restarted } = await run(how);
    expect([upgraded, restarted]).toEqual([true, ['web']]);
  });

  test('the images that its record does not have with this content', () => {
    const made = { images: { a: '1', b: '2' } } as unknown as ReleaseMade;
    expect(notMadeFrom(made, { a: '1', b: '3', c: '4' })).toEqual(['b']);
    expect(notMadeFrom(undefined, { a: '1', c: '4' })).toEqual(['a', 'c']);
  });
});

const signal = new AbortController().signal;

describe('the definitions that Helm will make and leave', () => {
  const crd = (name: string): string =>
    `kind: CustomResourceDefinition\napiVersion: apiextensions.k8s.io/v1\nmetadata: { name: ${name} }\n---\n`;
  const kube: Pick<Kube, 'get'> = {
    get: async <T>({ name }: ObjectRef) => (name === 'there.x' ? {} : undefined) as T | undefined,
  };

  test('are those that the cluster does not have', async () => {
    const deps = fakeDeps([['show crds /c', said(crd('there.x') + crd('new.x') + 'kind: ConfigMap\n')]]);
    expect(await newCrds(deps, 'helm', { chart: '/c' }, kube, signal)).toEqual(['new.x']);
    expect(await newCrds(deps, 'helm', {}, kube, signal)).toEqual([]);
  });

  test('are not guessed where Helm does not tell them', () =>
    expect(
      newCrds(
        fakeDeps([['show crds', failedWith('Error: no chart')]]),
        'helm',
        { chart: '/c' },
        kube,
        signal,
      ),
    ).rejects.toMatchObject({ code: 'KET_RELEASE', where: '/c', details: ['Error: no chart'] }));
});

test('production mode: what runs with another digest is an error, and a pod of a suite is no part of it', async () => {
  const sha = (digit: string): string => `sha256:${digit.repeat(64)}`;
  const pod = (runs: string, labels: object = {}): object => ({
    metadata: { name: 'web-1', labels },
    spec: { containers: [{ name: 'c', image: 'shop:1' }] },
    status: { containerStatuses: [{ name: 'c', imageID: `shop@${runs}` }] },
  });
  const check = (...pods: object[]): Promise<void> =>
    requireDigests(
      { list: async <T>(_query: Query) => pods as T[] },
      aRelease,
      { images: [{ name: 'shop:1', digest: sha('a'), limitMs: 1 }] },
      signal,
    );
  await check(pod(sha('a')), pod(sha('b'), { 'ket.dev/run': 'r' }));
  await expect(check(pod(sha('a')), pod(sha('b')))).rejects.toMatchObject({
    code: 'KET_RELEASE',
    message: 'release shop runs shop:1 with another digest than that of the plan',
    where: 'pod shop/web-1',
    details: [`web-1 c: asked for ${sha('a')}, runs ${sha('b')}`],
  });
});

describe('a release that the tier has no more', () => {
  const made = { namespace: 'old', helmName: 'mail' } as ReleaseMade;
  async function removed(answer: typeof ok) {
    const forgotten: string[] = [];
    const up = { forget: (name: string) => void forgotten.push(name) } as unknown as UpStore;
    const deps = fakeDeps([['uninstall', answer]]);
    const context = {
      runId: 'r',
      folder: '/r',
      kubeconfig: '/k',
      state: fakeState(),
      env: {},
      outbound: noOutbound,
    };
    const [task] = uninstallTasks(context, [['mail', made]], up, { tools, ready });
    const taskContext = fakeContext(deps, [
      [tools, { docker: 'd', helm: 'helm' }],
      [ready, { kubeconfig: '/up' }],
    ]);
    const end = await task?.run(taskContext).catch((error: unknown) => error);
    return { end, forgotten, commands: deps.commands };
  }

  test('is uninstalled, and then forgotten', async () => {
    const { end, forgotten, commands } = await removed(ok);
    expect([end, forgotten]).toEqual([undefined, ['mail']]);
    expect(commands[0]).toContain(
      'uninstall mail --namespace old --ignore-not-found --wait --kubeconfig /up',
    );
  });

  test('that cannot be is told with the command, and stays known', async () => {
    const { end, forgotten } = await removed(failedWith('Error: locked'));
    expect(end).toMatchObject({
      ...{ code: 'KET_RELEASE', details: ['Error: locked'] },
      next: 'helm uninstall mail --namespace old --kubeconfig /up',
    });
    expect(forgotten).toEqual([]);
  });
});
