import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import fs from 'node:fs';
import http from 'node:http';
import http2 from 'node:http2';
import https from 'node:https';
import net, { type AddressInfo } from 'node:net';
import path from 'node:path';
import type { Kube } from '../../src/model/kube.ts';
import type { CheckPlan, TlsPlan } from '../../src/model/plan.ts';
import { askHttp } from '../../src/checks/ask-http.ts';
import { connectFrom, type Target } from '../../src/checks/connection.ts';
import { lookOverPipe } from '../../src/checks/look-piped.ts';
import type { PipedLook } from '../../src/checks/question.ts';
import { selfSigned, signed } from './support/certificates.ts';
import { folder, removeFolders } from './support/folder.ts';
import { localPipes } from './support/pipes.ts';

/** TLS and gRPC over the ket-run that is shipped, against servers of this process. */

const pod = { namespace: 'ket-r-checks', pod: 'probe-1-1', container: 'probe' };
const servers: net.Server[] = [];
const sockets: net.Socket[] = [];
let certificates = '';
const pem = (name: string): string => fs.readFileSync(path.join(certificates, name), 'utf8');

beforeAll(() => {
  certificates = folder();
  selfSigned(certificates, 'authority');
  signed(certificates, 'good', ['localhost']);
  signed(certificates, 'other', ['shop-web', 'shop-web.shop']);
  signed(certificates, 'expired', ['localhost'], true);
  selfSigned(certificates, 'self', 'localhost');
});
afterAll(() => {
  for (const server of servers) server.close();
  for (const socket of sockets) socket.destroy();
  removeFolders();
});

const listening = async (server: net.Server): Promise<number> => {
  servers.push(server);
  server.on('connection', (socket) => sockets.push(socket));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return (server.address() as AddressInfo).port;
};
const secure = (name: string) => ({ key: pem(`${name}.key`), cert: pem(`${name}.pem`) });

/** What a look says, and what it accepted. */
async function seen(look: PipedLook, kube: Partial<Kube> = {}): Promise<readonly string[]> {
  const check: CheckPlan = { name: 'api', releases: [], namespaces: [], look, limitMs: 4000, totalMs: 9000 };
  const from = { ...pod, node: 'w1', address: '10.0.0.1' };
  const fakes = { ...localPipes, ...kube, get: kube.get ?? (() => Promise.resolve(undefined)) } as Kube;
  const { faults, notes = [] } = await lookOverPipe(fakes, [from], look, check)(AbortSignal.timeout(20_000));
  return [...faults, ...notes].map((text) => text.replaceAll(/:\d{4,5}\b/g, ':PORT'));
}

const httpsLook = (port: number, tls: Partial<TlsPlan> = {}, host = 'localhost') => ({
  ...{ kind: 'http' as const, host, port, path: '/health?x', status: 200, body: 'well' },
  tls: { insecure: false, ...tls },
});

