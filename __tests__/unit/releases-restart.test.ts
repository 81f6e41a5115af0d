import { expect, test } from '@jest/globals';
import { restartStale, usesAny } from '../../src/releases/restart.ts';
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
  [{ metadata: { name: 'a' } }, false],
])('%j', (object, uses) => expect(usesAny(object as never, ['shop:dev'])).toBe(uses));

test('only what belongs to the release and runs a changed image is restarted', async () => {
  const patched: string[] = [];
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
    patch: async (ref: { kind: string; name: string }, patch: object) => {
      patched.push(`${ref.kind} ${ref.name} ${JSON.stringify(patch)}`);
    },
  } as unknown as Kube;
  const signal = new AbortController().signal;
  await expect(
    restartStale(kube, { name: 'shop', namespace: 'shop' }, ['shop:dev'], 'r1', signal),
  ).resolves.toEqual(['Deployment old', 'StatefulSet db']);
  expect(patched[0]).toBe(
    'Deployment old {"spec":{"template":{"metadata":{"annotations":{"ket.dev/restarted-by":"r1"}}}}}',
  );
});
