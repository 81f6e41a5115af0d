import fs from 'node:fs';
import path from 'node:path';
import { afterEach, describe, expect, test } from '@jest/globals';
import { stateWithin, withKubeconfig } from '../../src/pipeline/existing.ts';
import { keepLease, leaseOf, takeLease } from '../../src/pipeline/lease.ts';
import { planRights, sharedNeeds } from '../../src/pipeline/shared-needs.ts';
import type { Right } from '../../src/kube/rights.ts';
import type { AnyObject, Kube, ObjectRef, Query } from '../../src/model/kube.ts';
import type { CheckPlan } from '../../src/model/plan.ts';
import type { Tools } from '../../src/model/run.ts';
import type { Made } from '../../src/model/state.ts';
import type { Task } from '../../src/model/task.ts';
import { folder, removeFolders } from './support/folder.ts';
import {
  aPlan,
  aRelease,
  FakeCluster,
  fakeContext,
  fakeDeps,
  fakeState,
  noOutbound,
} from './support/phases.ts';
import { aSuite } from './support/suites.ts';

afterEach(removeFolders);

const signal = new AbortController().signal;
const notes = [{ metadata: { name: 'sh.helm.release.v1.shop.v1' } }];

/** A cluster with these namespaces, in which Helm has notes of a release or not. */
function clusterWith(namespaces: readonly string[], found: readonly object[] = [], more: Partial<Kube> = {}) {
  const asked: Query[] = [];
  const kube = new FakeCluster({
    get: async <T>({ name, kind }: ObjectRef) =>
      (kind === 'Namespace' && namespaces.includes(name) ? { metadata: { name } } : undefined) as
        T | undefined,
    list: async <T>(query: Query) => {
      asked.push(query);
      return (query.kind === 'Secret' ? found : []) as T[];
    },
    ...more,
  }).kube;
  return { kube, asked };
}

describe('what a run lists in a cluster that is not its own', () => {
  const release = { type: 'release', kubeconfig: '/k', namespace: 'shop', name: 'shop' } as const;
  const namespace = { type: 'object', kubeconfig: '/k', apiVersion: 'v1', kind: 'Namespace', name: 'shop' };
  const listed = async (kube: Kube, releasesStay = false): Promise<readonly Made[]> => {
    const state = fakeState();
    const cluster = { name: 'c', kubeconfig: '/k', releasesStay };
    await stateWithin(state, cluster, () => Promise.resolve(kube)).add(release);
    return state.made;
  };

  test.each<[string, readonly string[], readonly object[], readonly object[]]>([
    ['a release in a namespace that was not there, with that before it', [], [], [namespace, release]],
    ['a release in a namespace of others', ['shop'], [], [release]],
    ['never a release that was there before', ['shop'], notes, []],
  ])('%s', async (_, namespaces, found, made) => {
    const { kube, asked } = clusterWith(namespaces, found);
    expect(await listed(kube)).toEqual(made);
    for (const query of asked)
      expect(query).toMatchObject({ namespace: 'shop', labelSelector: 'owner=helm,name=shop' });
  });

  test('a cluster that does not answer is an error, before anything is made', () =>
    expect(
      listed(clusterWith([], [], { get: () => Promise.reject(new Error('gone')) }).kube),
    ).rejects.toThrow('gone'));
});

test("ket's own kubeconfig for a context is for nobody else to read", () => {
  const file = path.join(folder(), 'kubeconfig');
  const cluster = { name: 'staging', releasesStay: false, shared: true, copy: 'a key' } as const;
  expect(withKubeconfig(cluster, file)).toEqual({
    ...{ name: 'staging', releasesStay: false, shared: true, kubeconfig: file },
  });
  expect([fs.readFileSync(file, 'utf8'), fs.statSync(file).mode & 0o777]).toEqual(['a key', 0o600]);
  expect(withKubeconfig(undefined, file)).toBeUndefined();
});

