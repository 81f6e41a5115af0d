import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { ExecRequest, ExecResult } from '../../src/model/deps.ts';
import type { EventBody } from '../../src/model/events.ts';
import type { AnyObject, Kube } from '../../src/model/kube.ts';
import { KubeError } from '../../src/kube/error.ts';
import type { ReleasePlan } from '../../src/model/plan.ts';
import type { ClusterHandle, Tools } from '../../src/model/run.ts';
import type { Task } from '../../src/model/task.ts';
import { escapeSet, helmCure, helmEnv, helmSaid, installArgv } from '../../src/releases/helm.ts';
import { failedJob, installRelease } from '../../src/releases/install.ts';
import { execute } from '../../src/pipeline/executor.ts';
import { prepareTasks } from '../../src/releases/prepare-task.ts';
import { releaseTasks } from '../../src/releases/tasks.ts';
import {
  noOutbound,
  aPlan,
  aRelease,
  failedWith,
  fakeClock,
  FakeCluster,
  fakeContext,
  fakeDeps,
  fakeState,
  ok,
} from './support/phases.ts';

const aTask = <T = Tools>(id: string): Task<T> => ({ id }) as unknown as Task<T>;

describe("Helm's command line", () => {
  const args = {
    helm: 'helm',
    helmVersion: 'v4.3.1',
    kubeconfig: '/run/kubeconfig',
    release: aRelease,
    chart: '/repo/charts/shop',
  };
  test('for Helm 4', () =>
    expect(installArgv({ ...args, release: { ...aRelease, set: { 'a.b': '1,2', c: '{x,y}' } } })).toEqual([
      ...[
        'helm',
        'upgrade',
        '--install',
        'shop',
        '/repo/charts/shop',
        '--namespace',
        'shop',
        '--create-namespace',
      ],
      ...['--values', '/repo/values.yaml', '--set', 'a.b=1\\,2', '--set', 'c={x,y}'],
      ...['--wait=watcher', '--timeout', '60s', '--kubeconfig', '/run/kubeconfig'],
    ]));
  test('of a copy: named as what it is a copy of, in a namespace of its own', () => {
    const copy = {
      ...aRelease,
      name: 'shop@a',
      namespace: 'shop-a',
      copyOf: { release: 'shop', suite: 'a' },
    };
    expect(installArgv({ ...args, release: copy }).slice(3, 7)).toEqual([
      ...['shop', '/repo/charts/shop', '--namespace', 'shop-a'],
    ]);
    const said =
      'Error: ClusterRole "shop" in namespace "" exists and cannot be imported into the current release: invalid ownership metadata';
    expect(helmCure(said, copy)).toMatch(/once only.*Release.Namespace.*`isolation: shared` for suite a/);
    expect(helmCure(said, aRelease)).toMatch(/choose another name or namespace for shop/);
  });
  test('for Helm 3', () => {
    const argv = installArgv({ ...args, helmVersion: 'v3.19.5' });
    expect(argv).toContain('--wait');
    expect(argv).not.toContain('--wait=watcher');
  });
  test.each([
    ['plain', 'plain'],
    ['a,b', 'a\\,b'],
    ['C:\\x', 'C:\\\\x'],
    ['{a,b}', '{a,b}'],
  ])('--set takes %s literally', (value, escaped) => expect(escapeSet(value)).toBe(escaped));

  test("nothing of the user's environment changes what the plan says", () => {
    const env = {
      HELM_NAMESPACE: 'x',
      HELM_KUBECONTEXT: 'prod',
      HELM_REGISTRY_CONFIG: '/mine',
      KUBECONFIG: '~/.kube/config',
      XDG_CACHE_HOME: '/cache',
    };
    expect(helmEnv(env, '/run/kubeconfig')).toEqual({
      HELM_NAMESPACE: '',
      HELM_KUBECONTEXT: '',
      HELM_CACHE_HOME: '/cache/ket/helm/cache',
      HELM_CONFIG_HOME: '/cache/ket/helm/config',
      HELM_DATA_HOME: '/cache/ket/helm/data',
      KUBECONFIG: '/run/kubeconfig',
      KUBECACHEDIR: '/cache/ket/helm/kube',
    });
  });

  test('its error without its progress', () =>
    expect(helmSaid('level=WARN msg=x\nRelease "shop" does not exist.\nError: failed\nmore\n')).toEqual([
      'Error: failed',
      'more',
    ]));
  test.each([
    [
      'Error: found in Chart.yaml, but missing in charts/ directory: postgresql',
      'helm dependency build /repo/charts/shop',
    ],
    ['Error: another operation (install/upgrade/rollback) is in progress', 'helm uninstall shop'],
    ['Error: parse error at (shop/templates/x.yaml:3)', 'helm template shop'],
    ["Error: values don't meet the specifications of the schema(s)", '/repo/values.yaml'],
    ['Error: something else', 'try it alone'],
  ])('the cure of: %s', (said, cure) => expect(helmCure(said, aRelease)).toContain(cure));
});

