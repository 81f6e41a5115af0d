import { afterEach, describe, expect, test } from '@jest/globals';
import fs from 'node:fs';
import path from 'node:path';
import type { AnyObject } from '../../src/model/kube.ts';
import type { ClusterHandle } from '../../src/model/run.ts';
import type { Made } from '../../src/model/state.ts';
import type { Task } from '../../src/model/task.ts';
import { KubeError } from '../../src/kube/error.ts';
import { Admission } from '../../src/suites/admission/admission.ts';
import { Calm } from '../../src/suites/calm.ts';
import type { ClusterFacts } from '../../src/suites/cluster-facts.ts';
import { noJournal } from '../../src/suites/journal.ts';
import { prepareTask, type PreparedSuite } from '../../src/suites/prepare.ts';
import type { SuiteSettings } from '../../src/suites/settings.ts';
import { folder, removeFolders } from './support/folder.ts';
import {
  aPlan,
  aRelease,
  FakeCluster,
  fakeClock,
  fakeContext,
  fakeDeps,
  fakeState,
  noOutbound,
} from './support/phases.ts';
import { aSuite, nonce } from './support/suites.ts';

afterEach(removeFolders);

const root = path.join(import.meta.dirname, '..', '..');
const name = 'ket-r-api-1';
const cluster = { id: 'ready' } as unknown as Task<ClusterHandle>;
const facts = { id: 'facts' } as unknown as Task<ClusterFacts>;

/** A suite that needs release shop, in a cluster that stays. `isThere`: the namespace of that release. */
function stage({
  isThere = false,
  ephemeral = false,
  placement = 'own',
  begun = false,
  cancelled = false,
  template = '',
}) {
  const story: string[] = [];
  const at = { releaseIsThere: isThere };
  const state = fakeState();
  const fake = new FakeCluster({
    async create<T>(object: AnyObject) {
      const { namespace, name: own } = object.metadata ?? {};
      if (namespace === 'shop' && !at.releaseIsThere)
        throw new KubeError('namespaces "shop" not found', { status: 404, reason: 'NotFound', where: '' });
      if (own === name) story.push(`${object.kind}${namespace === 'shop' ? ' in shop' : ''}`);
      return object as T;
    },
    delete: async (ref) => story.push(`delete ${ref.kind}`) > 0,
  });
  const journal = begun ? { ...noJournal, attempt: () => ({ nonce, at: 0, made: true }) } : noJournal;
  const settings: SuiteSettings = {
    ...{ runId: 'r', folder: '/run', assets: { root }, keepFailedMs: 0, ephemeral, ownCluster: true },
    ...{ journal, secrets: new Map(), mask: () => undefined, outbound: noOutbound },
    state: {
      ...state,
      async add(made: Made) {
        if (made.type === 'object') story.push(`list ${made.kind}${made.leaving === true ? ' leaving' : ''}`);
        await state.add(made);
      },
      remove: async (made) => void state.made.splice(state.made.indexOf(made), 1),
    },
    durationsOf: () => Promise.resolve(new Map()),
    admission: new Admission('r', undefined),
    calm: new Calm(fakeClock(), () => false),
  };
  const suite = aSuite({
    ...{ name: 'api', needs: ['shop'], placement: placement as 'own' | 'release' },
    ...(template === '' ? {} : { template }),
  });
  const plan = aPlan({ releases: [{ ...aRelease, name: 'shop', namespace: 'shop' }], suites: [suite] });
  const context = fakeContext(fakeDeps([]), [
    [cluster, { kube: fake.kube, name: 'mine', kubeconfig: '/k', nodes: [] }],
    [facts, { nameserver: '10.0.0.10', network: { domain: 'd', subnets: [] }, ketRun: Buffer.from('a') }],
  ]);
  const stop = new AbortController();
  if (cancelled) stop.abort(new Error('cancelled'));
  const task = prepareTask(settings, plan, suite, { cluster, clusterFacts: facts });
  return { at, fake, state, story, run: () => task.run({ ...context, signal: stop.signal }) };
}

const inOwn = ['Namespace', 'ServiceAccount', 'Role', 'ConfigMap', 'RoleBinding'];
const inRelease = ['Role in shop', 'RoleBinding in shop'];
const createdIn = (story: readonly string[]): string[] =>
  story.filter((what) => !/^(list|delete) /.test(what)).sort();

