import type http from 'node:http';
import { afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { KubeError } from '../../src/kube/error.ts';
import type { Reflector } from '../../src/model/kube.ts';
import { eventually, FakeServer, hang, json, pause, pod, status, warmUp } from './kube-fake.ts';
import type { Handler, TestPod } from './kube-fake.ts';

const path = '/api/v1/namespaces/a/pods';
const query = { apiVersion: 'v1', kind: 'Pod', namespace: 'a', labelSelector: 'run=1' };
const never = new AbortController().signal;

let fake: FakeServer;
let lists: Handler[];
let watches: Handler[];
let watched: URL[];
/** The watch that is open now. */
let stream: http.ServerResponse;

/** Lists and watches have one path; each takes the next of its handlers, and the last one stays. */
const next = (handlers: Handler[]): Handler => {
  const handler = handlers.length > 1 ? handlers.shift() : handlers[0];
  if (handler === undefined) throw new Error('no handler');
  return handler;
};

const list = (version: string, ...items: readonly TestPod[]): Handler =>
  json({ metadata: { resourceVersion: version }, items });

const watch =
  (...events: readonly object[]): Handler =>
  (_request, response) => {
    response.writeHead(200, { 'content-type': 'application/json' });
    response.flushHeaders();
    for (const event of events) response.write(`${JSON.stringify(event)}\n`);
    stream = response;
  };

const send = (type: string, object: object): void =>
  void stream.write(`${JSON.stringify({ type, object })}\n`);
const names = (reflector: Reflector<TestPod>): string[] =>
  reflector.items().map(({ metadata }) => metadata.uid);
const ids = (items: readonly TestPod[]): string => items.map(({ metadata }) => metadata.uid).join();

/** Waits until the reflector has exactly these. */
const has = async (reflector: Reflector<TestPod>, uids: string): Promise<void> => {
  let last = '';
  const limit = AbortSignal.timeout(3000);
  await reflector
    .until((items) => ((last = ids(items)) === uids ? true : undefined), limit)
    .catch((error: unknown) => {
      throw new Error(`wanted ${uids}, had ${last}: ${String(error)}`);
    });
};

beforeAll(warmUp, 60_000);
beforeEach(async () => {
  fake = await FakeServer.start();
  lists = [];
  watches = [];
  watched = [];
  fake.on('GET', path, (request, response, url) => {
    if (!url.searchParams.has('watch')) return next(lists)(request, response, url);
    watched.push(url);
    return next(watches)(request, response, url);
  });
});
afterEach(() => fake.stop());

describe('list and watch', () => {
  test('lists, then follows what changes', async () => {
    lists = [list('5', pod('p', 'u1', '4'))];
    watches = [watch()];
    const reflector = (await fake.kube()).reflect<TestPod>(query);
    expect(reflector.items()).toEqual([]);
    await has(reflector, 'u1');
    expect(reflector.items()[0]).toMatchObject({ apiVersion: 'v1', kind: 'Pod' });
    await eventually('watch', () => watched.length === 1);
    send('ADDED', pod('q', 'u2', '6'));
    await has(reflector, 'u1,u2');
    send('DELETED', pod('p', 'u1', '7'));
    await has(reflector, 'u2');
    const asked = Object.fromEntries(watched[0]?.searchParams ?? []);
    expect(asked).toMatchObject({
      resourceVersion: '5',
      allowWatchBookmarks: 'true',
      labelSelector: 'run=1',
    });
    expect(Number(asked['timeoutSeconds'])).toBeGreaterThanOrEqual(240);
    expect(Number(asked['timeoutSeconds'])).toBeLessThanOrEqual(300);
  });

  test('an object that comes in pieces, with a character cut in two', async () => {
    lists = [list('5')];
    watches = [watch()];
    const reflector = (await fake.kube()).reflect<TestPod>(query);
    await has(reflector, '');
    await eventually('watch', () => watched.length === 1);
    const bytes = Buffer.from(`${JSON.stringify({ type: 'ADDED', object: pod('p', 'ü', '6') })}\n`);
    const at = bytes.indexOf(0xc3) + 1;
    stream.write(bytes.subarray(0, at));
    await pause(10);
    stream.write(bytes.subarray(at));
    await has(reflector, 'ü');
  });

  test('an ordinary end goes on from the last version, also one told by a bookmark', async () => {
    lists = [list('5', pod('p', 'u1', '4'))];
    const bookmark = { type: 'BOOKMARK', object: { metadata: { resourceVersion: '8' } } };
    const ended: Handler = (request, response, url) => {
      void watch({ type: 'ADDED', object: pod('q', 'u2', '6') }, bookmark)(request, response, url);
      response.end();
    };
    watches = [ended, watch({ type: 'ADDED', object: pod('r', 'u3', '9') })];
    const reflector = (await fake.kube()).reflect<TestPod>(query);
    await has(reflector, 'u1,u2,u3');
    expect(watched.map((url) => url.searchParams.get('resourceVersion'))).toEqual(['5', '8']);
    expect(fake.seen.length - watched.length).toBe(1);
  });

  test('a server that ends every watch at once is not asked in a busy loop', async () => {
    lists = [list('5')];
    watches = [(_request, response) => response.writeHead(200).end()];
    const reflector = (await fake.kube({ retryMs: 50, retryMaxMs: 100 })).reflect<TestPod>(query);
    await has(reflector, '');
    await pause(300);
    expect(watched.length).toBeLessThan(9);
  });
});

describe('broken watches', () => {
  test('cut by a reset: goes on from the last version', async () => {
    lists = [list('5')];
    watches = [watch({ type: 'ADDED', object: pod('p', 'u1', '6') }), watch()];
    const reflector = (await fake.kube()).reflect<TestPod>(query);
    await has(reflector, 'u1');
    fake.cutAll();
    await eventually('second watch', () => watched.length === 2);
    expect(watched[1]?.searchParams.get('resourceVersion')).toBe('6');
    expect(names(reflector)).toEqual(['u1']);
  });

  test('cut in the middle of a line: the half event is dropped and comes again', async () => {
    lists = [list('5')];
    const half: Handler = (_request, response) => {
      const event = JSON.stringify({ type: 'ADDED', object: pod('q', 'u2', '7') });
      response.writeHead(200).write(`${JSON.stringify({ type: 'ADDED', object: pod('p', 'u1', '6') })}\n`);
      response.end(event.slice(0, 30));
    };
    watches = [half, watch({ type: 'ADDED', object: pod('q', 'u2', '7') })];
    const reflector = (await fake.kube()).reflect<TestPod>(query);
    await has(reflector, 'u1,u2');
    expect(watched[1]?.searchParams.get('resourceVersion')).toBe('6');
  });

  test('a line that is not JSON: reconnected, and what came before counts', async () => {
    lists = [list('5')];
    const garbage: Handler = (_request, response) => void response.writeHead(200).write('{"type":\n');
    watches = [garbage, watch({ type: 'ADDED', object: pod('p', 'u1', '6') })];
    await has((await fake.kube()).reflect<TestPod>(query), 'u1');
  });

  test.each([
    ['as a status', status(410, 'Expired', 'too old')],
    ['as an event', watch({ type: 'ERROR', object: { kind: 'Status', code: 410, reason: 'Expired' } })],
  ])('410 %s: listed again, and what is gone is gone', async (_name, gone) => {
    lists = [list('5', pod('p', 'u1', '4'), pod('q', 'u2', '4')), list('90', pod('q', 'u2', '4'))];
    watches = [gone, watch()];
    const reflector = (await fake.kube()).reflect<TestPod>(query);
    await has(reflector, 'u2');
    await eventually('second watch', () => watched.length === 2);
    expect(watched[1]?.searchParams.get('resourceVersion')).toBe('90');
  });

  test('deleted and made again under its name in a gap: the first is gone, the second is there', async () => {
    lists = [list('5', pod('p', 'u1', '4')), list('90', pod('p', 'u2', '80'))];
    watches = [watch(), status(410, 'Expired', 'too old'), watch()];
    const reflector = (await fake.kube()).reflect<TestPod>(query);
    await has(reflector, 'u1');
    await eventually('watch', () => watched.length === 1);
    fake.cutAll();
    await has(reflector, 'u2');
  });

  test.each([
    ['DELETED', 'ADDED'],
    ['ADDED', 'DELETED'],
  ])('the same seen by a watch, %s and %s: told apart by UID, not by name', async (...types) => {
    lists = [list('5', pod('p', 'u1', '4'))];
    const uids = { ADDED: 'u2', DELETED: 'u1' };
    const events = types.map((type, n) => ({ type, object: pod('p', uids[type as 'ADDED'], String(6 + n)) }));
    watches = [watch(...events, { type: 'ADDED', object: pod('q', 'u3', '8') })];
    await has((await fake.kube()).reflect<TestPod>(query), 'u2,u3');
  });

  test('silence: listed again after the limit, also where new connections hang at first', async () => {
    lists = [list('5', pod('p', 'u1', '4')), hang, list('9', pod('q', 'u2', '8'))];
    watches = [watch(), watch()];
    const reflector = (await fake.kube({ staleMs: 80, answerMs: 80 })).reflect<TestPod>(query);
    await has(reflector, 'u1');
    await has(reflector, 'u2');
  });

  test('silence is ordinary for quiet objects: the pauses do not grow', async () => {
    lists = [list('5')];
    watches = [watch()];
    const reflector = (await fake.kube({ staleMs: 40, retryMs: 2000, retryMaxMs: 2000 })).reflect<TestPod>(
      query,
    );
    await has(reflector, '');
    await pause(700);
    expect(watched.length).toBeGreaterThan(4);
  });

  test('a watch that is not answered: listed again', async () => {
    lists = [list('5'), list('6', pod('p', 'u1', '6'))];
    watches = [hang, watch()];
    await has((await fake.kube({ answerMs: 60 })).reflect<TestPod>(query), 'u1');
  });

  test('other errors: tried again with growing pauses, and listed again', async () => {
    lists = [list('5'), list('6', pod('p', 'u1', '6'))];
    watches = [status(500, 'InternalError', 'x'), status(503, 'ServiceUnavailable', 'x'), watch()];
    await has((await fake.kube()).reflect<TestPod>(query), 'u1');
  });
});

describe('until', () => {
  beforeEach(() => {
    lists = [list('5', pod('p', 'u1', '4'))];
    watches = [watch()];
  });

  test('is not asked before the first list is complete, and then at once', async () => {
    lists = [
      async (request, response, url) => {
        await pause(40);
        await list('5', pod('p', 'u1', '4'))(request, response, url);
      },
    ];
    const reflector = (await fake.kube()).reflect<TestPod>(query);
    const seen: number[] = [];
    const decide = (items: readonly TestPod[]): true => {
      seen.push(items.length);
      return true;
    };
    await reflector.until(decide, never);
    await reflector.until(decide, never);
    expect(seen).toEqual([1, 1]);
  });

  test('rejects with what decide throws; others go on', async () => {
    const reflector = (await fake.kube()).reflect<TestPod>(query);
    const wrong = new Error('wrong');
    await expect(
      reflector.until(() => {
        throw wrong;
      }, never),
    ).rejects.toBe(wrong);
    await eventually('watch', () => watched.length === 1);
    const later = reflector.until((items) => {
      if (items.length === 2) throw wrong;
      return undefined;
    }, never);
    const other = has(reflector, 'u1,u2');
    send('ADDED', pod('q', 'u2', '6'));
    await expect(later).rejects.toBe(wrong);
    await other;
  });

  test('rejects with the reason of its signal, before and after', async () => {
    const reflector = (await fake.kube()).reflect<TestPod>(query);
    const reason = new Error('too late');
    await expect(reflector.until(() => undefined, AbortSignal.abort(reason))).rejects.toBe(reason);
    const controller = new AbortController();
    const waiting = expect(reflector.until(() => undefined, controller.signal)).rejects.toBe(reason);
    await pause(20);
    controller.abort(reason);
    await waiting;
    await has(reflector, 'u1');
  });

  test.each([401, 403, 404])('rejects when %d stays', async (code) => {
    lists = [status(code, 'No', 'no')];
    const reflector = (await fake.kube()).reflect<TestPod>(query);
    const error: unknown = await reflector.until(() => undefined, never).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(KubeError);
    expect(error).toMatchObject({ status: code });
    await expect(reflector.until(() => true, never)).rejects.toBe(error);
  });

  test('a refusal while the server starts is survived', async () => {
    const refused = status(403, 'Forbidden', 'pods is forbidden: User "u" cannot list resource "pods"');
    lists = [refused, list('5', pod('p', 'u1', '4')), refused, list('6', pod('q', 'u2', '4'))];
    watches = [refused, refused, watch()];
    await has((await fake.kube()).reflect<TestPod>(query), 'u2');
  });

  test('close ends what waits, and the connection', async () => {
    const reflector = (await fake.kube()).reflect<TestPod>(query);
    await has(reflector, 'u1');
    await eventually('watch', () => watched.length === 1);
    let left = false;
    stream.on('close', () => (left = true));
    const waiting = expect(reflector.until(() => undefined, never)).rejects.toMatchObject({
      code: 'KET_CANCELLED',
    });
    reflector.close();
    await waiting;
    await eventually('connection closed', () => left);
    await expect(reflector.until(() => true, never)).rejects.toMatchObject({ code: 'KET_CANCELLED' });
    expect(names(reflector)).toEqual(['u1']);
  });
});
