import { expect, test } from '@jest/globals';
import { restart, running, usesAny } from '../../src/releases/restart.ts';
import type { Kube } from '../../src/model/kube.ts';

const workload = (name: string, image: string, release: string, init?: string) => ({
  metadata: { name, annotations: { 'meta.helm.sh/release-name': release } },
  spec: {
    template: {
      spec: { containers: [{ image }], initContainers: init === undefined ? [] : [{ image: init }] },
    },
  },
});

test.each([
  [workload('a', 'shop:dev', 'shop'), true],
  [workload('a', 'other:dev', 'shop'), false],
  [workload('a', 'other:dev', 'shop', 'shop:dev'), true],
  // As charts write it that put a registry before every name.
  [workload('a', 'docker.io/shop:dev', 'shop'), true],
  [workload('a', 'docker.io/library/shop:dev', 'shop'), true],
  [workload('a', 'r.example/shop:dev', 'shop'), false],
  [{ metadata: { name: 'a' } }, false],
])('%j', (object, uses) => expect(usesAny(object as never, ['shop:dev'])).toBe(uses));

const signal = new AbortController().signal;

test('only what belongs to the release and runs a changed image is stale', async () => {
  const kube = {
    list: async ({ kind }: { kind: string }) =>
      kind === 'Deployment'
        ? [
            workload('old', 'shop:dev', 'shop'),
            workload('same', 'x:1', 'shop'),
            workload('foreign', 'shop:dev', 'b'),
          ]
        : kind === 'StatefulSet'
          ? [workload('db', 'shop:dev', 'shop')]
          : [],
  } as unknown as Kube;
  const found = await running(kube, { name: 'shop', namespace: 'ns' }, ['shop:dev'], signal);
  const ref = { apiVersion: 'apps/v1', namespace: 'ns' };
  expect(found).toEqual([
    { ...ref, kind: 'Deployment', name: 'old' },
    { ...ref, kind: 'StatefulSet', name: 'db' },
  ]);
});

test('what is stale is restarted, unless the installation took it away', async () => {
  const patched: string[] = [];
  const kube = {
    get: async ({ name }: { name: string }) => (name === 'gone' ? undefined : {}),
    patch: async (ref: { kind: string; name: string }, patch: object) => {
      patched.push(`${ref.kind} ${ref.name} ${JSON.stringify(patch)}`);
    },
  } as unknown as Kube;
  const ref = { apiVersion: 'apps/v1', kind: 'Deployment', namespace: 'ns' };
  const stale = ['gone', 'old'].map((name) => ({ ...ref, name }));
  await expect(restart(kube, stale, 'r1', signal)).resolves.toEqual(['Deployment old']);
  expect(patched).toEqual([
    'Deployment old {"spec":{"template":{"metadata":{"annotations":{"ket.dev/restarted-by":"r1"}}}}}',
  ]);
});