/** What an attempt does: all of its objects, of which some are there. */
async function attempt(prepared: PreparedSuite, story: string[]): Promise<string[]> {
  story.length = 0;
  const metadata = { name, namespace: name };
  const rights = { apiVersion: 'rbac.authorization.k8s.io/v1', metadata: { name, namespace: 'shop' } };
  const created = await prepared.take();
  await created.createAll(
    [
      { apiVersion: 'v1', kind: 'Namespace', metadata: { name } },
      { apiVersion: 'v1', kind: 'ConfigMap', metadata },
      { ...rights, kind: 'Role' },
      { ...rights, kind: 'RoleBinding' },
      { apiVersion: 'batch/v1', kind: 'Job', metadata },
    ],
    new AbortController().signal,
  );
  return createdIn(story);
}

const soon = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 20));

describe('what is made before a suite starts', () => {
  test('all but the Job, where its release is there', async () => {
    const { story, run } = stage({ isThere: true, ephemeral: true });
    const prepared = await run();
    expect(createdIn(story)).toEqual([...inOwn, ...inRelease].sort());
    expect(await attempt(prepared, story)).toEqual(['Job']);
  });

  test('what belongs into a release that is on its way comes with the Job', async () => {
    const { at, story, run } = stage({ ephemeral: true });
    const prepared = await run();
    expect(createdIn(story)).toEqual([...inOwn].sort());
    at.releaseIsThere = true;
    expect(await attempt(prepared, story)).toEqual(['Job', ...inRelease]);
  });

  test('with its first pod a release has a namespace, and what belongs there is made', async () => {
    const { at, fake, story, run } = stage({ ephemeral: true });
    const prepared = await run();
    fake.set('Pod', [{ metadata: { namespace: 'other' } }]);
    at.releaseIsThere = true;
    await soon();
    expect(createdIn(story)).toEqual([...inOwn].sort());
    fake.set('Pod', [{ metadata: { namespace: 'shop' } }]);
    await soon();
    expect(createdIn(story)).toEqual([...inOwn, ...inRelease].sort());
    expect(await attempt(prepared, story)).toEqual(['Job']);
  });

  test('a suite in the namespace of its release has nothing before it', async () => {
    const { story, run } = stage({ ephemeral: true, placement: 'release' });
    await run();
    expect(createdIn(story)).toEqual([]);
  });

  test('in a cluster that stays each thing is listed before it is made, and once', async () => {
    const { at, state, story, run } = stage({});
    const prepared = await run();
    const first = (what: string): number => story.indexOf(what);
    expect(first('list Namespace')).toBeLessThan(first('Namespace'));
    at.releaseIsThere = true;
    await attempt(prepared, story);
    // What is in a namespace of its own goes with it.
    expect(state.made.map((made) => made.type === 'object' && made.kind).sort()).toEqual([
      ...['Namespace', 'PriorityClass', 'Role', 'RoleBinding'],
    ]);
  });

  test('of a suite that never ran it goes, and is listed until it is gone', async () => {
    const { state, story, run } = stage({ isThere: true });
    const prepared = await run();
    story.length = 0;
    await prepared.drop(() => undefined);
    expect(story).toEqual([
      ...['delete RoleBinding', 'delete Role', 'delete PriorityClass'],
      ...['delete Namespace', 'list Namespace leaving'],
    ]);
    expect(state.made).toEqual([
      { ...{ type: 'object', kubeconfig: '/k', apiVersion: 'v1' }, kind: 'Namespace', name, leaving: true },
    ]);
  });

  test.each([
    ['one that ran, which removes its own', {}, true],
    ['one in a cluster that goes', { ephemeral: true }, false],
  ])('nothing is removed of %s', async (_what, how, ran) => {
    const { story, run } = stage({ isThere: true, ...how });
    const prepared = await run();
    if (ran) await prepared.take();
    story.length = 0;
    await prepared.drop(() => undefined);
    expect(story).toEqual([]);
  });

  test('nothing for an attempt that another process began', async () => {
    const { story, run } = stage({ isThere: true, begun: true });
    await run();
    expect(story).toEqual([]);
  });

  test('its template is read ahead, for there is no time for it when the release is ready', async () => {
    const template = path.join(folder(), 'job.yaml');
    fs.copyFileSync(path.join(root, 'templates', 'test-job.yaml'), template);
    const { world } = await stage({ template }).run();
    fs.rmSync(template);
    expect(world.template()).toMatchObject({ kind: 'Job' });
  });

  test('a template that cannot be read is an error of the attempt', async () => {
    const { story, run } = stage({
      isThere: true,
      ephemeral: true,
      template: path.join(folder(), 'none.yaml'),
    });
    const { world } = await run();
    expect(createdIn(story)).toEqual([...inOwn, ...inRelease].sort());
    expect(() => world.template()).toThrow('the Job template cannot be read');
  });

  test('a run that is cancelled meanwhile ends it', async () => {
    await expect(stage({ cancelled: true }).run()).rejects.toThrow('cancelled');
  });
});