describe('https', () => {
  const byAuthority = (): TlsPlan => ({
    ca: { file: path.join(certificates, 'authority.pem') },
    insecure: false,
  });
  const wellOrNo = ({ url }: http.IncomingMessage): string => (url === '/health?x' ? 'all is well' : 'no');
  const serve = (name: string, answer = wellOrNo): Promise<number> =>
    listening(https.createServer(secure(name), (request, response) => response.end(answer(request))));

  test('holds with the authority that is named', async () =>
    expect(await seen(httpsLook(await serve('good'), byAuthority()))).toEqual([]));

  test('holds with the authority of a Secret', async () => {
    const ca = { kind: 'Secret', namespace: 'shop', name: 'tls', key: 'ca.crt' } as const;
    const data = { 'ca.crt': Buffer.from(pem('authority.pem')).toString('base64') };
    const get: Kube['get'] = <T>() => Promise.resolve({ data } as T);
    expect(await seen(httpsLook(await serve('good'), { ca }), { get })).toEqual([]);
  });

  const wrong: readonly (readonly [string, string, RegExp])[] = [
    [
      'expired',
      'authority',
      /seen: a certificate that expired on Jan {1,2}2 00:00:00 2020 GMT; likely: it was not renewed/,
    ],
    [
      'other',
      'authority',
      /seen: a certificate for shop-web, shop-web\.shop, not for localhost; likely: the name of the Service lacks/,
    ],
    ['self', 'authority', /seen: a certificate of an unknown authority, self; likely: give the check `ca`/],
    ['good', 'self', /seen: a certificate of an unknown authority, authority; likely: give the check `ca`/],
  ];
  test.each(wrong)('%s does not hold with the authority %s', async (name, authority, message) => {
    const ca = { file: path.join(certificates, `${authority}.pem`) };
    const [fault, ...more] = await seen(httpsLook(await serve(name), { ca }));
    expect(more).toEqual([]);
    expect(fault).toMatch(
      /^pod probe-1-1 on node w1 → https:\/\/localhost:PORT\/health\?x: expected status 200 and/,
    );
    expect(fault).toMatch(message);
  });

  test('what is wrong is accepted when it is asked for, and said', async () =>
    expect(await seen(httpsLook(await serve('self'), { insecure: true }))).toEqual([
      'it accepts a certificate of an unknown authority, self (`insecure: true`)',
    ]));

  test('a server without TLS', async () => {
    const port = await listening(http.createServer((_, response) => response.end('all is well')));
    expect(await seen(httpsLook(port, byAuthority()))).toEqual([
      expect.stringMatching(/seen: an answer that is not TLS; likely: the port speaks no TLS: write http/),
    ]);
  });

  test('a server that takes connections and says nothing costs the limit', async () => {
    const port = await listening(net.createServer(() => undefined));
    expect(await seen(httpsLook(port, byAuthority()))).toEqual([
      expect.stringMatching(/takes the connection and does not answer/),
    ]);
  });

  test('nobody there', async () => {
    const server = net.createServer();
    const port = await listening(server);
    await new Promise((resolve) => server.close(resolve));
    expect(await seen(httpsLook(port, byAuthority(), '127.0.0.1'))).toEqual([
      expect.stringMatching(/seen: refused by 127\.0\.0\.1; likely: nothing listens on that port/),
    ]);
  });

  test('for another host has its name in the request and in the certificate', async () => {
    const port = await serve('other', ({ headers }) => (headers.host ?? '').replace(/:\d+$/, ''));
    const look = { ...httpsLook(port, byAuthority()), body: 'shop-web' };
    expect(await seen({ ...look, asksFor: 'shop-web' })).toEqual([]);
    expect(await seen({ ...look, asksFor: 'shop-api' })).toEqual([
      expect.stringMatching(
        /→ https:\/\/localhost:PORT\/health\?x for shop-api: .* a certificate for shop-web, shop-web\.shop, not for shop-api/,
      ),
    ]);
  });

  test('an authority that cannot be had is no fault of the server', async () => {
    const port = await serve('good');
    await expect(seen(httpsLook(port, { ca: { file: '/nowhere.pem' } }))).rejects.toThrow(
      '`ca` cannot be read',
    );
    const ca = { kind: 'Secret', namespace: 'shop', name: 'tls', key: 'ca.crt' } as const;
    await expect(seen(httpsLook(port, { ca }))).rejects.toThrow('there is no Secret shop/tls');
    const none = path.join(certificates, 'none.pem');
    fs.writeFileSync(none, 'nothing');
    await expect(seen(httpsLook(port, { ca: { file: none } }))).rejects.toThrow('no certificate (PEM) in');
  });
});

describe('http for another host', () => {
  /** As an ingress controller: a page for one host, 404 for every other. */
  const serve = (): Promise<number> =>
    listening(
      http.createServer(({ url, headers: { host = '' } }, response) => {
        const known = /^shop\.example(:\d+)?$/.test(host) && url === '/a?b';
        response.writeHead(known ? 200 : 404).end(known ? 'the shop' : '404 page not found');
      }),
    );
  const look = (port: number, asksFor: string): PipedLook => ({
    ...{ kind: 'http', host: 'localhost', port, path: '/a?b', status: 200, body: 'shop', asksFor },
  });

  test('holds when that host is served', async () =>
    expect(await seen(look(await serve(), 'shop.example'))).toEqual([]));

  test('does not when it is not', async () =>
    expect(await seen(look(await serve(), 'mail.example'))).toEqual([
      'pod probe-1-1 on node w1 → http://localhost:PORT/a?b for mail.example: expected status 200 and a body with "shop", seen: status 404: 404 page not found; likely: there is no Ingress for mail.example and that path, or it is of another class than the controller\'s',
    ]));

  test('has the port in the header unless it is the usual one', async () => {
    const said = async (port: number): Promise<string | undefined> => {
      let header: string | undefined;
      const server = http.createServer(({ headers }, response) => {
        header = headers.host;
        response.end();
      });
      const real = await listening(server);
      const dial = (target: Target) => connectFrom(localPipes, pod, { ...target, port: real });
      const ask = { host: 'localhost', port, path: '/', asksFor: 'shop.example' };
      await askHttp(dial, ask, 4000, AbortSignal.timeout(20_000));
      return header;
    };
    expect([await said(80), await said(443), await said(8080)]).toEqual([
      ...['shop.example', 'shop.example:443', 'shop.example:8080'],
    ]);
  });
});

