import { afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { KubeError } from '../../src/kube/error.ts';
import { KetError } from '../../src/model/errors.ts';
import type { AnyObject } from '../../src/model/kube.ts';
import { FakeServer, hang, json, pause, reset, status, warmUp } from './kube-fake.ts';
import type { Handler } from './kube-fake.ts';

const path = '/api/v1/namespaces/a/configmaps';
const ref = { apiVersion: 'v1', kind: 'ConfigMap', namespace: 'a', name: 'm' };
const object: AnyObject = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'm', namespace: 'a' } };

let fake: FakeServer;
beforeAll(warmUp, 60_000);
beforeEach(async () => {
  fake = await FakeServer.start();
});
afterEach(() => fake.stop());

const failure = async (promise: Promise<unknown>): Promise<KubeError> => {
  const error: unknown = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!(error instanceof KubeError)) throw new Error(`expected a KubeError, got ${String(error)}`);
  return error;
};

describe('get', () => {
  test('an object, and undefined where there is none', async () => {
    fake.on('GET', `${path}/m`, json(object));
    const kube = await fake.kube();
    expect(await kube.get(ref)).toEqual(object);
    expect(await kube.get({ ...ref, name: 'other' })).toBeUndefined();
  });

  test('500, a cut answer and a reset are repeated', async () => {
    const cut: Handler = (_request, response) => {
      response.writeHead(200, { 'content-length': 100 }).write('{"half":');
      setTimeout(() => response.destroy(), 5);
    };
    fake.on('GET', `${path}/m`, status(500, 'InternalError', 'etcd'), cut, reset, json(object));
    expect(await (await fake.kube()).get(ref)).toEqual(object);
    expect(fake.requests('GET', `${path}/m`)).toHaveLength(4);
  });

  test('429 is repeated, not before Retry-After', async () => {
    fake.on(
      'GET',
      `${path}/m`,
      status(429, 'TooManyRequests', 'slow', { 'retry-after': '0.2' }),
      json(object),
    );
    const start = performance.now();
    expect(await (await fake.kube()).get(ref)).toEqual(object);
    expect(performance.now() - start).toBeGreaterThanOrEqual(200);
  });

  test('a 500 that stays is given up early, a 503 when the time is over', async () => {
    fake.on('GET', `${path}/m`, status(500, 'InternalError', 'webhook'));
    fake.on('GET', `${path}/n`, status(503, 'ServiceUnavailable', 'starting'));
    const kube = await fake.kube({ requestMs: 300 });
    expect(await failure(kube.get(ref))).toMatchObject({
      status: 500,
      reason: 'InternalError',
      code: 'KET_KUBE',
    });
    expect(fake.requests('GET', `${path}/m`)).toHaveLength(4);
    expect(await failure(kube.get({ ...ref, name: 'n' }))).toMatchObject({ status: 503 });
    expect(fake.requests('GET', `${path}/n`).length).toBeGreaterThan(4);
  });

  test('403 is an answer: not repeated, with the server’s words and the next step', async () => {
    fake.on('GET', `${path}/m`, status(403, 'Forbidden', 'configmaps "m" is forbidden'));
    const error = await failure((await fake.kube()).get(ref));
    expect(error.message).toContain('configmaps "m" is forbidden');
    expect(error.next).toContain('right');
    expect(error.where).toBe(`GET ${path}/m`);
    expect(fake.seen).toHaveLength(1);
  });

  test('no right, or unknown: believed when it stays, for longer after an accident (a server that starts)', async () => {
    const noRight = status(
      403,
      'Forbidden',
      'configmaps "m" is forbidden: User "u" cannot get resource "configmaps"',
    );
    const unknown = status(401, 'Unauthorized', 'Unauthorized');
    const kube = await fake.kube({ refusedMs: 30, refusedAgainMs: 1000, retryMs: 50, retryMaxMs: 50 });
    fake.on('GET', `${path}/m`, reset, noRight, noRight, noRight, unknown, json(object));
    expect(await kube.get(ref)).toEqual(object);
    for (const refusal of [noRight, unknown]) {
      fake.on('GET', `${path}/m`, refusal);
      const before = fake.seen.length;
      expect((await failure(kube.get(ref))).status).toBeGreaterThan(400);
      expect(fake.seen.length - before).toBe(2);
    }
  });

  test('a server that never answers is left at the limit, and asked again', async () => {
    fake.on('GET', `${path}/m`, hang, json(object));
    expect(await (await fake.kube({ answerMs: 60 })).get(ref)).toEqual(object);
  });

  test('the limit of a request holds within an attempt as well', async () => {
    fake.on('GET', `${path}/m`, hang);
    const start = performance.now();
    expect((await failure((await fake.kube({ firstContactMs: 100 })).get(ref))).reason).toBe('SILENCE');
    expect(performance.now() - start).toBeLessThan(900);
  });

  test('a body that stops is left at the limit', async () => {
    const stuck: Handler = (_request, response) => void response.writeHead(200).write('{');
    fake.on('GET', `${path}/m`, stuck);
    const error = await failure((await fake.kube({ answerMs: 40, firstContactMs: 200 })).get(ref));
    expect(error.reason).toBe('SILENCE');
  });

  test('the limit is longer once the server has answered', async () => {
    fake.on('GET', '/version', (_request, response) => response.end('v1'));
    fake.on('GET', `${path}/m`, hang);
    // Long enough for an answer on a busy machine.
    const kube = await fake.kube({ answerMs: 150, firstContactMs: 300, requestMs: 2000 });
    await failure(kube.get(ref));
    const first = fake.requests('GET', `${path}/m`).length;
    await kube.text('/version');
    await failure(kube.get(ref));
    expect(fake.requests('GET', `${path}/m`).length - first).toBeGreaterThan(first + 1);
  });

  test('nobody listens: repeated until the limit, then said', async () => {
    const kube = await fake.kube({ firstContactMs: 100 }, 'http://127.0.0.1:9');
    const error = await failure(kube.get(ref));
    expect(error.reason).toBe('ECONNREFUSED');
    expect(error.next).toContain('cluster runs');
  });

  test('the signal ends it at once with its own reason; so does close', async () => {
    fake.on('GET', `${path}/m`, hang);
    const kube = await fake.kube();
    const reason = new Error('enough');
    const pending = expect(kube.get(ref, AbortSignal.abort(reason))).rejects.toBe(reason);
    const controller = new AbortController();
    const second = expect(kube.get(ref, controller.signal)).rejects.toBe(reason);
    await pause(20);
    controller.abort(reason);
    await pending;
    await second;
    const third = expect(kube.get(ref)).rejects.toBeInstanceOf(KetError);
    await pause(20);
    kube.close();
    await third;
  });

  test('a page that is not the API is an error, not an object', async () => {
    fake.on('GET', `${path}/m`, (_request, response) => response.end('<html>'));
    expect((await failure((await fake.kube()).get(ref))).reason).toBe('NotJson');
  });
});

