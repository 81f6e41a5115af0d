import http2 from 'node:http2';
import type { Duplex } from 'node:stream';
import type { Answer } from './probe.ts';
import { answerOf, ProtocolFault, type Dial } from './piped.ts';
import { secured, type Trust } from './tls.ts';

/** The health protocol of gRPC (grpc.health.v1), for which a whole client would be needed else. */

export interface GrpcAsk {
  readonly host: string;
  readonly port: number;
  /** Of which the server is asked; empty: of the server as a whole. */
  readonly service: string;
  /** Absent: without TLS. */
  readonly trust?: Trust;
}

/** A question about the health of a gRPC server from a pod; the answer's `status` is the number of the serving status. */
export const askGrpc = (
  dial: Dial,
  { host, port, service, trust }: GrpcAsk,
  limitMs: number,
  outer: AbortSignal,
): Promise<{ readonly answer: Answer; readonly note?: string }> =>
  answerOf(dial, { host, port, limitMs, signal: outer }, 'grpc', async (raw, signal) => {
    const secure = trust === undefined ? undefined : { host, trust, protocols: ['h2'], signal };
    const { socket, note } =
      secure === undefined ? { socket: raw, note: undefined } : await secured(raw, secure);
    const authority = `${secure === undefined ? 'http' : 'https'}://${host}:${String(port)}`;
    try {
      const status = await checkOver(socket, authority, service, signal);
      return { found: { status }, ...(note === undefined ? {} : { note }) };
    } finally {
      socket.destroy();
    }
  });

const method = '/grpc.health.v1.Health/Check';
/** Of gRPC's status codes. */
const grpc = { ok: 0, notFound: 5, unimplemented: 12 } as const;
/** An answer is a few bytes. */
const mostBytes = 4096;

function checkOver(socket: Duplex, authority: string, service: string, signal: AbortSignal): Promise<number> {
  return new Promise((resolve, reject) => {
    const session = http2.connect(authority, { createConnection: () => socket });
    const settle = (finish: () => void): void => {
      signal.removeEventListener('abort', stop);
      session.destroy();
      finish();
    };
    const fail = (error: Error): void => settle(() => reject(error));
    const stop = (): void => fail(signal.reason as Error);
    signal.addEventListener('abort', stop, { once: true });
    session.on('error', (error: Error) => fail(notGrpc(error.message)));
    session.on('close', () => fail(notGrpc('the connection was closed before an answer')));
    const request = session.request({
      ':method': 'POST',
      ':path': method,
      'content-type': 'application/grpc',
      te: 'trailers',
      'user-agent': 'ket',
    });
    let heads: http2.IncomingHttpHeaders & http2.IncomingHttpStatusHeader = {};
    let trailers: http2.IncomingHttpHeaders = {};
    let body = Buffer.alloc(0);
    request.on('response', (headers: typeof heads) => void (heads = headers));
    request.on('trailers', (headers: http2.IncomingHttpHeaders) => void (trailers = headers));
    request.on('data', (chunk: Buffer) => {
      if (body.length < mostBytes) body = Buffer.concat([body, chunk]);
    });
    request.on('error', (error: Error) => fail(notGrpc(error.message)));
    request.on('close', () => {
      // What has no answer is told by the session.
      if (heads[':status'] === undefined) return;
      settle(() => {
        try {
          resolve(statusOf(heads, trailers, body, service));
        } catch (error) {
          reject(error instanceof Error ? error : new Error(String(error)));
        }
      });
    });
    request.end(messageFor(service));
  });
}

function statusOf(
  heads: http2.IncomingHttpHeaders & http2.IncomingHttpStatusHeader,
  trailers: http2.IncomingHttpHeaders,
  body: Buffer,
  service: string,
): number {
  // Without a message the status of gRPC comes in the headers.
  const told = trailers['grpc-status'] ?? heads['grpc-status'];
  const code = Number(told);
  if (told === undefined || !Number.isInteger(code))
    throw notGrpc(`HTTP status ${String(heads[':status'])} without a status of gRPC`);
  if (code === grpc.unimplemented)
    throw new ProtocolFault('unimplemented', `the server has no ${method.slice(1)}`);
  if (code === grpc.notFound)
    throw new ProtocolFault('not-found', `the server knows no service ${JSON.stringify(service)}`);
  if (code !== grpc.ok) {
    const text = trailers['grpc-message'] ?? heads['grpc-message'];
    throw new ProtocolFault(
      'other',
      `status ${String(code)} of gRPC${text === undefined ? '' : `: ${String(text)}`}`,
    );
  }
  return servingOf(body);
}

/** `HealthCheckRequest { string service = 1 }` with the five bytes that stand before a message of gRPC. */
function messageFor(service: string): Buffer {
  const name = Buffer.from(service, 'utf8');
  const message = name.length === 0 ? name : Buffer.concat([Buffer.of(0x0a), varint(name.length), name]);
  const head = Buffer.alloc(5);
  head.writeUInt32BE(message.length, 1);
  return Buffer.concat([head, message]);
}

function varint(value: number): Buffer {
  const bytes: number[] = [];
  let rest = value;
  for (; rest > 0x7f; rest >>>= 7) bytes.push((rest & 0x7f) | 0x80);
  return Buffer.of(...bytes, rest);
}

/** `HealthCheckResponse { ServingStatus status = 1 }`; a status that is not written is the first, UNKNOWN. */
function servingOf(body: Buffer): number {
  if (body.length < 5 || body.readUInt8(0) !== 0 || body.readUInt32BE(1) !== body.length - 5)
    throw new ProtocolFault('other', 'an answer that is no message of gRPC');
  const message = body.subarray(5);
  if (message.length === 0) return 0;
  if (message.length !== 2 || message[0] !== 0x08)
    throw new ProtocolFault('other', 'an answer that is no HealthCheckResponse');
  return message[1] ?? 0;
}

const notGrpc = (text: string): ProtocolFault => new ProtocolFault('not-grpc', text);
