import { describe, expect, test } from '@jest/globals';
import type { AnyObject, Kube } from '../../src/model/kube.ts';
import type { Reference } from '../../src/model/plan.ts';
import { copiesOf, shownCopies } from '../../src/suites/job/reference-copies.ts';
import { referenceParts } from '../../src/suites/job/references.ts';
import { fakeClock, FakeCluster, fakeContext, fakeDeps } from './support/phases.ts';
import { aSuite } from './support/suites.ts';

const id = { run: 'r', suite: 'api', attempt: 1 };
const base64 = (text: string | Buffer): string => Buffer.from(text).toString('base64');

const secret = (over: Partial<Reference> = {}): Reference => ({
  text: `release/shop/secret/db${over.key === undefined ? '' : `/${over.key}`}`,
  ...{ release: 'shop@api', kind: 'Secret', name: 'db', ...over },
});
const map = (over: Partial<Reference> = {}): Reference => ({
  text: `release/shop/configmap/cfg${over.key === undefined ? '' : `/${over.key}`}`,
  ...{ release: 'shop@api', kind: 'ConfigMap', name: 'cfg', ...over },
});

describe('the pod refers to the copies', () => {
  const suite = aSuite({
    references: [
      secret(),
      map({ key: 'log.level', variable: 'LEVEL' }),
      secret({ key: 'password', variable: 'PASSWORD' }),
      secret({ folder: '/etc/db' }),
      map({ key: 'app.ini', folder: '/etc/app' }),
    ],
  });

  test('as Kubernetes has it, each object copied once', () => {
    expect(referenceParts(id, suite)).toEqual({
      envFrom: [{ secretRef: { name: 'ket-r-api-1-of-1' } }],
      env: [
        { name: 'LEVEL', valueFrom: { configMapKeyRef: { name: 'ket-r-api-1-of-2', key: 'log.level' } } },
        { name: 'PASSWORD', valueFrom: { secretKeyRef: { name: 'ket-r-api-1-of-1', key: 'password' } } },
      ],
      volumes: [
        { name: 'ket-files-4', secret: { secretName: 'ket-r-api-1-of-1' } },
        {
          name: 'ket-files-5',
          configMap: { name: 'ket-r-api-1-of-2', items: [{ key: 'app.ini', path: 'app.ini' }] },
        },
      ],
      mounts: [
        { name: 'ket-files-4', mountPath: '/etc/db', readOnly: true },
        { name: 'ket-files-5', mountPath: '/etc/app', readOnly: true },
      ],
    });
  });

  test('and `ket plan` shows them with words for values', () => {
    expect(shownCopies(suite, id, 'ns')).toMatchObject([
      {
        kind: 'Secret',
        metadata: { name: 'ket-r-api-1-of-1', annotations: { 'ket.dev/copy-of': 'release/shop/secret/db' } },
        data: { '<each key>': base64('<from release/shop/secret/db>') },
      },
      { kind: 'ConfigMap', data: { 'log.level': '<from release/shop/configmap/cfg>' } },
    ]);
  });
});

/** What comes of it in a cluster with these objects, by kind. */
async function copies(
  references: readonly Reference[],
  objects: Readonly<Record<string, object | (() => object | undefined)>>,
  others: readonly object[] = [],
): Promise<{ made: AnyObject[]; masked: [string, string][]; waits: string[]; passed: number }> {
  const clock = fakeClock();
  const cluster = new FakeCluster({
    get: async <T>({ kind, namespace }: Parameters<Kube['get']>[0]) => {
      expect(namespace).toBe('shop-r-api');
      const found = objects[kind];
      return (typeof found === 'function' ? (found as () => object | undefined)() : found) as T | undefined;
    },
  });
  cluster.set('Secret', others);
  const masked: [string, string][] = [];
  const context = fakeContext(fakeDeps([], clock), []);
  const world = {
    kube: cluster.kube,
    namespaces: { 'shop@api': 'shop-r-api' },
    mask: (secrets: ReadonlyMap<string, string>) => void masked.push(...secrets),
  };
  const made = await copiesOf(world, aSuite({ references }), id, 'ns', context);
  return { made, masked, waits: context.waits, passed: clock.passed };
}