describe('installing', () => {
  let folder: string;
  beforeEach(() => {
    folder = fs.mkdtempSync(path.join(os.tmpdir(), 'ket-install-'));
  });
  afterEach(() => fs.rmSync(folder, { recursive: true, force: true }));

  const deployment = (available: number): object => ({
    metadata: { name: 'api', annotations: { 'meta.helm.sh/release-name': 'shop' } },
    spec: { replicas: 1, template: { metadata: { labels: { app: 'api' } } } },
    status: { availableReplicas: available, updatedReplicas: 1 },
  });
  const pod = (status: object, ready = false, owner = 'ReplicaSet'): object => ({
    metadata: { name: 'api-1', uid: 'u1', ownerReferences: [{ kind: owner, name: 'migrate' }] },
    spec: { containers: [{ name: 'main' }] },
    status: {
      phase: 'Running',
      conditions: [{ type: 'Ready', status: ready ? 'True' : 'False' }],
      containerStatuses: [{ name: 'main', image: 'ghcr.io/me/api:1', restartCount: 0, ready, ...status }],
    },
  });

  type Helm = (request: ExecRequest) => ExecResult | Promise<ExecResult>;
  const start = (
    cluster: FakeCluster,
    helm: Helm,
    over: Partial<ReleasePlan> = {},
    delivered: string[] = [],
    env: Record<string, string> = {},
    objects: readonly AnyObject[] = [],
  ) => {
    const waits: string[] = [];
    const warnings: string[] = [];
    const deps = { ...fakeDeps([['upgrade --install', helm]], fakeClock()), env };
    const handle: ClusterHandle = {
      name: 'c',
      kubeconfig: '/run/kubeconfig',
      nodes: ['n'],
      kube: cluster.kube,
    };
    const work = installRelease(deps, {
      helm: 'helm',
      helmVersion: 'v4.3.1',
      cluster: handle,
      release: { ...aRelease, ...over },
      chart: '/repo/charts/shop',
      objects,
      shared: false,
      folder,
      delivered,
      signal: new AbortController().signal,
      awaiting: (what) => waits.push(what),
      warn: (text) => warnings.push(text),
    });
    return { work, waits, warnings, deps };
  };
  /** Helm that waits until it is ended. */
  const waiting: Helm = ({ signal }) =>
    new Promise((_resolve, reject) => {
      const end = (): void => reject(signal?.reason as Error);
      if (signal?.aborted === true) end();
      else signal?.addEventListener('abort', end);
    });
  const logs = (lines: string[]): Partial<Kube> => ({ tail: () => Promise.resolve(lines) });

  test('ready when Helm says so and ket sees it', async () => {
    const cluster = new FakeCluster();
    const { work } = start(cluster, () => {
      cluster.set('Deployment', [deployment(1)]);
      return { ...ok, stderr: 'helm says' };
    });
    await work;
    expect(fs.readFileSync(path.join(folder, 'helm.log'), 'utf8')).toBe('helm says');
  });

  test('values that are in no file come to Helm by its standard input, after the files', async () => {
    const cluster = new FakeCluster();
    const read: string[] = [];
    const release = {
      inline: { api: { replicas: 2, key: 'open' }, list: [1] },
      secrets: [
        { path: ['api', 'key'], variable: 'API_KEY' },
        { path: ['db', '__proto__', 'password'], variable: 'DB_PASSWORD' },
      ],
    };
    const { work, deps } = start(
      cluster,
      async ({ stdin }) => {
        for await (const piece of stdin ?? []) read.push(String(piece));
        return ok;
      },
      release,
      [],
      { API_KEY: '007', DB_PASSWORD: 'hush, "now"\n' },
    );
    await work;
    expect(read.join('')).toBe(
      '{"api":{"replicas":2,"key":"007"},"list":[1],"db":{"__proto__":{"password":"hush, \\"now\\"\\n"}}}',
    );
    expect(deps.commands[0]).toContain('--values /repo/values.yaml --values - --wait');
    expect(deps.commands[0]).not.toMatch(/007|hush/);
    const written = fs.readdirSync(folder).map((file) => fs.readFileSync(path.join(folder, file), 'utf8'));
    expect(written.join('')).not.toMatch(/007|hush/);
    // The plan is what it was.
    expect(release.inline.api.key).toBe('open');
  });

  test("Helm's word alone is not enough", async () => {
    const cluster = new FakeCluster();
    const { work } = start(cluster, () => {
      cluster.set('Deployment', [deployment(0)]);
      setTimeout(() => cluster.set('Deployment', [deployment(1)]), 50);
      return ok;
    });
    const began = performance.now();
    await work;
    expect(performance.now() - began).toBeGreaterThan(40);
  });

  test('a crash loop ends Helm early, with the last lines', async () => {
    const cluster = new FakeCluster(logs(['FATAL no config']));
    const { work, deps } = start(cluster, waiting);
    await new Promise((resolve) => setTimeout(resolve, 30));
    const state = { waiting: { reason: 'CrashLoopBackOff' } };
    cluster.set('Pod', [
      pod({
        state,
        restartCount: 2,
        lastState: { terminated: { exitCode: 7, startedAt: '2026-11-21T12:00:05Z' } },
      }),
    ]);
    await expect(work).rejects.toMatchObject({
      code: 'KET_RELEASE',
      message:
        'release shop cannot become ready: container main of pod api-1 crashed 3 times, last with exit code 7',
      details: ['FATAL no config'],
      where: folder,
    });
    expect(deps.commands).toHaveLength(1);
    expect(fs.readFileSync(path.join(folder, 'api-1_main.log'), 'utf8')).toBe('FATAL no config\n');
  });

  test.each([
    [[], 'named under images:'],
    [['ghcr.io/me/api:1'], 'imagePullPolicy'],
  ])('an image that is not to be had, delivered: %j', async (delivered, cure) => {
    const cluster = new FakeCluster();
    const { work } = start(cluster, waiting, {}, delivered);
    cluster.set('Pod', [pod({ state: { waiting: { reason: 'ErrImageNeverPull' } } })]);
    await expect(work).rejects.toMatchObject({ next: expect.stringContaining(cure) });
  });

  test('a hook that Helm deletes the next moment has left its lines', async () => {
    let there = true;
    const cluster = new FakeCluster({ tail: () => Promise.resolve(there ? ['no such table'] : []) });
    const { work } = start(cluster, waiting);
    await new Promise((resolve) => setTimeout(resolve, 30));
    cluster.set('Pod', [pod({ state: { terminated: { exitCode: 3 } } }, false, 'Job')]);
    await new Promise((resolve) => setTimeout(resolve, 30));
    there = false;
    cluster.set('Pod', []);
    cluster.set('Job', [
      {
        metadata: { name: 'migrate', annotations: { 'helm.sh/hook': 'pre-install' } },
        status: { conditions: [{ type: 'Failed', status: 'True', message: 'backoff limit' }] },
      },
    ]);
    await expect(work).rejects.toMatchObject({
      message: 'release shop cannot become ready: hook Job migrate failed: backoff limit',
      details: ['pod api-1, container main: exit code 3', 'no such table'],
    });
  });

  test('a hook that Helm tells of first has its lines as well', async () => {
    const cluster = new FakeCluster(logs(['no such table']));
    const { work } = start(cluster, async () => {
      cluster.set('Pod', [pod({ state: { terminated: { exitCode: 3 } } }, false, 'Job')]);
      await new Promise((resolve) => setTimeout(resolve, 30));
      return failedWith('Error: failed pre-install: resource Job/shop/migrate not ready. status: Failed');
    });
    await expect(work).rejects.toMatchObject({
      details: [
        expect.stringContaining('failed pre-install'),
        expect.stringContaining('exit code 3'),
        'no such table',
      ],
    });
  });

  test.each([
    ['failed pre-install: resource Job/one/migrate not ready. status: Failed', 'migrate'],
    ['failed post-install: job migrate-2 failed: BackoffLimitExceeded', 'migrate-2'],
    ['resource Deployment/one/web not ready', undefined],
  ])('the Job in: %s', (said, job) => expect(failedJob(said)).toBe(job));

  test('over its limit it names what is not ready, the events, and the last lines', async () => {
    const cluster = new FakeCluster(logs(['still booting']));
    cluster.set('Deployment', [deployment(0)]);
    cluster.set('Pod', [pod({ state: { running: {} } })]);
    cluster.set('Event', [
      {
        type: 'Warning',
        reason: 'Unhealthy',
        message: 'probe failed',
        lastTimestamp: '1',
        involvedObject: { kind: 'Pod', name: 'api-1' },
        metadata: {},
      },
    ]);
    const { work } = start(cluster, () => ({ ...failedWith(''), timedOut: true }));
    await expect(work).rejects.toMatchObject({
      // The clock of the test runs on while they are awaited.
      message: expect.stringMatching(
        /^release shop was not ready within 1 min: Deployment api: 0 of 1 available(, since [^;]+)?; and 1 more$/,
      ),
      details: [
        expect.stringMatching(/^Deployment api: 0 of 1 available(, since [^;]+)?$/),
        expect.stringMatching(
          /^pod api-1: container main runs but is not ready \(its readiness probe\)(, since [^;]+)?$/,
        ),
        '1 Warning Unhealthy Pod/api-1: probe failed',
        'last lines of api-1 main:',
        'still booting',
      ],
    });
  });

  describe('spread over nodes', () => {
    const on = (name: string, nodeName: string, owner = 'ReplicaSet', ready = true): object => ({
      metadata: { name, uid: name, ownerReferences: [{ kind: owner, name: 'x' }] },
      spec: { nodeName, containers: [] },
      status: { phase: 'Running', conditions: [{ type: 'Ready', status: ready ? 'True' : 'False' }] },
    });
    const node = (name: string, spec: object = {}, ready = 'True'): object => ({
      metadata: { name },
      spec,
      status: { conditions: [{ type: 'Ready', status: ready }] },
    });
    const spread = async (pods: object[], nodes: object[] = []): Promise<unknown> => {
      const cluster = new FakeCluster();
      cluster.set('Node', nodes);
      const { work } = start(
        cluster,
        () => {
          cluster.set('Deployment', [deployment(1)]);
          cluster.set('Pod', pods);
          return ok;
        },
        { spread: 2 },
      );
      return work.then(
        () => 'ready',
        (error: unknown) => error,
      );
    };

    test.each([
      ['pods on two nodes', [on('a', 'w1'), on('b', 'w2')]],
      ['a DaemonSet alone', [on('a', 'w1', 'DaemonSet'), on('b', 'w2', 'DaemonSet')]],
    ])('enough: %s', async (_, pods) => expect(await spread(pods)).toBe('ready'));

    test('a cordoned worker is named, with the command', async () => {
      const tainted = { taints: [{ key: 'node-role.kubernetes.io/control-plane', effect: 'NoSchedule' }] };
      const nodes = [node('cp', tainted), node('w1'), node('w2', { unschedulable: true })];
      expect(await spread([on('a', 'w1'), on('b', 'w1')], nodes)).toMatchObject({
        code: 'KET_RELEASE',
        message: 'release shop has its ready pods on 1 node (w1), and `spread` asks for 2',
        details: ['pod a is on node w1', 'pod b is on node w1', 'node w2 is cordoned'],
        next: 'kubectl uncordon w2',
        where: folder,
      });
    });

    const same = [on('a', 'w1'), on('b', 'w1')];
    test.each([
      ['nothing that spreads them', same, [node('w1'), node('w2')], /topologySpreadConstraints/],
      [
        'a taint',
        same,
        [node('w2', { taints: [{ key: 'gpu', effect: 'NoSchedule' }] })],
        /take the taint from node w2/,
      ],
      ['a node that is not ready', same, [node('w2', {}, 'Unknown')], /why node w2 is not ready/],
      ['one pod', [on('a', 'w1')], [node('w2', { unschedulable: true })], /1 ready pods.*that many replicas/],
      ['one that is not ready', [on('a', 'w1'), on('b', 'w2', 'ReplicaSet', false)], [], /replicas/],
      [
        'what a DaemonSet or Job has elsewhere',
        [on('a', 'w1'), on('b', 'w2', 'DaemonSet'), on('c', 'w3', 'Job')],
        [],
        /replicas/,
      ],
    ])('too little, by %s', async (_, pods, nodes, next) =>
      expect(await spread(pods, nodes)).toMatchObject({
        code: 'KET_RELEASE',
        next: expect.stringMatching(next),
      }),
    );

    test('a pod that comes a moment later counts', async () => {
      const cluster = new FakeCluster();
      cluster.set('Deployment', [deployment(1)]);
      cluster.set('Pod', [on('a', 'w1')]);
      const { work, waits } = start(cluster, () => ok, { spread: 2 });
      const late = (): void => {
        if (!waits.includes('pods on 2 nodes (now on 1 node)')) setImmediate(late);
        else cluster.set('Pod', [on('a', 'w1'), on('b', 'w2')]);
      };
      late();
      await work;
    });
  });

  test("what Helm refuses is told in Helm's words", () =>
    expect(
      start(new FakeCluster(), () => failedWith('Error: parse error at (shop/templates/x.yaml:3)')).work,
    ).rejects.toMatchObject({
      code: 'KET_RELEASE',
      message: 'Helm could not install release shop',
      details: ['Error: parse error at (shop/templates/x.yaml:3)'],
      where: '/repo/charts/shop',
    }));

  test('a Helm that cannot be started is an error, and nothing goes on', () =>
    expect(
      start(new FakeCluster(), () => Promise.reject(new Error('cannot start helm'))).work,
    ).rejects.toThrow('cannot start helm'));

  const ofShop = (name: string, more: object): object => ({
    metadata: { name, namespace: 'shop', annotations: { 'meta.helm.sh/release-name': 'shop' } },
    ...more,
  });
  const slice = (ready: boolean): object => ({
    metadata: { labels: { 'kubernetes.io/service-name': 'api' } },
    endpoints: [{ conditions: { ready } }],
  });
  const service = (app: string): object => ofShop('api', { spec: { selector: { app } } });

  test('a service is awaited until somebody answers, a Job until it is complete, a claim until it is bound', async () => {
    const cluster = new FakeCluster();
    const steps: (() => void)[] = [
      () => cluster.set('EndpointSlice', [slice(true)]),
      () =>
        cluster.set('Job', [
          ofShop('seed', { status: { conditions: [{ type: 'Complete', status: 'True' }] } }),
        ]),
      () => cluster.set('PersistentVolumeClaim', [ofShop('data', { status: { phase: 'Bound' } })]),
    ];
    const { work, waits } = start(cluster, () => {
      cluster.set('Deployment', [deployment(1)]);
      cluster.set('Service', [service('api')]);
      cluster.set('EndpointSlice', [slice(false)]);
      cluster.set('Job', [ofShop('seed', {})]);
      cluster.set('PersistentVolumeClaim', [ofShop('data', { spec: { storageClassName: '' } })]);
      steps.forEach((step, index) => setTimeout(step, 40 * (index + 1)));
      return ok;
    });
    await work;
    const seen = waits.map((text) => text.replace(/, since .*?(?=;|$)/, ''));
    expect(seen).toEqual(
      expect.arrayContaining([
        'Service shop/api: no endpoint is ready; and 2 more',
        'PersistentVolumeClaim shop/data: not bound (new); and 1 more',
        'PersistentVolumeClaim shop/data: not bound (new)',
      ]),
    );
  });

  test('a definition that the release makes is awaited until it is served', async () => {
    const cluster = new FakeCluster();
    const metadata = { name: 'crons.shop.example' };
    const definition = (status: string): object => ({
      metadata,
      status: { conditions: [{ type: 'Established', status }] },
    });
    const objects = [{ apiVersion: 'apiextensions.k8s.io/v1', kind: 'CustomResourceDefinition', metadata }];
    const helm: Helm = () => {
      cluster.set('Deployment', [deployment(1)]);
      cluster.set('CustomResourceDefinition', [definition('False')]);
      setTimeout(() => cluster.set('CustomResourceDefinition', [definition('True')]), 40);
      return ok;
    };
    const { work, waits } = start(cluster, helm, {}, [], {}, objects);
    await work;
    expect(waits.map((text) => text.replace(/, since .*/, ''))).toContain(
      'CustomResourceDefinition crons.shop.example: not established',
    );
  });

  test('a service for which nobody can answer is a warning, and holds up the rest for a moment only', async () => {
    const cluster = new FakeCluster();
    const { work, waits, warnings, deps } = start(cluster, () => {
      cluster.set('Deployment', [deployment(1)]);
      cluster.set('Service', [service('other')]);
      return ok;
    });
    await work;
    expect(waits).toContain('Service shop/api: no pod has the labels app=other');
    expect(warnings).toEqual([
      'release shop is ready, but nobody answers for Service shop/api: no pod has the labels app=other',
    ]);
    expect(deps.clock.monotonic()).toBeGreaterThanOrEqual(10_000);
  });

  test('a Job of the manifest that failed ends Helm early, with its last lines', async () => {
    const cluster = new FakeCluster(logs(['no such table']));
    const { work } = start(cluster, waiting);
    await new Promise((resolve) => setTimeout(resolve, 30));
    cluster.set('Pod', [pod({ state: { terminated: { exitCode: 3 } } }, false, 'Job')]);
    cluster.set('Job', [
      ofShop('migrate', {
        status: { conditions: [{ type: 'Failed', status: 'True', message: 'backoff limit' }] },
      }),
    ]);
    await expect(work).rejects.toMatchObject({
      message: 'release shop cannot become ready: Job migrate failed: backoff limit',
      details: ['pod api-1, container main: exit code 3', 'no such table'],
    });
  });

  test('what is awaited is the pod, not a number', async () => {
    const cluster = new FakeCluster();
    const { work, waits } = start(cluster, async () => {
      cluster.set('Deployment', [deployment(0)]);
      cluster.set('Pod', [pod({ state: { waiting: { reason: 'ContainerCreating' } } })]);
      await new Promise((resolve) => setTimeout(resolve, 60));
      cluster.set('Pod', [pod({}, true)]);
      cluster.set('Deployment', [deployment(1)]);
      return ok;
    });
    await work;
    expect(waits).toContain('pod api-1: container main waits (ContainerCreating); and 1 more');
  });
});

