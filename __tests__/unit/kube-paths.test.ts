import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { Connection } from '../../src/kube/connection.ts';
import { loadConnection } from '../../src/kube/connection.ts';
import { collectionOf, pathOf, queryOf } from '../../src/kube/paths.ts';
import { kubeconfigOf, warmUp } from './kube-fake.ts';

describe('paths', () => {
  test.each([
    [{ apiVersion: 'v1', kind: 'Pod', namespace: 'a', name: 'p' }, '/api/v1/namespaces/a/pods/p'],
    [{ apiVersion: 'v1', kind: 'Pod', namespace: 'a' }, '/api/v1/namespaces/a/pods'],
    [{ apiVersion: 'v1', kind: 'Pod' }, '/api/v1/pods'],
    [{ apiVersion: 'v1', kind: 'Namespace', name: 'a' }, '/api/v1/namespaces/a'],
    [{ apiVersion: 'v1', kind: 'Endpoints', namespace: 'a' }, '/api/v1/namespaces/a/endpoints'],
    [
      { apiVersion: 'batch/v1', kind: 'Job', namespace: 'a', name: 'j' },
      '/apis/batch/v1/namespaces/a/jobs/j',
    ],
    [{ apiVersion: 'storage.k8s.io/v1', kind: 'StorageClass' }, '/apis/storage.k8s.io/v1/storageclasses'],
    [
      { apiVersion: 'networking.k8s.io/v1', kind: 'NetworkPolicy', namespace: 'a' },
      '/apis/networking.k8s.io/v1/namespaces/a/networkpolicies',
    ],
    // A namespace given for a kind that has none is what objects from charts often say.
    [{ apiVersion: 'v1', kind: 'Node', namespace: 'a', name: 'n' }, '/api/v1/nodes/n'],
    [
      { apiVersion: 'x.io/v1', kind: 'Gateway', namespace: 'a', name: 'g' },
      '/apis/x.io/v1/namespaces/a/gateways/g',
    ],
    [{ apiVersion: 'x.io/v1', kind: 'SecretPolicy' }, '/apis/x.io/v1/secretpolicies'],
    [{ apiVersion: 'x.io/v1', kind: 'Mesh' }, '/apis/x.io/v1/meshes'],
    [{ apiVersion: 'x.io/v1', kind: 'Class' }, '/apis/x.io/v1/classes'],
  ])('%j', (target, wanted) => {
    expect(pathOf(target)).toBe(wanted);
  });

  test.each(['Redis', 'Index', 'Quiz', 'Metadata', 'Life', 'foo/bar'])(
    'the plural of %s is not guessed',
    (kind) => {
      expect(() => pathOf({ apiVersion: 'x.io/v1', kind })).toThrow('plural');
    },
  );

  test('a namespaced object without a namespace is not looked for among those of the cluster', () => {
    expect(() => pathOf({ apiVersion: 'v1', kind: 'Pod', name: 'p' })).toThrow('without a namespace');
    expect(() => collectionOf({ apiVersion: 'v1', kind: 'Pod' })).toThrow('without a namespace');
  });

  test('names cannot leave their place in the path', () => {
    expect(pathOf({ apiVersion: 'v1', kind: 'Pod', namespace: 'a', name: '../b?c' })).toBe(
      '/api/v1/namespaces/a/pods/..%2Fb%3Fc',
    );
    expect(queryOf({ a: 'x&y', b: ['1', '2'], c: undefined, d: true })).toBe('?a=x%26y&b=1&b=2&d=true');
    expect(queryOf({ a: undefined })).toBe('');
  });
});

describe('kubeconfig', () => {
  let folder: string;
  beforeAll(async () => {
    await warmUp();
    folder = await mkdtemp(path.join(tmpdir(), 'ket-kube-test-'));
  }, 60_000);
  afterAll(() => rm(folder, { recursive: true }));

  const load = async (config: unknown, context?: string): Promise<Connection> => {
    const file = path.join(folder, 'config');
    await writeFile(file, typeof config === 'string' ? config : JSON.stringify(config));
    return loadConnection(file, context);
  };

  test('credentials go with each request to an https server, and to no other', async () => {
    const user = {
      token: 'secret',
      'client-certificate-data': 'YQ==',
      'client-key-data': 'Yg==',
      as: 'someone',
    };
    const options = await (await load(kubeconfigOf('https://127.0.0.1:1/base', user))).options();
    expect(options.headers).toEqual({ Authorization: 'Bearer secret', 'Impersonate-User': 'someone' });
    expect(options).toMatchObject({ cert: Buffer.from('a'), key: Buffer.from('b') });
    expect('rejectUnauthorized' in options).toBe(false);
    expect((await (await load(kubeconfigOf('http://127.0.0.1:1', user))).options()).headers).toEqual({});
  });

  test('a token in a file is read for each request, and goes before one in the kubeconfig', async () => {
    const tokenFile = path.join(folder, 'token');
    await writeFile(tokenFile, 'first\n');
    const user = { tokenFile: 'token', token: 'other' };
    const connection = await load(kubeconfigOf('https://127.0.0.1:1', user));
    expect((await connection.options()).headers).toEqual({ Authorization: 'Bearer first' });
    await writeFile(tokenFile, 'second');
    expect((await connection.options()).headers).toEqual({ Authorization: 'Bearer second' });
    await rm(tokenFile);
    await expect(connection.options()).rejects.toThrow(
      'the token of the kubeconfig cannot be read: Error: ENOENT',
    );
  });

  test('what is wrong with the file is said, with its name', async () => {
    const good = kubeconfigOf('https://127.0.0.1:1');
    expect(() => loadConnection(path.join(folder, 'none'), undefined)).toThrow('cannot be read');
    await expect(load(good, 'other')).rejects.toThrow('no context other; it has test');
    await expect(load({ ...good, 'current-context': 'gone' })).rejects.toThrow('names no cluster');
    await expect(load(': no yaml: [')).rejects.toThrow('cannot be read');
  });
});