describe('what is taken of a release', () => {
  const db = { data: { user: base64('joe'), password: base64('open sesame') } };

  test('only the keys that are asked for, and their values are masked', async () => {
    const { made, masked } = await copies([secret({ key: 'password', variable: 'P' })], { Secret: db });
    expect(masked).toEqual([['release/shop/secret/db/password', 'open sesame']]);
    expect(made).toEqual([
      {
        apiVersion: 'v1',
        kind: 'Secret',
        metadata: {
          name: 'ket-r-api-1-of-1',
          namespace: 'ns',
          labels: {
            'app.kubernetes.io/managed-by': 'ket',
            'ket.dev/run': 'r',
            'ket.dev/suite': 'api',
            'ket.dev/attempt': '1',
          },
          annotations: { 'ket.dev/copy-of': 'release/shop/secret/db' },
        },
        type: 'Opaque',
        immutable: true,
        data: { password: base64('open sesame') },
      },
    ]);
  });

  test('all keys of a whole object; a ConfigMap is no secret', async () => {
    const bytes = base64(Buffer.of(0xff, 0xfe));
    const cfg = { data: { LEVEL: 'debug' }, binaryData: { logo: bytes } };
    const { made, masked } = await copies([secret(), map({ folder: '/etc/cfg' })], {
      Secret: db,
      ConfigMap: cfg,
    });
    expect(made).toMatchObject([
      { kind: 'Secret', data: db.data },
      { kind: 'ConfigMap', data: { LEVEL: 'debug' }, binaryData: { logo: bytes } },
    ]);
    expect(masked.map(([name]) => name)).toEqual([
      'release/shop/secret/db/user',
      'release/shop/secret/db/password',
    ]);
  });

  test('bytes that are no text are masked as base64 when they come as a file', async () => {
    const bytes = base64(Buffer.of(0xff, 0xfe, 0, 1, 2, 3));
    const { masked } = await copies([secret({ folder: '/etc/db' })], { Secret: { data: { key: bytes } } });
    expect(masked).toEqual([['release/shop/secret/db/key', bytes]]);
  });

  test('what comes a moment later is waited for', async () => {
    let asked = 0;
    const { made, waits } = await copies([secret()], { Secret: () => (++asked < 4 ? undefined : db) });
    expect(made).toHaveLength(1);
    expect(waits[0]).toMatch(/there is no Secret db/);
  });

  const helm = { type: 'helm.sh/release.v1', metadata: { name: 'sh.helm.release.v1.shop.v1' } };
  test.each<[string, Reference, Parameters<typeof copies>[1], RegExp]>([
    [
      'no object',
      secret({ key: 'k', variable: 'V' }),
      {},
      /^release\/shop\/secret\/db: there is no Secret db in namespace shop-r-api; there are other, shop-db$/,
    ],
    [
      'no key',
      secret({ key: 'pasword', variable: 'V' }),
      { Secret: db },
      /^release\/shop\/secret\/db: Secret db in namespace shop-r-api has no key pasword; there are password, user$/,
    ],
    [
      'no variable',
      secret(),
      { Secret: { data: { 'tls.crt': '' } } },
      /its key tls.crt is not the name of a variable; take the keys/,
    ],
    ['reserved', secret(), { Secret: { data: { KET_SUITE: '' } } }, /its key KET_SUITE is reserved/],
    [
      'no text',
      secret({ key: 'k', variable: 'V' }),
      { Secret: { data: { k: base64(Buffer.of(0xff)) } } },
      /^release\/shop\/secret\/db\/k: the value of its key k is not text: .*; take it as a file by `files`$/,
    ],
    [
      'a NUL',
      map(),
      { ConfigMap: { data: { k: 'a\0b' } } },
      /^release\/shop\/configmap\/cfg: the value of its key k is not text/,
    ],
  ])('%s: says what there is, or the cure, and no value', async (_name, reference, objects, message) => {
    const others = [{ metadata: { name: 'shop-db' } }, { metadata: { name: 'other' } }, helm];
    await expect(copies([reference], objects, others)).rejects.toMatchObject({
      code: 'KET_CONFIG',
      message: expect.stringMatching(message),
    });
  });
});