test('a release waits for the cluster and all images but those that it can do without, and is in the state before it is made', async () => {
  const state = fakeState();
  const tools = { id: 'tools' } as unknown as Task<Tools>;
  const ready = { id: 'ready' } as unknown as Task<ClusterHandle>;
  type Images = { changed: string[]; ids: Record<string, string> };
  const [image, ofTests] = [aTask<Images>('deliver shop'), aTask<Images>('deliver tests')];
  const run = { runId: 'r', folder: os.tmpdir(), kubeconfig: '/k', state, env: {}, outbound: noOutbound };
  const plan = aPlan({ releases: [aRelease] });
  const prepared = prepareTasks(run, plan, tools, false);
  const { install, all } = releaseTasks(
    run,
    plan,
    { tools, ready, gone: [], prepared },
    { deliver: [image, ofTests], spared: (_release, delivery) => delivery === ofTests },
    { stays: false },
  );
  const [prepare] = prepared.tasks;
  if (prepare === undefined) throw new Error('nothing prepares it');
  expect(prepare).toMatchObject({ id: 'prepare shop', needs: [tools] });
  expect(install[0]?.needs).toEqual([tools, prepare, ready, all[0], image, ofTests]);
  expect([image, ofTests].map((need) => install[0]?.spares?.(need))).toEqual([false, true]);
  expect(all[0]).toMatchObject({ id: 'releases fit', needs: [ready], after: [prepare] });
  const helm = fakeDeps([
    [
      'upgrade',
      () => {
        expect(state.made).toEqual([
          { type: 'release', kubeconfig: '/k', namespace: 'shop', name: 'shop', helm: 'helm' },
        ]);
        return failedWith('Error: stop here');
      },
    ],
  ]);
  const handle = { name: 'c', kubeconfig: '/k', nodes: [], kube: new FakeCluster().kube };
  const context = fakeContext(helm, [
    [tools, { docker: 'd', helm: 'helm', helmVersion: 'v4.3.1' }],
    [ready, handle],
    [image, { changed: ['shop:dev'], ids: {} }],
    [prepare, { chart: '/repo/charts/shop' }],
  ]);
  await expect(install[0]?.run(context)).rejects.toMatchObject({ details: ['Error: stop here'] });
  fs.rmSync(path.join(os.tmpdir(), 'releases'), { recursive: true, force: true });
});

