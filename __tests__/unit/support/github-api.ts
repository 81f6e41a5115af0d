import { once } from 'node:events';
import http from 'node:http';
import type { AddressInfo } from 'node:net';

export interface ApiRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: http.IncomingHttpHeaders;
  readonly body: Record<string, unknown>;
}

export type ApiAnswer =
  /** As GitHub's documentation has it. */
  | { readonly status: number; readonly body: unknown; readonly headers?: Record<string, string> }
  | 'stall'
  | 'break'
  | 'half';

/** Answers of GitHub that end badly, as its documentation and users have them. */
export const answers = {
  fork: { status: 403, body: { message: 'Resource not accessible by integration', status: '403' } },
  unauthorized: { status: 401, body: { message: 'Bad credentials', status: '401' } },
  missing: { status: 404, body: { message: 'Not Found', status: '404' } },
  invalid: {
    status: 422,
    body: {
      message: 'Invalid request.\n\nOnly 65535 characters are allowed; 65536 were supplied.',
      errors: [{ resource: 'CheckRun', code: 'custom', field: 'output' }],
    },
  },
  limit: {
    status: 403,
    body: { message: 'API rate limit exceeded for installation ID 1.' },
    headers: { 'x-ratelimit-remaining': '0', 'x-ratelimit-reset': '1' },
  },
  secondary: {
    status: 429,
    body: { message: 'You have exceeded a secondary rate limit.' },
    headers: { 'retry-after': '60' },
  },
  broken: { status: 502, body: '<html>Bad gateway</html>', headers: { 'content-type': 'text/html' } },
} as const satisfies Record<string, ApiAnswer>;

/** GitHub's API as far as check runs go. */
export class GitHubApi {
  readonly requests: ApiRequest[] = [];
  /** What the next requests get; after these, what GitHub answers when all is well. */
  next: ApiAnswer[] = [];
  readonly #server = http.createServer((request, response) => void this.#handle(request, response));

  async start(): Promise<string> {
    await once(this.#server.listen(0, '127.0.0.1'), 'listening');
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async stop(): Promise<void> {
    const closed = once(this.#server.close(), 'close');
    this.#server.closeAllConnections();
    await closed;
  }

  async #handle(request: http.IncomingMessage, response: http.ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
    const body = JSON.parse(Buffer.concat(chunks).toString()) as Record<string, unknown>;
    const { method = '', url: path = '', headers } = request;
    this.requests.push({ method, path, headers, body });
    const well = { status: method === 'POST' ? 201 : 200, body: { id: 4, ...body } };
    const answer = this.next.shift() ?? well;
    if (answer === 'stall') return;
    if (answer === 'break') {
      response.destroy();
      return;
    }
    if (answer === 'half') {
      response
        .writeHead(201, { 'content-type': 'application/json', 'content-length': '1000' })
        .write('{"id"');
      return;
    }
    response
      .writeHead(answer.status, {
        'content-type': 'application/json',
        ...('headers' in answer ? answer.headers : {}),
      })
      .end(typeof answer.body === 'string' ? answer.body : JSON.stringify(answer.body));
  }
}
