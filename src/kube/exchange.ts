import http from 'node:http';
import https from 'node:https';
import { asError, linked, onAbort, reasonOf, throwIfAborted, unlessAborted } from './abort.ts';
import type { Connection } from './connection.ts';
import { connectionError, silence } from './error.ts';

export interface Ask {
  readonly method: 'GET' | 'POST' | 'PATCH' | 'DELETE';
  /** With its query. */
  readonly path: string;
  readonly body?: string;
  readonly contentType?: string;
}

export const whereOf = (ask: Ask): string => `${ask.method} ${ask.path}`;

/**
 * Sends one request once; resolves with the headers of the answer, whatever its status, and then the caller reads
 * the body with `readAll` or `consume`. Rejects with a KubeError when there is no answer, with the signal's reason
 * when that fires.
 */
export async function open(
  connection: Connection,
  ask: Ask,
  limitMs: number,
  signal: AbortSignal,
): Promise<http.IncomingMessage> {
  throwIfAborted(signal);
  const { headers, ...options } = await unlessAborted(connection.options(), signal);
  // It may have fired in the moment between: a request that nobody listens to would end the process when it breaks.
  throwIfAborted(signal);
  const url = new URL(`${connection.server.pathname.replace(/\/$/, '')}${ask.path}`, connection.server);
  return new Promise((resolve, reject) => {
    const request = (url.protocol === 'http:' ? http : https).request(url, {
      ...options,
      method: ask.method,
      headers: {
        accept: 'application/json, */*;q=0.8',
        'user-agent': 'ket',
        ...headers,
        ...(ask.body === undefined
          ? {}
          : {
              'content-type': ask.contentType ?? 'application/json',
              'content-length': Buffer.byteLength(ask.body),
            }),
      },
    });
    const fail = (error: Error): void => {
      settle();
      request.destroy();
      reject(error);
    };
    const timer = setTimeout(() => {
      connection.contact.accident();
      connection.dropIdle();
      fail(silence(whereOf(ask), limitMs));
    }, limitMs);
    const untie = onAbort(signal, () => fail(reasonOf(signal)));
    const settle = (): void => {
      clearTimeout(timer);
      untie();
    };
    request.on('error', (error) => {
      connection.contact.accident();
      fail(connectionError(whereOf(ask), error));
    });
    request.on('response', (response) => {
      settle();
      connection.contact.answer(response.statusCode ?? 0);
      // The body may break before the caller listens; `consume` sees that by `errored`.
      response.on('error', () => undefined);
      resolve(response);
    });
    request.end(ask.body);
  });
}

/** How a body ended: whole, cut by the peer or the network, silent for too long, or left by us. */
export type BodyEnd =
  { readonly how: 'end' | 'idle' | 'stopped' } | { readonly how: 'cut'; readonly cause: Error | undefined };

/**
 * Hands a body over piece by piece until it ends in any way; the next comes when a promise that `onChunk` returned has
 * resolved. What `onChunk` throws closes the connection and rejects: an error in a handler must not look like the end of
 * a stream.
 */
export function consume(
  connection: Connection,
  response: http.IncomingMessage,
  onChunk: (chunk: Buffer) => void | Promise<void>,
  idleMs: number,
  stop: AbortSignal,
): Promise<BodyEnd> {
  return new Promise((resolve, reject) => {
    let settled = false;
    /** Nothing is read: what does not come says nothing about the peer. */
    let held = false;
    const settle = (finish: () => void): void => {
      if (settled) return;
      settled = true;
      clearTimeout(idle);
      untie();
      if (!response.readableEnded) response.destroy();
      finish();
    };
    const end = (body: BodyEnd): void => settle(() => resolve(body));
    const cut = (): void => {
      if (!settled) connection.contact.accident();
      end({ how: 'cut', cause: response.errored ?? undefined });
    };
    let untie = (): void => undefined;
    const idle = setTimeout(() => (held ? idle.refresh() : end({ how: 'idle' })), idleMs);
    const hold = async (busy: Promise<void>): Promise<void> => {
      held = true;
      response.pause();
      await busy;
      held = false;
      idle.refresh();
      response.resume();
    };
    response.on('data', (chunk: Buffer) => {
      if (settled) return;
      idle.refresh();
      try {
        const busy = onChunk(chunk);
        if (busy instanceof Promise)
          hold(busy).catch((error: unknown) => settle(() => reject(asError(error))));
      } catch (error) {
        settle(() => reject(asError(error)));
      }
    });
    response.on('end', () => (response.complete ? end({ how: 'end' }) : cut()));
    response.on('error', cut);
    response.on('close', cut);
    untie = onAbort(stop, () => end({ how: 'stopped' }));
    if (response.destroyed && !response.readableEnded) cut();
  });
}

/** A whole body; rejects when it was cut, silent, or the signal fired. */
export async function readAll(
  connection: Connection,
  response: http.IncomingMessage,
  ask: Ask,
  idleMs: number,
  signal: AbortSignal,
): Promise<Buffer> {
  const chunks: Buffer[] = [];
  const stop = linked(signal);
  try {
    const body = await consume(connection, response, (chunk) => void chunks.push(chunk), idleMs, stop.signal);
    throwIfAborted(signal);
    if (body.how === 'idle') throw silence(whereOf(ask), idleMs);
    if (body.how === 'cut') throw connectionError(whereOf(ask), body.cause ?? cutError());
    return Buffer.concat(chunks);
  } finally {
    stop.release();
  }
}

const cutError = (): Error => Object.assign(new Error('the answer was cut off'), { code: 'ECONNRESET' });
