import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import http from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { connect } from '../../src/kube/connect.ts';
import type { Timings } from '../../src/kube/timings.ts';
import type { Kube } from '../../src/model/kube.ts';

/** Small enough for tests of milliseconds, large enough for a machine that is busy. */
export const quick: Timings = {
  answerMs: 1000,
  requestMs: 3000,
  firstContactMs: 3000,
  retryMs: 4,
  retryMaxMs: 20,
  staleMs: 5000,
  watchMs: 240_000,
  refusedMs: 60,
  refusedAgainMs: 120,
  startPollMs: 10,
  reopenMs: 8,
  logIdleMs: 5000,
  finishedPollMs: 5,
  drainIdleMs: 20,
  drainMs: 2000,
  pollMs: 20,
  goneMs: 60,
  pingMs: 5000,
  closeMs: 1000,
};

/** Loads client-node, which takes a second or more on a busy machine: not to be counted as time of a test. */
export async function warmUp(): Promise<void> {
  await import('@kubernetes/client-node');
}

export type Handler = (request: http.IncomingMessage, response: http.ServerResponse, url: URL) => unknown;

export interface Seen {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly body: string;
  readonly headers: http.IncomingHttpHeaders;
}

/**
 * An API server on loopback whose every answer a test decides: `on` takes handlers for one method and path, used one
 * after another; the last one stays.
 */
export class FakeServer {
  readonly server = http.createServer();
  readonly seen: Seen[] = [];
  readonly #routes = new Map<string, Handler[]>();
  readonly #sockets = new Set<Socket>();
  readonly #kubes: Kube[] = [];
  #folder = '';
  url = '';

  static async start(): Promise<FakeServer> {
    const fake = new FakeServer();
    fake.server.on('connection', (socket) => {
      fake.#sockets.add(socket);
      socket.on('close', () => fake.#sockets.delete(socket));
    });
    fake.server.on('request', (request, response) => void fake.#answer(request, response));
    await new Promise<void>((resolve) => fake.server.listen(0, '127.0.0.1', resolve));
    fake.url = `http://127.0.0.1:${(fake.server.address() as AddressInfo).port}`;
    fake.#folder = await mkdtemp(path.join(tmpdir(), 'ket-kube-test-'));
    return fake;
  }

  on(method: string, path: string, ...handlers: readonly Handler[]): void {
    this.#routes.set(`${method} ${path}`, [...handlers]);
  }

  requests(method: string, path: string): Seen[] {
    return this.seen.filter((one) => one.method === method && one.path === path);
  }

  async kube(timings: Partial<Timings> = {}, server = this.url): Promise<Kube> {
    const kubeconfig = path.join(this.#folder, 'config');
    await writeFile(kubeconfig, JSON.stringify(kubeconfigOf(server)));
    const kube = await connect({ kubeconfig }, { timings: { ...quick, ...timings }, random: () => 0.5 });
    this.#kubes.push(kube);
    return kube;
  }

  /** Breaks all connections, as a server that is killed does. */
  cutAll(): void {
    for (const socket of this.#sockets) socket.resetAndDestroy();
  }

  async stop(): Promise<void> {
    for (const kube of this.#kubes) kube.close();
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((resolve) => this.server.close(resolve));
    await rm(this.#folder, { recursive: true });
  }

  async #answer(request: http.IncomingMessage, response: http.ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', this.url);
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const method = request.method ?? '';
    this.seen.push({
      method,
      path: url.pathname,
      query: url.searchParams,
      body: Buffer.concat(chunks).toString(),
      headers: request.headers,
    });
    const handlers = this.#routes.get(`${method} ${url.pathname}`);
    const handler = handlers !== undefined && handlers.length > 1 ? handlers.shift() : handlers?.[0];
    if (handler === undefined)
      status(404, 'NotFound', `no route ${method} ${url.pathname}`)(request, response, url);
    else await handler(request, response, url);
  }
}

export const kubeconfigOf = (server: string, user: object = {}): object => ({
  apiVersion: 'v1',
  kind: 'Config',
  'current-context': 'test',
  contexts: [{ name: 'test', context: { cluster: 'test', user: 'test' } }],
  clusters: [{ name: 'test', cluster: { server } }],
  users: [{ name: 'test', user }],
});

export const json =
  (body: unknown, code = 200): Handler =>
  (_request, response) => {
    response.writeHead(code, { 'content-type': 'application/json' }).end(JSON.stringify(body));
  };

export const status =
  (code: number, reason: string, message: string, headers: Record<string, string> = {}): Handler =>
  (_request, response) => {
    response.writeHead(code, { 'content-type': 'application/json', ...headers });
    response.end(
      JSON.stringify({ kind: 'Status', apiVersion: 'v1', status: 'Failure', reason, message, code }),
    );
  };

/** Resets the connection in place of an answer. */
export const reset: Handler = (request) => request.socket.resetAndDestroy();

/** Takes the request and never answers. */
export const hang: Handler = () => undefined;

export const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Waits until something holds; a test that waits for ever would not say for what. */
export async function eventually(what: string, holds: () => boolean, limitMs = 3000): Promise<void> {
  const end = performance.now() + limitMs;
  while (!holds()) {
    if (performance.now() > end) throw new Error(`waited ${limitMs} ms for: ${what}`);
    await pause(2);
  }
}

export interface TestPod {
  readonly metadata: { readonly name: string; readonly uid: string; readonly resourceVersion: string };
}

export const pod = (name: string, uid: string, resourceVersion: string): TestPod => ({
  metadata: { name, uid, resourceVersion },
});
