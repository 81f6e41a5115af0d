import net from 'node:net';
import { Duplex } from 'node:stream';
import { afterEach, describe, expect, test } from '@jest/globals';
import { openForwards, type DialIn, type Forwards } from '../../src/suites/host/forward.ts';

const open: { close(): unknown }[] = [];
afterEach(async () => {
  for (const one of open.splice(0)) await one.close();
});

const api = { variable: 'API_URL', host: 'api', port: 8080, before: 'http://', after: '/v1' };
const db = { variable: 'DB', host: 'db.shop', port: 5432, before: '', after: '' };

/** A server that answers `hello, …` to whatever it is told, once the other side has ended. */
async function server(): Promise<number> {
  const there = net.createServer({ allowHalfOpen: true }, (socket) => {
    let heard = '';
    socket.on('data', (chunk: Buffer) => (heard += chunk.toString()));
    socket.on('end', () => socket.end(`hello, ${heard}`));
    socket.on('error', () => undefined);
  });
  await new Promise<void>((resolve) => there.listen(0, '127.0.0.1', resolve));
  open.push(there);
  return (there.address() as net.AddressInfo).port;
}
const dialTo =
  (port: number): DialIn =>
  () =>
    new Promise<Duplex>((resolve) => {
      const socket = net.connect({ port, host: '127.0.0.1', allowHalfOpen: true }, () => resolve(socket));
    });

interface Ended {
  readonly heard: string;
  readonly error?: string;
}
/** What a client gets that says something and ends. */
const asked = (address: string, says: string): Promise<Ended> =>
  new Promise((resolve) => {
    const port = Number(/:(\d+)/.exec(address.replace('http://', ''))?.[1]);
    const socket = net.connect(port, '127.0.0.1', () => socket.end(says));
    let heard = '';
    socket.on('data', (chunk: Buffer) => (heard += chunk.toString()));
    socket.on('error', (error: NodeJS.ErrnoException) => resolve({ heard, error: error.code ?? '' }));
    socket.on('close', () => resolve({ heard }));
  });
async function forwards(dial: DialIn, said: string[] = []): Promise<Forwards> {
  const all = await openForwards([api, db], dial, (text) => said.push(text));
  open.push(all);
  return all;
}

describe('ports of a cluster on this machine', () => {
  test('stand in the environment in place of the address, each on loopback alone', async () => {
    const { env } = await forwards(dialTo(1));
    expect(env).toEqual({
      API_URL: expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+\/v1$/),
      DB: expect.stringMatching(/^127\.0\.0\.1:\d+$/),
    });
  });

  test('carry both ways to their own address, each connection by one of its own', async () => {
    const port = await server();
    const asks: string[] = [];
    const { env } = await forwards((host, to, signal) => {
      asks.push(`${host}:${String(to)}`);
      return dialTo(port)(host, to, signal);
    });
    expect(await asked(env['API_URL'] ?? '', 'one')).toEqual({ heard: 'hello, one' });
    expect(await asked(env['DB'] ?? '', 'two')).toEqual({ heard: 'hello, two' });
    expect(await asked(env['DB'] ?? '', 'three')).toEqual({ heard: 'hello, three' });
    expect(asks).toEqual(['api:8080', 'db.shop:5432', 'db.shop:5432']);
  });

  test('that lead to nobody break the connection, never end it in order; the reason is said once', async () => {
    const said: string[] = [];
    const { env } = await forwards(() => Promise.reject(new Error('connect: refused')), said);
    const address = env['DB'] ?? '';
    expect(await asked(address, 'one')).toEqual({ heard: '', error: 'ECONNRESET' });
    expect(await asked(address, 'two')).toEqual({ heard: '', error: 'ECONNRESET' });
    expect(said).toEqual(['DB (db.shop:5432): connect: refused']);
  });

  test('whose other side breaks in the middle break too', async () => {
    const { env } = await forwards(async () => {
      const inside = new Duplex({ read: () => undefined, write: (_chunk, _encoding, done) => done() });
      setImmediate(() => {
        inside.push('half an ans');
        setTimeout(() => inside.destroy(new Error('gone')), 30);
      });
      return inside;
    });
    expect(await asked(env['DB'] ?? '', 'one')).toMatchObject({ error: 'ECONNRESET' });
  });

  test('are closed with the suite, and the connections on them', async () => {
    const signals: AbortSignal[] = [];
    const said: string[] = [];
    const all = await forwards((_host, _port, signal) => {
      signals.push(signal);
      return new Promise<Duplex>((_, reject) => {
        signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true });
      });
    }, said);
    const waits = asked(all.env['DB'] ?? '', 'one');
    for (let i = 0; i < 200 && signals.length === 0; i += 1)
      await new Promise((resolve) => setTimeout(resolve, 5));
    await all.close();
    await waits;
    expect(signals[0]?.aborted).toBe(true);
    expect(said).toEqual([]);
    expect(await asked(all.env['DB'] ?? '', 'late')).toMatchObject({ error: 'ECONNREFUSED' });
  });
});