describe('list', () => {
  test('reads all pages and says of each object what it is', async () => {
    const page = (name: string, token: string): Handler =>
      json({ metadata: { resourceVersion: '7', continue: token }, items: [{ metadata: { name } }] });
    fake.on('GET', path, page('a', 'next'), page('b', ''));
    const kube = await fake.kube();
    expect(
      await kube.list({ apiVersion: 'v1', kind: 'ConfigMap', namespace: 'a', labelSelector: 'x=1' }),
    ).toEqual([
      { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'a' } },
      { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'b' } },
    ]);
    expect(fake.seen.map(({ query }) => Object.fromEntries(query))).toEqual([
      { limit: '500', labelSelector: 'x=1' },
      { limit: '500', labelSelector: 'x=1', continue: 'next' },
    ]);
  });

  test('a long list that comes slowly, but comes, is no silence', async () => {
    const slow: Handler = async (_request, response) => {
      response.writeHead(200);
      for (const piece of ['{"metadata":{}', ',"items"', ':[', ']', '}']) {
        response.write(piece);
        await pause(60);
      }
      response.end();
    };
    fake.on('GET', path, slow, status(500, 'InternalError', 'once is enough'));
    const kube = await fake.kube({ answerMs: 150 });
    expect(await kube.list({ apiVersion: 'v1', kind: 'ConfigMap', namespace: 'a' })).toEqual([]);
  });

  test('a continue token that expired begins the list anew', async () => {
    const one = json({
      metadata: { resourceVersion: '7', continue: 'next' },
      items: [{ metadata: { name: 'a' } }],
    });
    const all = json({ metadata: { resourceVersion: '9' }, items: [{ metadata: { name: 'c' } }] });
    fake.on('GET', path, one, status(410, 'Expired', 'too old'), all);
    const items = await (await fake.kube()).list({ apiVersion: 'v1', kind: 'ConfigMap', namespace: 'a' });
    expect(items).toMatchObject([{ metadata: { name: 'c' } }]);
  });
});

