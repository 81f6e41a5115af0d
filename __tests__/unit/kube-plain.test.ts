import { afterEach, beforeEach, expect, test } from '@jest/globals';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { loadConnection } from '../../src/kube/connection.ts';
import { plainConnection } from '../../src/kube/plain-connection.ts';

let folder = '';
beforeEach(() => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), 'ket-kubeconfig-'));
});
afterEach(() => fs.rmSync(folder, { recursive: true }));

const base64 = (text: string): string => Buffer.from(text).toString('base64');
const cluster = { server: 'https://127.0.0.1:6443', 'certificate-authority-data': base64('ca') };
const user = { 'client-certificate-data': base64('cert'), 'client-key-data': base64('key') };
interface Parts {
  readonly cluster?: object;
  readonly user?: object;
  readonly current?: string;
}
const write = (parts: Parts = {}): string => {
  const file = path.join(folder, 'kubeconfig');
  const config = {
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': parts.current ?? 'kind-a',
    contexts: [{ name: 'kind-a', context: { cluster: 'c', user: 'u' } }],
    clusters: [{ name: 'c', cluster: parts.cluster ?? cluster }],
    users: [{ name: 'u', user: parts.user ?? user }],
  };
  fs.writeFileSync(file, JSON.stringify(config));
  return file;
};

test('what kind writes is read as client-node reads it', async () => {
  const file = write();
  const plain = plainConnection(file, undefined);
  const known = loadConnection(file, undefined);
  expect(plain?.server.href).toBe(known.server.href);
  expect(plain?.proxied).toBe(known.proxied);
  const { agent: _own, ...options } = (await plain?.options()) ?? {};
  const { agent: _other, ...wanted } = await known.options();
  expect(options).toEqual(wanted);
  plain?.close();
  known.close();
});

test.each<[string, Parts]>([
  ['a proxy', { cluster: { ...cluster, 'proxy-url': 'http://127.0.0.1:1' } }],
  ['another name in the certificate', { cluster: { ...cluster, 'tls-server-name': 'x' } }],
  ['no check of the certificate', { cluster: { server: cluster.server, 'insecure-skip-tls-verify': true } }],
  ['a file of authorities', { cluster: { server: cluster.server, 'certificate-authority': '/ca' } }],
  ['plain HTTP', { cluster: { ...cluster, server: 'http://127.0.0.1:1' } }],
  ['a token', { user: { token: 't' } }],
  ['a token beside the certificate', { user: { ...user, token: 't' } }],
  ['a program', { user: { exec: { command: 'x' } } }],
  ['another user to act as', { user: { ...user, as: 'x' } }],
  ['a context that is not there', { current: 'kind-b' }],
])('%s is left to client-node', (_what, parts) =>
  expect(plainConnection(write(parts), undefined)).toBeUndefined(),
);

test('a context can be named; what cannot be read is left to who can say it', () => {
  const file = write({ current: 'other' });
  const plain = plainConnection(file, 'kind-a');
  expect(plain?.server.host).toBe('127.0.0.1:6443');
  plain?.close();
  expect(plainConnection(path.join(folder, 'none'), undefined)).toBeUndefined();
  fs.writeFileSync(file, 'a: [');
  expect(plainConnection(file, undefined)).toBeUndefined();
});
