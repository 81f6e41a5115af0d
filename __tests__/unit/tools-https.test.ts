import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import http from 'node:http';
import https from 'node:https';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import type { KetError } from '../../src/model/errors.ts';
import { fetchBy } from '../../src/tools/http.ts';
import { provideTool, type FoundTool } from '../../src/tools/find.ts';
import { downloadLimits } from '../../src/tools/download-limits.ts';
import { fakeClock } from './support/phases.ts';
import { bytes, give, listening, serve, tableOf, type Web } from './support/tools.ts';

const kind = bytes(20_000, 'kind');
let folder: string;
let authority: string;
let web: Web;
let port: number;
const open: Pick<Web, 'close'>[] = [];

beforeAll(async () => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), 'ket-https-'));
  const [key, cert] = [path.join(folder, 'key.pem'), path.join(folder, 'cert.pem')];
  execFileSync(
    'openssl',
    [
      ...[
        'req',
        '-x509',
        '-newkey',
        'ec',
        '-pkeyopt',
        'ec_paramgen_curve:prime256v1',
        '-nodes',
        '-days',
        '2',
      ],
      ...['-keyout', key, '-out', cert, '-subj', '/CN=tools.example'],
      ...['-addext', 'subjectAltName=DNS:tools.example,DNS:localhost'],
    ],
    { stdio: 'ignore' },
  );
  authority = cert;
  web = await serve(() => give(kind), ((handler: http.RequestListener) =>
    https.createServer({ key: fs.readFileSync(key), cert: fs.readFileSync(cert) }, handler)) as never);
  port = Number(new URL(web.base).port);
});
afterEach(async () => {
  web.requests.length = 0;
  await Promise.all(open.splice(0).map((one) => one.close()));
});
afterAll(async () => {
  await web.close();
  fs.rmSync(folder, { recursive: true, force: true });
});

const provide = (env: Record<string, string>): Promise<FoundTool> => {
  const home = fs.mkdtempSync(path.join(folder, 'cache-'));
  return provideTool(
    {
      env: { XDG_CACHE_HOME: home, PATH: '', ...env },
      clock: fakeClock(),
      exec: () => Promise.reject(new Error('nothing is asked here')),
    },
    'kind',
    'v1.0.0',
    {
      signal: AbortSignal.timeout(20_000),
      table: tableOf({ kind: { 'v1.0.0': kind } }),
      limits: { ...downloadLimits, overallMs: 2500 },
    },
  );
};
const details = async (work: Promise<unknown>): Promise<string> => {
  const error = await work.then(
    () => undefined,
    (e: unknown) => e as KetError,
  );
  if (error === undefined) throw new Error('it went well');
  return `${error.message}\n${error.details.join('\n')}\n${error.next ?? ''}`;
};

describe('authorities', () => {
  const direct = (): string => `https://localhost:${String(port)}`;
  test.each(['NODE_EXTRA_CA_CERTS', 'SSL_CERT_FILE'])('of %s are trusted', async (name) => {
    await provide({ KET_KIND_MIRROR: direct(), [name]: authority });
    expect(web.requests).toHaveLength(1);
  });
  test('an unknown one is not', async () => {
    expect(await details(provide({ KET_KIND_MIRROR: direct() }))).toMatch(/self-signed certificate/);
    expect(web.requests).toEqual([]);
  });
  test('nor one for another name', async () => {
    const mirror = `https://127.0.0.1:${String(port)}`;
    expect(await details(provide({ KET_KIND_MIRROR: mirror, SSL_CERT_FILE: authority }))).toMatch(
      /altnames|does not match/i,
    );
  });
  test('a file that is not there is named', async () =>
    expect(await details(provide({ KET_KIND_MIRROR: direct(), SSL_CERT_FILE: '/nowhere/ca.pem' }))).toContain(
      'the authorities in /nowhere/ca.pem cannot be read',
    ));
});

