import { once } from 'node:events';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

export interface Received {
  readonly method: string;
  readonly path: string;
  readonly authorization: string | undefined;
  readonly body: Buffer;
}

/** `stall`: no answer until `release`. A number: that status, with a message as Twirp has it. */
export type Behaviour = 'take' | 'stall' | number;

/** GitHub's artifact service as far as an upload needs it, or act's, with the two habits that its client trips over. */
export class ResultsService {
  readonly received: Received[] = [];
  /** What becomes of the next calls of CreateArtifact; the last goes on. */
  create: Behaviour[] = ['take'];
  /** What becomes of the upload itself. */
  blob: Behaviour = 'take';
  likeAct = false;
  blobPath = 'account/container/a.zip';
  readonly #server = http.createServer((request, response) => void this.#handle(request, response));
  readonly #waiting: http.ServerResponse[] = [];

  async start(): Promise<string> {
    await once(this.#server.listen(0, '127.0.0.1'), 'listening');
    return this.url;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/`;
  }

  /** Refuses what waits for an answer, and what comes yet, so that the client gives up. */
  release(): void {
    this.create = [401];
    this.blob = 403;
    for (const response of this.#waiting.splice(0)) say(response, 401, { msg: 'released' });
  }

  async stop(): Promise<void> {
    this.release();
    const closed = once(this.#server.close(), 'close');
    this.#server.closeAllConnections();
    await closed;
  }

  /** Waits until so many requests came; at most 10 s. */
  async untilReceived(count: number): Promise<void> {
    for (let i = 0; i < 400 && this.received.length < count; i++) await sleep(25);
  }

  get names(): string[] {
    return this.received
      .filter(({ path }) => path.endsWith('/CreateArtifact'))
      .map(({ body }) => (JSON.parse(body.toString()) as { name: string }).name);
  }

  async #handle(request: http.IncomingMessage, response: http.ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
    const { method = '', url = '', headers } = request;
    const body = Buffer.concat(chunks);
    this.received.push({ method, path: url, authorization: headers.authorization, body });
    if (url.startsWith('/twirp/')) this.#call(url, body, response);
    else if (this.blob === 'stall') this.#waiting.push(response);
    else if (typeof this.blob === 'number') response.writeHead(this.blob).end();
    else if (this.likeAct && !/[?&]sig=abc_-1(=|%3D)(&|$)/.test(url))
      say(response, 401, { msg: 'unauthorized' });
    else response.writeHead(201, { etag: '"1"' }).end();
  }

  #call(path: string, body: Buffer, response: http.ServerResponse): void {
    if (path.endsWith('/FinalizeArtifact')) {
      say(response, 200, { ok: true, artifact_id: '77' });
      return;
    }
    const behaviour = this.create.length > 1 ? this.create.shift() : this.create[0];
    if (behaviour === 'stall') this.#waiting.push(response);
    else if (typeof behaviour === 'number')
      say(response, behaviour, { code: 'x', msg: `status ${behaviour}` });
    else if (this.likeAct && body.includes('mime_type')) say(response, 400, 'unknown field "mime_type"');
    else
      say(response, 200, {
        ok: true,
        [this.likeAct ? 'signedUploadUrl' : 'signed_upload_url']:
          `${this.url}${this.blobPath}?x=1&sig=abc_-1${this.likeAct ? '=' : '%3D'}`,
      });
  }
}

function say(response: http.ServerResponse, status: number, body: unknown): void {
  response
    .writeHead(status, { 'content-type': 'application/json' })
    .end(typeof body === 'string' ? body : JSON.stringify(body));
}

/** A token as the runner gives it: its claims name the run and the job. */
export const runtimeToken = [
  '{"alg":"none"}',
  '{"scp":"Actions.Results:aaaaaaaa-0000-0000-0000-000000000001:bbbbbbbb-0000-0000-0000-000000000002"}',
  'x',
]
  .map((part) => Buffer.from(part).toString('base64url'))
  .join('.');
