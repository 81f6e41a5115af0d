import http from 'node:http';
import https from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { Transform, type Duplex } from 'node:stream';
import type { Access } from './api.ts';

/** What a request asks for, as far as faults tell requests apart. */
export type Kind = 'watch' | 'log' | 'deliver' | 'stream' | 'ack' | 'exec' | 'create-job' | 'other';

/** A request that goes through the proxy. */
export interface Passing {
  readonly kind: Kind;
  readonly method: string;
  readonly path: string;
  /** Bytes that went to the client. */
  bytes: number;
  readonly client: Duplex;
}

export interface Trap {
  readonly fits: (passing: Passing) => boolean;
  /** Of the answer, that come through before it springs; or what the client says to the command of an exec. */
  readonly at: number | 'word';
  readonly spring: (passing: Passing) => Promise<void>;
}

const ketRunVerb = /[?&]command=(deliver|stream|ack)(?:&|$)/;
/** First byte of a WebSocket frame with binary data: what goes to the stdin of a command. */
const binaryFrame = 0x82;

/** Pure. */
export function kindOf(method: string, path: string): Kind {
  if (/\/pods\/[^/]+\/exec\?/.test(path)) {
    const verb = ketRunVerb.exec(path)?.[1];
    return verb === 'deliver' || verb === 'stream' || verb === 'ack' ? verb : 'exec';
  }
  if (/\/pods\/[^/]+\/log\?/.test(path)) return 'log';
  if (/[?&]watch=(true|1)/.test(path)) return 'watch';
  return method === 'POST' && /\/jobs(?:\?|$)/.test(path) ? 'create-job' : 'other';
}

/**
 * Stands between ket and the API server: plain HTTP towards ket, TLS as the kubeconfig's user towards the server. It
 * sees each request, can cut, delay, hold, refuse and end them, and counts what it did.
 */
export class Proxy {
  readonly passing = new Set<Passing>();
  /** Added to each piece that goes to the client, ms. */
  delayMs = 0;
  /** Set: requests get this status instead of an answer. */
  refuseWith: number | undefined;
  /** The first answer that it fits stops there, and goes on when the trap says so. */
  trap: Trap | undefined;
  /** Pieces that were delayed or held, requests that were refused, since the last reset. */
  counts = { delayed: 0, held: 0, refused: 0 };
  /** Called for each request as it comes, and when a Job was made. */
  onRequest: (passing: Passing) => void = () => undefined;
  onAnswer: (passing: Passing, status: number) => void = () => undefined;
  readonly #access: Access;
  readonly #agent = new https.Agent({ keepAlive: true });
  readonly #server: http.Server;
  #held: (() => void)[] | undefined;