describe('the Lease of a run', () => {
  const now = Date.parse('2026-11-21T12:00:00Z');
  const options = (kube: Kube) => ({ kube, runId: 'r1', longestMs: 90_500, now: () => now });

  test('is made before anything else, its namespace listed before it is made', async () => {
    const story: string[] = [];
    const state = fakeState();
    const created: AnyObject[] = [];
    const patched: object[] = [];
    const kube = new FakeCluster({
      create: async <T>(object: AnyObject) => {
        story.push(`${object.kind} after ${String(state.made.length)} listed`);
        created.push(object);
        return object as T;
      },
      patch: async <T>(_ref: ObjectRef, patch: object) => {
        patched.push(patch);
        return {} as T;
      },
    }).kube;
    await takeLease({ ...options(kube), kubeconfig: '/k', state, signal });
    expect(state.made).toEqual([
      { type: 'object', kubeconfig: '/k', apiVersion: 'v1', kind: 'Namespace', name: 'ket-r1', lease: true },
    ]);
    expect(story).toEqual(['Namespace after 1 listed', 'Lease after 1 listed']);
    // What runs now may go on for so long after its driver has gone.
    const expires = String(now / 1000 + 91);
    expect(created[1]).toMatchObject({
      metadata: {
        name: 'ket-r1',
        namespace: 'ket-r1',
        labels: { 'ket.dev/run': 'r1', 'ket.dev/expires': expires },
      },
      spec: { renewTime: '2026-11-21T12:00:00.000000Z', leaseDurationSeconds: 600 },
    });
    expect(patched).toEqual([
      {
        metadata: { labels: { 'ket.dev/expires': expires } },
        spec: { renewTime: '2026-11-21T12:00:00.000000Z' },
      },
    ]);
  });

  test('that cannot be renewed for a moment ends nothing', async () => {
    const kube = new FakeCluster({ patch: () => Promise.reject(new Error('closed')) }).kube;
    keepLease(options(kube));
    await new Promise(setImmediate);
  });

  test.each<[string, () => Promise<unknown>, boolean]>([
    [
      'holds when it was renewed',
      () =>
        Promise.resolve({
          metadata: { labels: { 'ket.dev/expires': '0' } },
          spec: { renewTime: new Date(now).toISOString() },
        }),
      true,
    ],
    ['is over when there is none', () => Promise.resolve(undefined), false],
    ['holds when the cluster does not tell', () => Promise.reject(new Error('no route')), true],
  ])('%s', async (_, get, held) => {
    let closed = 0;
    const kube = { get: async <T>() => (await get()) as T | undefined, close: () => void (closed += 1) };
    const made = {
      type: 'object',
      kubeconfig: '/k',
      apiVersion: 'v1',
      kind: 'Namespace',
      name: 'ket-r1',
    } as const;
    expect((await leaseOf(() => Promise.resolve(kube), 'r1', made, now)).held).toBe(held);
    expect(closed).toBe(1);
  });

  test('holds when its cluster cannot be reached', async () => {
    const made = {
      type: 'object',
      kubeconfig: '/k',
      apiVersion: 'v1',
      kind: 'Namespace',
      name: 'ket-r1',
    } as const;
    expect(await leaseOf(() => Promise.reject(new Error('no file')), 'r1', made, now)).toMatchObject({
      held: true,
      why: 'its cluster does not tell: no file',
    });
  });
});