describe('a proxy', () => {
  /** A CONNECT proxy that leads every name to the server of this test. */
  const proxy = async (
    status = 200,
  ): Promise<{ base: string; asked: { target: string; login?: string }[] }> => {
    const asked: { target: string; login?: string }[] = [];
    const server = http.createServer();
    server.on('connect', (request: http.IncomingMessage, socket: net.Socket) => {
      const login = request.headers['proxy-authorization'];
      asked.push({ target: request.url ?? '', ...(login === undefined ? {} : { login }) });
      if (status !== 200) {
        socket.end(`HTTP/1.1 ${String(status)} No\r\ncontent-length: 0\r\n\r\n`);
        return;
      }
      const far = net.connect(port, '127.0.0.1', () => {
        socket.write('HTTP/1.1 200 OK\r\n\r\n');
        far.pipe(socket).pipe(far);
      });
      for (const end of [far, socket]) end.on('error', () => undefined);
    });
    const { base, close } = await listening(server);
    open.push({ close });
    return { base, asked };
  };
  const mirror = 'https://tools.example/kind';

  test('also by what is sent to an API, whatever it answers', async () => {
    const { base, asked } = await proxy();
    const api = fetchBy({ HTTPS_PROXY: base, SSL_CERT_FILE: authority });
    const headers = { authorization: 'Bearer t' };
    const answer = await api('https://tools.example/checks', { method: 'PATCH', headers, body: '{}' });
    expect([answer.status, (await answer.arrayBuffer()).byteLength > 0]).toEqual([200, true]);
    expect(asked).toEqual([{ target: 'tools.example:443' }]);
    expect(web.requests).toEqual([{ line: 'PATCH /checks', authorization: 'Bearer t' }]);
    const untrusting = fetchBy({ HTTPS_PROXY: base });
    await expect(untrusting('https://tools.example/checks')).rejects.toThrow(/self-signed/);
  });

  test('is asked for a tunnel, in which the server proves its name', async () => {
    const { base, asked } = await proxy();
    await provide({ KET_KIND_MIRROR: mirror, HTTPS_PROXY: base, SSL_CERT_FILE: authority });
    expect(asked).toEqual([{ target: 'tools.example:443' }]);
    expect(web.requests[0]?.line).toMatch(/^GET \/kind\/v1\.0\.0\/kind-/);
  });

  test('gets the login of its URL, which nobody sees', async () => {
    const { base, asked } = await proxy(407);
    const env = { KET_KIND_MIRROR: mirror, https_proxy: base.replace('//', '//me:secret@') };
    const said = await details(provide(env));
    expect(said).toContain(
      `the proxy ${new URL(base).host} refused to connect to tools.example:443: status 407`,
    );
    expect(said).not.toContain('secret');
    expect(asked[0]?.login).toBe(`Basic ${Buffer.from('me:secret').toString('base64')}`);
  });

  test('a server in the tunnel with another name is not believed', async () => {
    const { base } = await proxy();
    const env = { KET_KIND_MIRROR: 'https://other.example', HTTPS_PROXY: base, SSL_CERT_FILE: authority };
    expect(await details(provide(env))).toMatch(/altnames|does not match/i);
    expect(web.requests).toEqual([]);
  });

  test('that cannot be reached is named', async () => {
    const { base } = await proxy();
    await Promise.all(open.splice(0).map((one) => one.close()));
    expect(await details(provide({ KET_KIND_MIRROR: mirror, HTTPS_PROXY: base }))).toContain(
      `the proxy ${new URL(base).host} cannot be reached`,
    );
  });

  test('of another kind is refused', async () =>
    expect(
      await details(provide({ KET_KIND_MIRROR: mirror, HTTPS_PROXY: 'socks5://127.0.0.1:1080' })),
    ).toContain('a kind that ket cannot use: socks5:'));

  test('is passed over for what NO_PROXY names', async () => {
    const { base, asked } = await proxy();
    const env = { KET_KIND_MIRROR: mirror, HTTPS_PROXY: base, NO_PROXY: '.example' };
    // The guard of unit tests refuses the direct way, which proves that it was taken.
    expect(await details(provide(env))).toContain('a unit test tried to reach tools.example');
    expect(asked).toEqual([]);
  });
});
