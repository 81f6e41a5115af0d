import { describe, expect, test } from '@jest/globals';
import { KubeError } from '../../src/kube/error.ts';
import { withPullSecret } from '../../src/kube/pull-secret.ts';
import type { AnyObject, Kube, ObjectRef } from '../../src/model/kube.ts';

const config = '{"auths":{"r.example":{"auth":"bWU6d29yZA=="}}}';
const data = { '.dockerconfigjson': Buffer.from(config).toString('base64') };

/** A namespace with these labels, or none; `has` are the kinds that are in it already. */
async function given(labels: object | undefined, has: readonly string[] = [], account: object = {}) {
  const created: AnyObject[] = [];
  const patched: [string, object][] = [];
  const kube: Pick<Kube, 'create' | 'get' | 'patch'> = {
    get: async <T>({ kind }: ObjectRef) =>
      (kind === 'Namespace' ? (labels === undefined ? undefined : { metadata: { labels } }) : account) as
        T | undefined,
    create: async <T>(object: AnyObject) => {
      if (has.includes(object.kind))
        throw new KubeError('there', { status: 409, reason: 'AlreadyExists', where: 'POST' });
      created.push(object);
      return object as T;
    },
    patch: async <T>({ kind }: ObjectRef, patch: object) => {
      patched.push([kind, patch]);
      return {} as T;
    },
  };
  const done = await withPullSecret(kube, 'shop', config, new AbortController().signal);
  return { done, kinds: created.map(({ kind }) => kind), created, patched };
}
const ours = { 'app.kubernetes.io/managed-by': 'ket' };

describe('logins for the pods of a release', () => {
  test('come with the namespace, before any pod is made, and pods need not name them', async () => {
    const { done, kinds, created } = await given(undefined);
    expect([done, kinds]).toEqual([true, ['Namespace', 'Secret', 'ServiceAccount']]);
    expect(created[1]).toMatchObject({
      metadata: { name: 'ket-registries', namespace: 'shop' },
      ...{ type: 'kubernetes.io/dockerconfigjson', data },
    });
    expect(created[2]).toMatchObject({
      metadata: { name: 'default' },
      imagePullSecrets: [{ name: 'ket-registries' }],
    });
  });

  test('are not put into a namespace of somebody else', async () => {
    for (const labels of [{}, { 'app.kubernetes.io/managed-by': 'Helm' }])
      expect(await given(labels)).toMatchObject({ done: false, created: [], patched: [] });
  });

  test('are renewed where an earlier run has left others, beside what the account has', async () => {
    const account = { imagePullSecrets: [{ name: 'mine' }] };
    const { done, kinds, patched } = await given(ours, ['Secret', 'ServiceAccount'], account);
    expect([done, kinds]).toEqual([true, []]);
    expect(patched).toEqual([
      ['Secret', { data }],
      ['ServiceAccount', { imagePullSecrets: [{ name: 'mine' }, { name: 'ket-registries' }] }],
    ]);
  });

  test('are named once', async () => {
    const account = { imagePullSecrets: [{ name: 'ket-registries' }] };
    expect((await given(ours, ['ServiceAccount'], account)).patched).toEqual([]);
  });
});