test('a release waits for those that it depends on, in whichever order they stand, and others for nobody', async () => {
  const run = {
    runId: 'r',
    folder: '/r',
    kubeconfig: '/k',
    state: fakeState(),
    env: {},
    outbound: noOutbound,
  };
  const [tools, ready] = [aTask('tools'), aTask<ClusterHandle>('ready')];
  const releases = [
    { ...aRelease, name: 'web', dependsOn: ['shop', 'mail'] },
    { ...aRelease, name: 'shop', dependsOn: ['db'] },
    { ...aRelease, name: 'db' },
    { ...aRelease, name: 'mail' },
  ];
  const { install } = releaseTasks(
    run,
    aPlan({ releases }),
    { tools, ready, gone: [], prepared: prepareTasks(run, aPlan({ releases }), tools, false) },
    { deliver: [], spared: () => false },
    { stays: false },
  );
  const needs = install.map(({ id, needs: all }) => [id, ...all.map((task) => task.id)].join(' < '));
  expect(needs).toEqual([
    'install web < tools < prepare web < ready < releases fit < install shop < install mail',
    'install shop < tools < prepare shop < ready < releases fit < install db',
    'install db < tools < prepare db < ready < releases fit',
    'install mail < tools < prepare mail < ready < releases fit',
  ]);
  // What needs a task is one and the same task, so that it is not installed twice.
  expect(install[0]?.needs).toContain(install[1]);
  const failing = install.map((task) => ({
    ...task,
    needs: task.needs.filter(({ id }) => id.startsWith('install ')),
    run: () => (task.id === 'install db' ? Promise.reject(new Error('no')) : Promise.resolve(undefined)),
  }));
  for (const task of failing)
    task.needs = task.needs.map((one) => failing.find(({ id }) => id === one.id) ?? one);
  const events: EventBody[] = [];
  const emit = (event: EventBody): void => void events.push(event);
  await execute(failing, { deps: fakeDeps([]), emit, signal: new AbortController().signal });
  const ends = events.flatMap((event) =>
    event.type === 'task-ended' ? [`${event.task} ${event.outcome} ${event.reason ?? ''}`.trim()] : [],
  );
  expect(ends.sort()).toEqual([
    'install db failed',
    'install mail done',
    'install shop skipped install db failed',
    'install web skipped install db failed',
  ]);
});

