import type { Query } from '../model/kube.ts';
import { throwIfAborted } from './abort.ts';
import { connectionError, errorOf, KubeError, silence } from './error.ts';
import type { Ask } from './exchange.ts';
import { consume, open, whereOf } from './exchange.ts';
import { Lines } from './lines.ts';
import { pathOf, queryOf } from './paths.ts';
import type { Client } from './request.ts';
import { answerOf } from './request.ts';

export interface WatchEvent {
  readonly type: string;
  readonly object: {
    readonly metadata?: { readonly uid?: string; readonly resourceVersion?: string };
    readonly code?: number;
  };
}

/** An object is at most 1.5 MiB in etcd, and about as much again in the JSON of an event. */
const maxEventBytes = 16 * 1024 * 1024;

/**
 * One watch request, from open to end. Resolves when the server ended it in the ordinary way, which means nothing;
 * rejects with a KubeError for everything else: refused, cut, silent, an ERROR event (status as in its object), a line
 * that is not JSON. What was handed to `onEvent` until then is good in all cases.
 */
export async function watchOnce(
  client: Client,
  query: Query,
  resourceVersion: string,
  onEvent: (event: WatchEvent) => void,
  stop: AbortSignal,
): Promise<void> {
  const { connection, timings, random } = client;
  const seconds = Math.ceil((timings.watchMs * (1 + random() / 4)) / 1000);
  const ask: Ask = {
    method: 'GET',
    path: `${pathOf({ ...query, name: undefined })}${queryOf({
      watch: 1,
      resourceVersion,
      allowWatchBookmarks: true,
      timeoutSeconds: seconds,
      labelSelector: query.labelSelector,
      fieldSelector: query.fieldSelector,
    })}`,
  };
  const response = await open(connection, ask, timings.answerMs, stop);
  if (response.statusCode !== 200) {
    await answerOf(client, ask, response, stop);
    throw new KubeError(`a watch was answered with status ${response.statusCode ?? 0}`, {
      status: 0,
      reason: 'NotAWatch',
      where: whereOf(ask),
    });
  }
  const lines = new Lines(maxEventBytes);
  const onLine = (line: Buffer): void => {
    if (line.length > 0) onEvent(eventOf(line, ask));
  };
  const body = await consume(
    connection,
    response,
    (chunk) => lines.push(chunk, onLine),
    timings.staleMs,
    stop,
  );
  throwIfAborted(stop);
  if (body.how === 'idle') throw silence(whereOf(ask), timings.staleMs);
  if (body.how === 'cut') throw connectionError(whereOf(ask), body.cause);
}

/** A rest without newline never comes here: it belongs to an event that a later watch sends again. */
function eventOf(line: Buffer, ask: Ask): WatchEvent {
  let event: unknown;
  try {
    event = JSON.parse(line.toString('utf8'));
  } catch (cause) {
    throw new KubeError('a watch sent a line that is not JSON', {
      status: 0,
      reason: 'NotJson',
      where: whereOf(ask),
      cause,
    });
  }
  const { type, object } = event as Partial<WatchEvent>;
  if (type === undefined || object === undefined)
    throw new KubeError('a watch sent a line that is no event', {
      status: 0,
      reason: 'NotAnEvent',
      where: whereOf(ask),
    });
  if (type === 'ERROR') throw errorOf(whereOf(ask), object.code ?? 0, undefined, JSON.stringify(object));
  return { type, object };
}
