import http from 'node:http';
import type { Duplex } from 'node:stream';
import type { Answer } from './probe.ts';
import { answerOf, type Dial } from './piped.ts';
import { secured, type Trust } from './tls.ts';

/** So much of a body is looked at. */
const bodyBytes = 4096;

export interface HttpAsk {
  readonly host: string;
  readonly port: number;
  /** With the query. */
  readonly path: string;
  /** Goes into the request, and is in the certificate. */
  readonly asksFor: string;
  /** Absent: without TLS. */
  readonly trust?: Trust;
}

/** A request of HTTP or HTTPS from a pod, as an answer of `ket-run probe`. `note`: what was wrong and accepted. */
export const askHttp = (
  dial: Dial,
  { host, port, path, asksFor, trust }: HttpAsk,
  limitMs: number,
  outer: AbortSignal,
): Promise<{ readonly answer: Answer; readonly note?: string }> =>
  answerOf(dial, { host, port, limitMs, signal: outer }, 'http', async (raw, signal) => {
    const usual = trust === undefined ? 80 : 443;
    const header = port === usual ? asksFor : `${asksFor}:${String(port)}`;
    const { socket, note } =
      trust === undefined
        ? { socket: raw, note: undefined }
        : await secured(raw, { host: asksFor, trust, protocols: ['http/1.1'], signal });
    try {
      const { status, body } = await getOver(socket, { header, path }, signal);
      return { found: { status, body }, ...(note === undefined ? {} : { note }) };
    } finally {
      socket.destroy();
    }
  });

/** One request; resolves when the answer is whole, or enough of it is there. */
function getOver(
  socket: Duplex,
  { header, path }: { header: string; path: string },
  signal: AbortSignal,
): Promise<{ status: number; body: string }> {
  return new Promise((resolve, reject) => {
    const request = http.request({
      // Without an agent, which would make connections of its own.
      ...{ path, method: 'GET', signal },
      headers: { host: header, 'user-agent': 'ket', accept: '*/*' },
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