test('the namespace of a copy is listed before it is made, once for the copies in it, and before Helm runs', async () => {
  const story: string[] = [];
  const state = fakeState();
  const tools = { id: 'tools' } as unknown as Task<Tools>;
  const ready = { id: 'ready' } as unknown as Task<ClusterHandle>;
  const run = { runId: 'r', folder: os.tmpdir(), kubeconfig: '/k', state, env: {}, outbound: noOutbound };
  const copies = ['shop', 'mail'].map((name) => ({
    ...{ ...aRelease, name: `${name}@a`, namespace: 'shop-r-a' },
    copyOf: { release: name, suite: 'a' },
  }));
  const plan = aPlan({ releases: copies });
  const prepared = prepareTasks(run, plan, tools, false);
  const { install } = releaseTasks(
    run,
    plan,
    { tools, ready, gone: [], prepared },
    { deliver: [], spared: () => false },
    { stays: false },
  );
  const cluster = new FakeCluster({
    create: async <T>(object: AnyObject) => {
      story.push(`create ${object.kind} ${JSON.stringify(object.metadata)}, listed: ${state.made.length}`);
      if (story.length > 1) throw new KubeError('there', { status: 409, reason: 'AlreadyExists', where: '' });
      return object as T;
    },
  });
  const helm = fakeDeps([['upgrade', failedWith('Error: stop here')]]);
  const context = fakeContext(helm, [
    [tools, { docker: 'd', helm: 'helm', helmVersion: 'v4.3.1' }],
    [ready, { name: 'c', kubeconfig: '/k', nodes: [], kube: cluster.kube }],
    ...prepared.tasks.map((task) => [task, { chart: '/repo/charts/shop' }] as const),
  ]);
  for (const task of install) await task.run(context).catch(() => undefined);
  const labels = {
    'app.kubernetes.io/managed-by': 'ket',
    'ket.dev/run': 'r',
    'ket.dev/suite': 'a',
  };
  const made = `create Namespace ${JSON.stringify({ name: 'shop-r-a', labels })}`;
  expect(story).toEqual([`${made}, listed: 1`, `${made}, listed: 2`]);
  expect(state.made.map((one) => ('name' in one ? `${one.type} ${one.name}` : ''))).toEqual([
    'object shop-r-a',
    'release shop',
    'release mail',
  ]);
  expect(helm.commands.map((line) => / --install \w+/.exec(line)?.[0])).toEqual([
    ' --install shop',
    ' --install mail',
  ]);
  fs.rmSync(path.join(os.tmpdir(), 'releases'), { recursive: true, force: true });
});