describe('create', () => {
  /** Stores the object as the API server does, with the field manager of the request. */
  const store = (then: Handler): Handler => {
    return (request, response, url) => {
      const managedFields = [{ manager: url.searchParams.get('fieldManager') }];
      const stored = { ...object, metadata: { ...object.metadata, uid: 'ours', managedFields } };
      fake.on('GET', `${path}/m`, json(stored));
      return then(request, response, url);
    };
  };
  const exists = status(409, 'AlreadyExists', 'configmaps "m" already exists');

  test('returns what is stored', async () => {
    fake.on('POST', path, json({ ...object, status: {} }, 201));
    expect(await (await fake.kube()).create(object)).toEqual({ ...object, status: {} });
    expect(JSON.parse(fake.seen[0]?.body ?? '')).toEqual(object);
  });

  test('an existing one is an error with status 409', async () => {
    fake.on('POST', path, exists);
    expect(await failure((await fake.kube()).create(object))).toMatchObject({
      status: 409,
      reason: 'AlreadyExists',
    });
  });

  test('cut after it was created: found, not created twice', async () => {
    fake.on('POST', path, store(reset), exists);
    expect(await (await fake.kube()).create(object)).toMatchObject({ metadata: { uid: 'ours' } });
    expect(fake.requests('POST', path)).toHaveLength(1);
  });

  test('cut before it was created: created', async () => {
    fake.on('POST', path, reset, json(object, 201));
    expect(await (await fake.kube()).create(object)).toEqual(object);
    expect(fake.requests('POST', path)).toHaveLength(2);
  });

  test('cut, and another of that name was there before: still 409', async () => {
    fake.on('POST', path, reset, exists);
    fake.on('GET', `${path}/m`, json({ ...object, metadata: { managedFields: [{ manager: 'kubectl' }] } }));
    expect(await failure((await fake.kube()).create(object))).toMatchObject({ status: 409 });
  });

  test('cut, not there yet, then there: the 409 of the repeat is ours', async () => {
    fake.on('POST', path, reset, store(exists));
    expect(await (await fake.kube()).create(object)).toMatchObject({ metadata: { uid: 'ours' } });
  });

  test('a generated name is never created twice', async () => {
    fake.on('POST', path, reset, json(object, 201));
    const generated = { ...object, metadata: { generateName: 'm-', namespace: 'a' } };
    expect(await failure((await fake.kube()).create(generated))).toMatchObject({ status: 0 });
    expect(fake.requests('POST', path)).toHaveLength(1);
  });
});

describe('patch and delete', () => {
  test('patch is a JSON merge patch', async () => {
    fake.on('PATCH', `${path}/m`, json(object));
    await (await fake.kube()).patch(ref, { data: { a: null } });
    expect(fake.seen[0]).toMatchObject({ body: '{"data":{"a":null}}' });
    expect(fake.seen[0]?.headers['content-type']).toBe('application/merge-patch+json');
  });

  test('delete says whether there was something', async () => {
    fake.on('DELETE', `${path}/m`, json({}));
    const kube = await fake.kube();
    expect(await kube.delete(ref, { uid: 'u', graceSeconds: 0, propagation: 'Foreground' })).toBe(true);
    expect(JSON.parse(fake.seen[0]?.body ?? '')).toMatchObject({
      propagationPolicy: 'Foreground',
      gracePeriodSeconds: 0,
      preconditions: { uid: 'u' },
    });
    expect(await kube.delete({ ...ref, name: 'none' })).toBe(false);
  });

  test('a cut delete whose object is gone has deleted it', async () => {
    fake.on('DELETE', `${path}/m`, reset, status(404, 'NotFound', 'gone'));
    expect(await (await fake.kube()).delete(ref)).toBe(true);
  });

  test.each([
    'Precondition failed: UID in precondition: u, UID in object meta: v',
    'the UID in the precondition (u) does not match the UID in record (v)',
  ])('another object of that name is left alone: %s', async (message) => {
    fake.on('DELETE', `${path}/m`, status(409, 'Conflict', message));
    expect(await (await fake.kube()).delete(ref, { uid: 'u' })).toBe(false);
  });
});

test('text, and the last lines of a log', async () => {
  fake.on('GET', '/version', (_request, response) => response.end('v1'));
  const log = '/api/v1/namespaces/a/pods/p/log';
  fake.on(
    'GET',
    log,
    (_request, response) => response.end('one\r\ntwo\n'),
    status(400, 'BadRequest', 'no previous'),
  );
  const kube = await fake.kube();
  expect(await kube.text('/version')).toBe('v1');
  const container = { namespace: 'a', pod: 'p', container: 'c' };
  expect(await kube.tail(container, 5, { previous: true })).toEqual(['one', 'two']);
  expect(Object.fromEntries(fake.requests('GET', log)[0]?.query ?? [])).toEqual({
    container: 'c',
    tailLines: '5',
    previous: 'true',
  });
  expect(await kube.tail(container, 5)).toEqual([]);
});