describe('in a cluster of others', () => {
  const tools = { id: 'tools' } as unknown as Task<Tools>;
  const run = {
    runId: 'r1',
    folder: '/r',
    kubeconfig: '/k',
    state: fakeState(),
    env: {},
    outbound: noOutbound,
  };
  const needs = (over: Parameters<typeof aPlan>[0]) =>
    sharedNeeds({
      ...{ run, plan: aPlan(over), checks: [], checksOnly: false, tools, knownRuns: () => new Set<string>() },
      prepared: { tasks: [], byName: new Map(), objects: new Map() },
    });
  const context = fakeContext(fakeDeps([]), []);
  const handle = (kube: Kube) => ({ name: 'staging', kubeconfig: '/k', nodes: [], kube });

  test('a release that is there and not of the run is refused before anything is made', async () => {
    const { kube } = clusterWith(['shop'], notes);
    await expect(needs({ releases: [aRelease] }).look(handle(kube), context)).rejects.toMatchObject({
      code: 'KET_RELEASE',
      message: 'release shop is in namespace shop of cluster staging already, and is not of this run',
      next: expect.stringContaining('`installed: true`'),
    });
  });

  test('one that is to be tested as it is, is not', async () => {
    const created: string[] = [];
    const { kube } = clusterWith(['shop'], notes, {
      create: async <T>(object: AnyObject) => {
        created.push(object.kind);
        return object as T;
      },
      patch: async <T>() => ({}) as T,
    });
    await needs({ releases: [{ ...aRelease, installed: true }] }).look(handle(kube), context);
    expect(created).toEqual(['Namespace', 'Lease']);
  });

  test("a namespace is the run's own when it was not there, and never when it was", async () => {
    const one = needs({ releases: [{ ...aRelease, installed: true }] });
    const { kube } = clusterWith([]);
    await one.rights(kube, context);
    // It is of who has installed the release, whatever the cluster says now.
    expect(['shop', 'ket-r1', 'ket-r1-api-1', 'other'].map((name) => one.isOwn(name))).toEqual([
      ...[false, true, true, false],
    ]);
  });

  const text = ({ verb, group, resource, namespace }: Right): string =>
    `${verb} ${resource}${group === '' ? '' : `.${group}`} ${namespace ?? '*'}`;
  const policy: CheckPlan = {
    ...{ name: 'private', releases: ['shop'], namespaces: ['shop'], limitMs: 1, totalMs: 1 },
    look: {
      ...{ kind: 'policy', host: 'db', port: 5432 },
      allow: [{ labels: {}, namespace: 'shop' }],
      deny: [{ labels: {}, namespace: 'other' }],
    },
  };
  const simple = (look: CheckPlan['look']): CheckPlan => ({ ...policy, name: look.kind, look });
  const workload = { kind: 'Deployment', name: 'api' } as const;
  test.each<[string, Parameters<typeof aPlan>[0], string[], string[]]>([
    [
      'a Lease',
      {},
      ['get leases.coordination.k8s.io ket-r1', 'patch leases.coordination.k8s.io ket-r1'],
      ['create pods shop'],
    ],
    [
      'a release',
      { releases: [aRelease] },
      ['watch pods shop', 'list deployments.apps shop', 'watch jobs.batch shop'],
      ['create pods/exec shop'],
    ],
    [
      'what is collected',
      { releases: [{ ...aRelease, collect: [{}] as never }] },
      ['create pods/exec shop'],
      [],
    ],
    [
      'a policy',
      { checks: [policy] },
      [
        'create networkpolicies.networking.k8s.io ket-r1-checks',
        'create pods shop',
        'create pods other',
        'create pods/exec other',
        'create configmaps other',
        'create namespaces *',
      ],
      [],
    ],
    [
      'a command',
      { checks: [simple({ kind: 'exec', workload, command: 'x' })] },
      ['create pods/exec shop', 'list pods shop'],
      ['create pods shop', 'create pods ket-r1-checks'],
    ],
    [
      'a workload',
      { checks: [simple({ kind: 'workload', workload })] },
      ['get deployments.apps shop'],
      ['create pods ket-r1-checks'],
    ],
    [
      'a Job',
      { checks: [simple({ kind: 'job', job: 'seed' })] },
      ['get jobs.batch shop'],
      ['create pods ket-r1-checks'],
    ],
    [
      'the network',
      { checks: [simple({ kind: 'network' })] },
      ['list services shop', 'create pods ket-r1-checks'],
      ['create networkpolicies.networking.k8s.io ket-r1-checks'],
    ],
    [
      'an address, from where the suite is',
      {
        releases: [aRelease],
        checks: [simple({ kind: 'tcp', host: 'db', port: 1 })],
        suites: [aSuite({ needs: ['shop'], checks: ['tcp'], placement: 'release' })],
      },
      ['create pods shop', 'create pods/exec shop', 'create configmaps shop'],
      [],
    ],
  ])('the rights are asked for that are needed for %s', (_, over, asked, not) => {
    const all = planRights(aPlan(over), 'r1').map(text);
    expect(all).toEqual(expect.arrayContaining(asked));
    for (const one of not) expect(all).not.toContain(one);
  });
});
