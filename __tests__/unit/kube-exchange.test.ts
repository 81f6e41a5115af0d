import { afterEach, expect, test } from '@jest/globals';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { exec } from '../../src/kube/exec.ts';
import type { Connection, ConnectionOptions } from '../../src/kube/connection.ts';
import { Contact } from '../../src/kube/contact.ts';
import { consume, open } from '../../src/kube/exchange.ts';
import type { Client } from '../../src/kube/request.ts';
import { defaultTimings } from '../../src/kube/timings.ts';

let server: http.Server | undefined;
afterEach(() => {
  server?.close();
});

/** A server that counts connections, and options that are there in the very moment in which the signal fires. */
async function stage() {
  let connections = 0;
  server = http.createServer((_request, response) => response.end('{}'));
  server.on('connection', () => (connections += 1));
  await new Promise<void>((resolve) => server?.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const cancel = new AbortController();
  const connection: Connection = {
    server: new URL(`http://127.0.0.1:${port}`),
    contact: new Contact(),
    proxied: false,
    options() {
      const options = Promise.resolve<ConnectionOptions>({ headers: {} });
      void options.then(() => cancel.abort(new Error('not wanted any more')));
      return options;
    },
    dropIdle: () => undefined,
    close: () => undefined,
  };
  return { connection, signal: cancel.signal, connections: () => connections };
}

const settled = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 50));

test('a signal that fires just before a request is sent: nothing is sent, and nothing is left that could break', async () => {
  const { connection, signal, connections } = await stage();
  const asked = open(connection, { method: 'GET', path: '/api' }, 1000, signal);
  await expect(asked).rejects.toThrow('not wanted any more');
  await settled();
  expect(connections()).toBe(0);
});

test('the same for a command in a pod', async () => {
  const { connection, signal, connections } = await stage();
  const closed = new AbortController().signal;
  const client: Client = { connection, timings: defaultTimings, random: () => 0, closed };
  const request = { namespace: 'n', pod: 'p', container: 'c', argv: ['true'], idleMs: 1000 };
  const ran = exec(client, { ...request, onStdout: () => undefined, signal });
  await expect(ran).rejects.toThrow('not wanted any more');
  await settled();
  expect(connections()).toBe(0);
});

test('nothing is read while what was read waits to be taken, and that is no silence', async () => {
  const megabyte = Buffer.alloc(1 << 20, 'x');
  const total = 64;
  server = http.createServer((_request, response) => {
    for (let i = 0; i < total; i++) response.write(megabyte);
    response.end();
  });
  await new Promise<void>((resolve) => server?.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const connection: Connection = {
    server: new URL(`http://127.0.0.1:${port}`),
    contact: new Contact(),
    proxied: false,
    options: () => Promise.resolve<ConnectionOptions>({ headers: {} }),
    dropIdle: () => undefined,
    close: () => undefined,
  };
  const { signal } = new AbortController();
  const response = await open(connection, { method: 'GET', path: '/log' }, 1000, signal);
  let bytes = 0;
  let taken = (): void => undefined;
  const first = new Promise<void>((resolve) => (taken = resolve));
  // Server and reader share this thread: a moment in which a busy machine runs neither is no silence that is meant.
  const idleMs = 500;
  const end = consume(connection, response, (chunk) => ((bytes += chunk.length), first), idleMs, signal);
  await new Promise((resolve) => setTimeout(resolve, 4 * idleMs));
  expect(bytes).toBeGreaterThan(0);
  expect(bytes).toBeLessThan(megabyte.length);
  taken();
  expect(await end).toEqual({ how: 'end' });
  expect(bytes).toBe(total * megabyte.length);
});
