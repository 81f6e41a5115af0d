import fs from 'node:fs';
import path from 'node:path';
import { afterEach, describe, expect, test } from '@jest/globals';
import { KubeError } from '../../src/kube/error.ts';
import type { AnyObject, Kube, ObjectRef } from '../../src/model/kube.ts';
import type { SuitePlan } from '../../src/model/plan.ts';
import type { Made, StateFile } from '../../src/model/state.ts';
import { accessFor } from '../../src/suites/host/access.ts';
import { folder, removeFolders } from './support/folder.ts';
import { fakeClock, FakeCluster, fakeContext, fakeDeps } from './support/phases.ts';
import { aProcessSuite } from './support/suites.ts';

afterEach(removeFolders);

const id = { run: 'r1', suite: 'e2e', attempt: 2 };
const adminConfig = {
  'current-context': 'kind',
  contexts: [
    { name: 'other', context: { cluster: 'else', user: 'else' } },
    { name: 'kind', context: { cluster: 'kind', user: 'admin' } },
  ],
  clusters: [
    { name: 'else', cluster: { server: 'https://127.0.0.1:1' } },
    { name: 'kind', cluster: { server: 'https://127.0.0.1:6443' } },
  ],
  users: [
    { name: 'else', user: { token: 'of somebody else' } },
    { name: 'admin', user: { token: 'of the administrator' } },
  ],
};

interface How {
  readonly own?: boolean;
  readonly suite?: Partial<SuitePlan>;
  readonly kube?: Partial<Kube>;
  readonly config?: object;
}
async function access({ own = false, suite = {}, kube: more = {}, config = adminConfig }: How) {
  const home = folder();
  const kubeconfig = path.join(home, 'admin');
  fs.writeFileSync(kubeconfig, JSON.stringify(config));
  let made: Made[] = [];
  const state: StateFile = {
    list: () => made,
    add: (one) => Promise.resolve(void made.push(one)),
    remove: (one) => Promise.resolve(void (made = made.filter((other) => other !== one))),
  };
  const created: AnyObject[] = [];
  const deleted: string[] = [];
  const kube = new FakeCluster({
    create: async <T>(object: AnyObject) => {
      created.push(object);
      return object as T;
    },
    get: async <T>({ kind }: ObjectRef) =>
      kind === 'Secret'
        ? ({ data: { token: Buffer.from('of the suite').toString('base64') } } as T)
        : undefined,
    delete: async ({ kind, name }) => {
      deleted.push(`${kind} ${name}`);
      return true;
    },
    ...more,
  }).kube;
  const clock = fakeClock();
  const context = fakeContext(fakeDeps([], clock), []);
  const files = path.join(home, 'files');
  fs.mkdirSync(files);
  const cluster = { name: 'c', kubeconfig, nodes: [], kube };
  const one = accessFor(
    aProcessSuite({ name: 'e2e', ...suite }),
    id,
    { cluster, state, own, namespaces: ['shop', 'mail'], folder: files },
    context,
  );
  const left = () => ({ made, files: fs.readdirSync(files) });
  return { one, left, created, deleted, clock };
}
const read = (file: string): unknown => JSON.parse(fs.readFileSync(file, 'utf8'));
const configOf = (user: object): object => ({
  ...{ apiVersion: 'v1', kind: 'Config', 'current-context': 'ket' },
  clusters: [{ name: 'ket', cluster: { server: 'https://127.0.0.1:6443' } }],
  users: [{ name: 'ket', user }],
  contexts: [{ name: 'ket', context: { cluster: 'ket', user: 'ket', namespace: 'shop' } }],
});

describe('the key of a suite on this machine', () => {
  test("is the administrator's in ket's own cluster, in a file of its own that is listed and goes", async () => {
    const { one, left, created } = await access({ own: true });
    const key = await one;
    const { kubeconfig } = key;
    expect(read(kubeconfig)).toEqual(configOf({ token: 'of the administrator' }));
    expect(fs.statSync(kubeconfig).mode & 0o777).toBe(0o600);
    expect(left()).toEqual({ made: [{ type: 'folder', path: kubeconfig }], files: ['r1.e2e-2.kubeconfig'] });
    await key.end();
    expect([left(), created]).toEqual([{ made: [], files: [] }, []]);
  });

  test("in another one's cluster is the token of an account with the rights of a suite, which goes too", async () => {
    const { one, left, created, deleted } = await access({});
    const key = await one;
    const { kubeconfig } = key;
    expect(read(kubeconfig)).toEqual(configOf({ token: 'of the suite' }));
    expect(fs.readFileSync(kubeconfig, 'utf8')).not.toContain('administrator');
    const kinds = created.map(({ kind }) => kind);
    expect(kinds[0]).toBe('Namespace');
    expect(kinds).toEqual(expect.arrayContaining(['ServiceAccount', 'Role', 'RoleBinding']));
    expect(created.at(-1)).toMatchObject({ kind: 'Secret', type: 'kubernetes.io/service-account-token' });
    const bindings = created.filter(({ kind }) => kind === 'RoleBinding');
    expect(bindings.map(({ metadata }) => metadata?.namespace)).toEqual(
      expect.arrayContaining(['shop', 'mail']),
    );
    await key.end();
    expect(left().files).toEqual([]);
    expect(deleted).toEqual(expect.arrayContaining([expect.stringMatching(/^Namespace ket-/)]));
  });

  test('without rights is none at all, not even that of the user', async () => {
    const { one, created } = await access({ own: true, suite: { api: 'none' } });
    expect([(await one).kubeconfig, created]).toEqual(['/dev/null', []]);
  });

  test.each<[string, How, string]>([
    [
      'the account cannot be made',
      {
        kube: {
          create: () =>
            Promise.reject(new KubeError('forbidden', { status: 403, reason: 'Forbidden', where: 'POST' })),
        },
      },
      'forbidden',
    ],
    [
      'no token comes within its limit',
      { kube: { get: () => Promise.resolve(undefined) } },
      'the cluster made no token for ServiceAccount',
    ],
    [
      'the kubeconfig has no user',
      { own: true, config: { ...adminConfig, users: [] } },
      'the kubeconfig has no cluster or user for its current context',
    ],
  ])('leaves nothing where %s', async (_, how, message) => {
    const { one, left } = await access(how);
    await expect(one).rejects.toThrow(message);
    expect(left().files).toEqual([]);
  });
});