  constructor(access: Access) {
    this.#access = access;
    this.#server = http.createServer((request, response) => this.#answer(request, response));
    this.#server.on('upgrade', (request: http.IncomingMessage, socket: Duplex) =>
      this.#upgrade(request, socket),
    );
    this.#server.requestTimeout = 0;
  }

  /** Returns the port on the loopback interface. */
  async listen(): Promise<number> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    return (this.#server.address() as AddressInfo).port;
  }

  /** Undoes every fault. */
  reset(): void {
    this.delayMs = 0;
    this.refuseWith = undefined;
    this.trap = undefined;
    this.release();
    this.counts = { delayed: 0, held: 0, refused: 0 };
    this.onRequest = () => undefined;
    this.onAnswer = () => undefined;
  }

  close(): void {
    this.#server.close();
    this.#server.closeAllConnections();
    for (const { client } of this.passing) client.destroy();
    this.#agent.destroy();
  }

  /** Cuts what passes; returns what was cut. */
  cut(which: (passing: Passing) => boolean): Passing[] {
    const chosen = [...this.passing].filter(which);
    for (const { client } of chosen) client.destroy();
    return chosen;
  }

  /** Nothing more goes to the client until `release`. */
  hold(): void {
    this.#held ??= [];
  }

  release(): void {
    const held = this.#held ?? [];
    this.#held = undefined;
    for (const go of held) go();
  }

  /** Tells every watch that its version is too old, as the API server does, and ends it; returns how many. */
  expireWatches(): number {
    const status = { kind: 'Status', apiVersion: 'v1', status: 'Failure', reason: 'Expired', code: 410 };
    const object = { ...status, metadata: {}, message: 'too old resource version: 1 (2)' };
    const watches = [...this.#watches];
    for (const response of watches) response.end(`${JSON.stringify({ type: 'ERROR', object })}\n`);
    return watches.length;
  }

  readonly #watches = new Set<http.ServerResponse>();

  #see(request: http.IncomingMessage, client: Duplex): Passing {
    const { method = 'GET', url = '/' } = request;
    const passing: Passing = { kind: kindOf(method, url), method, path: url, bytes: 0, client };
    this.passing.add(passing);
    this.onRequest(passing);
    return passing;
  }

  #options(request: http.IncomingMessage): https.RequestOptions {
    const { server, tls } = this.#access;
    return {
      ...tls,
      host: server.hostname,
      port: server.port,
      method: request.method,
      path: request.url,
      headers: { ...request.headers, host: server.host },
    };
  }

  #answer(request: http.IncomingMessage, response: http.ServerResponse): void {
    const passing = this.#see(request, request.socket);
    response.on('close', () => this.passing.delete(passing));
    if (this.refuseWith !== undefined) {
      this.counts.refused += 1;
      const code = this.refuseWith;
      const message = 'the injector refuses this';
      response.writeHead(code, { 'content-type': 'application/json', 'retry-after': '1' });
      response.end(JSON.stringify({ kind: 'Status', apiVersion: 'v1', status: 'Failure', code, message }));
      return;
    }
    const options = { ...this.#options(request), agent: this.#agent };
    const upstream = https.request(options, (answer) => {
      this.onAnswer(passing, answer.statusCode ?? 0);
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      // Without this, a watch or log that has nothing to say yet would seem not to answer.
      response.flushHeaders();
      if (passing.kind === 'watch') this.#watches.add(response);
      const gate = this.#gate(passing);
      response.on('close', () => {
        this.#watches.delete(response);
        answer.destroy();
      });
      answer.on('error', () => response.destroy());
      answer.on('aborted', () => response.destroy());
      gate.on('error', () => response.destroy());
      // A watch that was ended by the injector takes nothing any more.
      response.on('error', () => answer.destroy());
      answer.pipe(gate).pipe(response);
    });
    upstream.on('error', () => response.destroy());
    response.on('close', () => upstream.destroy());
    request.pipe(upstream);
  }

  #upgrade(request: http.IncomingMessage, client: Duplex): void {
    const passing = this.#see(request, client);
    client.on('close', () => this.passing.delete(passing));
    client.on('error', () => undefined);
    // A WebSocket has no half that stays open.
    client.on('end', () => client.destroy());
    if (this.refuseWith !== undefined) {
      this.counts.refused += 1;
      client.end(`HTTP/1.1 ${this.refuseWith} Refused\r\nretry-after: 1\r\ncontent-length: 0\r\n\r\n`);
      return;
    }
    const upstream = https.request({ ...this.#options(request), agent: false });
    upstream.on('upgrade', (answer: http.IncomingMessage, server: Socket, first: Buffer) => {
      client.write(headOf(answer, 'Switching Protocols'));
      server.on('error', () => client.destroy());
      client.on('close', () => server.destroy());
      server.on('close', () => {
        if (!server.readableEnded) client.destroy();
      });
      client.on('finish', () => client.destroy());
      if (first.length > 0) server.unshift(first);
      server.pipe(this.#gate(passing)).pipe(client);
      client.pipe(this.#wordGate(passing)).pipe(server);
    });
    upstream.on('response', (answer) => {
      client.write(headOf(answer, 'Refused'));
      answer.pipe(client);
    });
    upstream.on('error', () => client.destroy());
    client.on('close', () => upstream.destroy());
    upstream.end();
  }

  /** Every piece for the client passes here: it is counted, and may be held, delayed or cut. */
  #gate(passing: Passing): Transform {
    return new Transform({
      transform: (chunk: Buffer, _encoding, next) => {
        const { trap } = this;
        if (trap?.fits(passing) !== true || trap.at === 'word' || passing.bytes + chunk.length < trap.at) {
          this.#pass(passing, chunk, next);
          return;
        }
        this.trap = undefined;
        const at = Math.max(0, trap.at - passing.bytes);
        passing.bytes += at;
        if (at > 0) passing.client.write(chunk.subarray(0, at));
        void trap.spring(passing).then(() => this.#pass(passing, chunk.subarray(at), next));
      },
    });
  }

  /** What the client says to a command may be stopped. */
  #wordGate(passing: Passing): Transform {
    return new Transform({
      transform: (chunk: Buffer, _encoding, next) => {
        const { trap } = this;
        if (trap?.at !== 'word' || chunk[0] !== binaryFrame || !trap.fits(passing)) {
          next(null, chunk);
          return;
        }
        this.trap = undefined;
        void trap.spring(passing).then(() => next(null, chunk));
      },
    });
  }

  #pass(passing: Passing, chunk: Buffer, next: (error: null, chunk: Buffer) => void): void {
    passing.bytes += chunk.length;
    const pass = (): void => next(null, chunk);
    if (this.#held !== undefined) {
      this.counts.held += 1;
      this.#held.push(pass);
    } else if (this.delayMs > 0) {
      this.counts.delayed += 1;
      setTimeout(pass, this.delayMs);
    } else pass();
  }
}

function headOf(answer: http.IncomingMessage, text: string): string {
  const lines = Array.from({ length: answer.rawHeaders.length / 2 }, (_, i) => {
    const [name = '', value = ''] = answer.rawHeaders.slice(2 * i);
    return `${name}: ${value}\r\n`;
  });
  return `HTTP/1.1 ${answer.statusCode ?? 502} ${text}\r\n${lines.join('')}\r\n`;
}
