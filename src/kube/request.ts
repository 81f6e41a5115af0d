import type http from 'node:http';
import { backoff, linked, sleep, throwIfAborted } from './abort.ts';
import type { Connection } from './connection.ts';
import { connectionError, errorOf, KubeError } from './error.ts';
import type { Ask } from './exchange.ts';
import { open, readAll, whereOf } from './exchange.ts';
import type { Timings } from './timings.ts';

/** What all parts of this room share. */
export interface Client {
  readonly connection: Connection;
  readonly timings: Timings;
  readonly random: () => number;
  /** Fires when the Kube is closed. */
  readonly closed: AbortSignal;
}

export interface Answer {
  readonly status: number;
  readonly body: string;
}

/** What a failed attempt means for the next one. */
export type Fault =
  /** The server did nothing: any request may be repeated. */
  | 'rejected'
  /** It is not known whether the server did it: a read may be repeated, a write must be looked after. */
  | 'unknown'
  /** An answer, not an accident. */
  | 'final';

const neverSent = new Set([
  'ECONNREFUSED',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'EHOSTDOWN',
  'ENETDOWN',
]);
const broken = new Set([
  'ECONNRESET',
  'EPIPE',
  'ETIMEDOUT',
  'ECONNABORTED',
  'SILENCE',
  'ERR_STREAM_PREMATURE_CLOSE',
]);

export function faultOf(error: unknown): Fault {
  if (!(error instanceof KubeError)) return 'final';
  if (error.status === 429 || neverSent.has(error.reason)) return 'rejected';
  if (error.status >= 500 && error.status !== 501) return 'unknown';
  if (error.status === 0 && (broken.has(error.reason) || error.reason.startsWith('HPE_'))) return 'unknown';
  return 'final';
}

/** Said by the authorizer (`User "x" cannot get resource "pods"`), not by admission, whose denials are answers. */
const noRight = /\bcannot \S+ (?:resource|path)\b/;

const isRefusal = ({ status, message }: KubeError): boolean =>
  status === 401 || (status === 403 && noRight.test(message));

/** An internal error is seldom a matter of waiting (a webhook that is broken stays so): few attempts are enough. */
const internalErrorAttempts = 4;

/** One request once; an answer of 300 and more is a KubeError. */
export async function sendOnce(client: Client, ask: Ask, signal: AbortSignal): Promise<Answer> {
  const response = await open(client.connection, ask, client.timings.answerMs, signal);
  return await answerOf(client, ask, response, signal);
}

export async function answerOf(
  client: Client,
  ask: Ask,
  response: http.IncomingMessage,
  signal: AbortSignal,
): Promise<Answer> {
  const body = (await readAll(client.connection, response, ask, client.timings.answerMs, signal)).toString(
    'utf8',
  );
  const status = response.statusCode ?? 0;
  if (status >= 300 || status < 200)
    throw errorOf(whereOf(ask), status, response.headers['retry-after'], body);
  return { status, body };
}

/** What to do after an attempt that may or may not have been carried out: an answer, or undefined to repeat it. */
export type Resolve<T> = (error: KubeError, signal: AbortSignal) => Promise<T | undefined>;

/**
 * Repeats `attempt` until it succeeds, is refused for good, or the limit of a request is over. After an attempt whose
 * fate is unknown `resolve` is asked first; without it the attempt must be safe to repeat.
 */
export async function persist<T>(
  client: Client,
  what: string,
  attempt: (signal: AbortSignal) => Promise<T>,
  signal: AbortSignal | undefined,
  resolve?: Resolve<T>,
): Promise<T> {
  const { timings, random } = client;
  throwIfAborted(signal);
  throwIfAborted(client.closed);
  const stop = linked(signal, client.closed);
  const limitMs = client.connection.contact.answered ? timings.requestMs : timings.firstContactMs;
  const deadline = performance.now() + limitMs;
  const overdue = setTimeout(() => stop.abort(limitReached), limitMs);
  let last: unknown;
  let internal = 0;
  let refusedSince: number | undefined;
  try {
    for (let n = 1; ; n += 1) {
      try {
        return await attempt(stop.signal);
      } catch (error) {
        throwIfAborted(stop.signal);
        last = error;
        if (!(error instanceof KubeError)) throw error;
        const fault = isRefusal(error) ? 'rejected' : faultOf(error);
        if (fault === 'final') throw error;
        refusedSince = isRefusal(error) ? (refusedSince ?? performance.now()) : undefined;
        if (
          refusedSince !== undefined &&
          performance.now() - refusedSince >= client.connection.contact.doubtMs(timings)
        )
          throw error;
        if (error.status === 500) internal += 1;
        if (internal >= internalErrorAttempts) throw error;
        if (fault === 'unknown' && resolve !== undefined) {
          const resolved = await resolve(error, stop.signal);
          if (resolved !== undefined) return resolved;
        }
        const pause = Math.max(
          error.retryAfterMs ?? 0,
          backoff(n, timings.retryMs, timings.retryMaxMs, random),
        );
        if (performance.now() + pause > deadline) throw error;
        await sleep(pause, stop.signal);
      }
    }
  } catch (error) {
    if (error !== limitReached) throw error;
    if (last instanceof KubeError) throw last;
    throw connectionError(what, limitReached);
  } finally {
    clearTimeout(overdue);
    stop.release();
  }
}

const limitReached = Object.assign(new Error('the time for this request is over'), { code: 'SILENCE' });

/** A GET with retries. */
export async function get(client: Client, path: string, signal?: AbortSignal): Promise<string> {
  const ask: Ask = { method: 'GET', path };
  const { body } = await persist(client, whereOf(ask), (stop) => sendOnce(client, ask, stop), signal);
  return body;
}