describe('gRPC health', () => {
  const look = (port: number, over: { service?: string; tls?: TlsPlan } = {}): PipedLook => ({
    ...{ kind: 'grpc', host: 'localhost', port, service: '' },
    ...over,
  });
  /** Answers with a message, or with a status of gRPC alone. */
  const serve = (
    answer: (service: string) => number | { status: number },
    cert?: string,
  ): Promise<number> => {
    const server = cert === undefined ? http2.createServer() : http2.createSecureServer(secure(cert));
    server.on('stream', (stream, headers) => {
      const chunks: Buffer[] = [];
      stream.on('data', (chunk: Buffer) => chunks.push(chunk));
      stream.on('end', () => {
        const sent = Buffer.concat(chunks);
        const found =
          headers[':path'] === '/grpc.health.v1.Health/Check'
            ? answer(sent.subarray(7).toString())
            : { status: 12 };
        const type = { ':status': 200, 'content-type': 'application/grpc' };
        if (typeof found !== 'number') {
          stream.respond({ ...type, 'grpc-status': String(found.status) }, { endStream: true });
          return;
        }
        stream.respond(type, { waitForTrailers: true });
        stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }));
        stream.end(found === 0 ? Buffer.alloc(5) : Buffer.of(0, 0, 0, 0, 2, 8, found));
      });
    });
    return listening(server);
  };

  test('SERVING holds, of the server and of a service', async () => {
    const port = await serve((service) => (['', 'shop.Cart'].includes(service) ? 1 : { status: 5 }));
    expect(await seen(look(port))).toEqual([]);
    expect(await seen(look(port, { service: 'shop.Cart' }))).toEqual([]);
    expect(await seen(look(port, { service: 'shop.Kart' }))).toEqual([
      'pod probe-1-1 on node w1 → grpc://localhost:PORT: expected SERVING of shop.Kart, seen: the server knows no service "shop.Kart"; likely: `service` is written otherwise there, or is not registered',
    ]);
  });

  test.each([
    [
      2,
      /expected SERVING, seen: NOT_SERVING; likely: the server is up and says that it takes no requests now/,
    ],
    [0, /seen: UNKNOWN; likely/],
  ])('status %d does not hold', async (status, message) =>
    expect(await seen(look(await serve(() => status)))).toEqual([expect.stringMatching(message)]),
  );

  test('a server without the health service', async () =>
    expect(await seen(look(await serve(() => ({ status: 12 }))))).toEqual([
      expect.stringMatching(
        /seen: the server has no grpc\.health\.v1\.Health\/Check; likely: the server does not register/,
      ),
    ]));

  test('another error of gRPC', async () =>
    expect(await seen(look(await serve(() => ({ status: 14 }))))).toEqual([
      expect.stringMatching(/seen: status 14 of gRPC/),
    ]));

  test('over TLS', async () => {
    const port = await serve(() => 1, 'good');
    const ca = { file: path.join(certificates, 'authority.pem') };
    expect(await seen(look(port, { tls: { ca, insecure: false } }))).toEqual([]);
    expect(await seen(look(port, { tls: { insecure: false } }))).toEqual([
      expect.stringMatching(
        /→ grpcs:\/\/localhost:PORT: .* a certificate of an unknown authority, authority/,
      ),
    ]);
    expect(await seen(look(port))).toEqual([
      expect.stringMatching(/likely: the port speaks another protocol, or TLS/),
    ]);
  });

  test('a server of HTTP/1', async () => {
    const port = await listening(http.createServer((_, response) => response.end('hello')));
    expect(await seen(look(port))).toEqual([
      expect.stringMatching(/likely: the port speaks another protocol/),
    ]);
  });
});

describe('a connection from a pod', () => {
  const bytes = Buffer.alloc(5_000_000, 'abcdefg');
  const to = async (server: net.Server) =>
    connectFrom(localPipes, pod, {
      ...{ host: '127.0.0.1', port: await listening(server), limitMs: 4000 },
      signal: AbortSignal.timeout(20_000),
    });

  test('carries everything both ways, and ends when the other side ends', async () => {
    const connection = await to(net.createServer({ allowHalfOpen: true }, (socket) => socket.pipe(socket)));
    connection.end(bytes);
    const chunks: Buffer[] = [];
    for await (const chunk of connection) chunks.push(chunk as Buffer);
    expect(Buffer.concat(chunks).equals(bytes)).toBe(true);
  });

  test('breaks when the other side breaks it', async () => {
    const connection = await to(
      net.createServer((socket) => socket.once('data', () => socket.resetAndDestroy())),
    );
    connection.write('x');
    await expect(connection.toArray()).rejects.toMatchObject({ code: 'ECONNRESET' });
  });
});
