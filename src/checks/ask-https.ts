import http from 'node:http';
import type { Duplex } from 'node:stream';
import type { Answer } from './probe.ts';
import { answerOf, type Dial } from './piped.ts';
import { secured, type Trust } from './tls.ts';

/** So much of a body is looked at. */
const bodyBytes = 4096;

export interface HttpsAsk {
  readonly host: string;
  readonly port: number;
  /** With the query. */
  readonly path: string;
  readonly trust: Trust;
}

/** An HTTPS request from a pod, as an answer of `ket-run probe`. `note`: what was wrong and accepted. */
export const askHttps = (
  dial: Dial,
  { host, port, path, trust }: HttpsAsk,
  limitMs: number,
  outer: AbortSignal,
): Promise<{ readonly answer: Answer; readonly note?: string }> =>
  answerOf(dial, { host, port, limitMs, signal: outer }, 'http', async (raw, signal) => {
    const { socket, note } = await secured(raw, { host, trust, protocols: ['http/1.1'], signal });
    try {
      const { status, body } = await getOver(socket, { host, port, path }, signal);
      return { found: { status, body }, ...(note === undefined ? {} : { note }) };
    } finally {
      socket.destroy();
    }
  });

/** One request; resolves when the answer is whole, or enough of it is there. */
function getOver(
  socket: Duplex,
  { host, port, path }: { host: string; port: number; path: string },
  signal: AbortSignal,
): Promise<{ status: number; body: string }> {
  return new Promise((resolve, reject) => {
    const request = http.request({
      // Without an agent, which would make connections of its own.
      ...{ host, port, path, method: 'GET', signal },
      headers: { host: port === 443 ? host : `${host}:${String(port)}`, 'user-agent': 'ket', accept: '*/*' },
      createConnection: () => socket,
    });
    request.on('error', reject);
    request.on('response', (response) => {
      const chunks: Buffer[] = [];
      let bytes = 0;
      const done = (): void =>
        resolve({
          status: response.statusCode ?? 0,
          body: Buffer.concat(chunks).subarray(0, bodyBytes).toString('utf8'),
        });
      response.on('data', (chunk: Buffer) => {
        chunks.push(chunk);
        bytes += chunk.length;
        if (bytes >= bodyBytes) done();
      });
      response.on('end', done);
      response.on('error', reject);
    });
    request.end();
  });
}
