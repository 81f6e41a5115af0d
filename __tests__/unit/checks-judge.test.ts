import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { faultText, judge } from '../../src/checks/judge.ts';
import { answersOf, listOf, type Answer } from '../../src/checks/probe.ts';
import type { Expected, Question } from '../../src/checks/question.ts';
import { KetError } from '../../src/model/errors.ts';
import { aFailure, anAnswer } from './support/checks.ts';

const ask = (expects: Expected, service?: string): Question => ({
  probe: { kind: 'tcp', host: 'shop-db', port: 5432 },
  to: 'shop-db:5432',
  expects,
  ...(service === undefined ? {} : { service }),
});
const connection: Expected = { kind: 'connection' };
const none: Expected = { kind: 'no-connection' };
const status: Expected = { kind: 'status', status: 200, body: 'ok' };
const addresses: Expected = { kind: 'addresses', addresses: ['10.96.3.7', 'fd00::7'] };
const reused: Expected = { kind: 'reused', requests: 1000, connections: 10 };
const counted = (sockets: number, opened = sockets, requests = 1000): Answer =>
  anAnswer({ status: 200, body: `sockets ${sockets} requests ${requests}\n`, requests: 1000, opened });

describe('what holds', () => {
  const good: readonly (readonly [name: string, expects: Expected, answer: Answer])[] = [
    ['a connection', connection, anAnswer()],
    ['a name with one of the addresses', addresses, anAnswer({ addresses: '10.96.3.7' })],
    [
      'a name that must only be there',
      { kind: 'addresses', addresses: [] },
      anAnswer({ addresses: '10.1.1.1' }),
    ],
    ['an answer with whatever status', { kind: 'answer' }, anAnswer({ status: 404 })],
    ['status and body', status, anAnswer({ status: 200, body: 'all ok here' })],
    ['1,000 requests over 10 sockets', reused, counted(10)],
    ['a deny that is dropped', none, aFailure('connect', 'timeout')],
    ['a deny that is rejected', none, aFailure('connect', 'refused')],
  ];
  test.each(good)('%s', (_name, expects, answer) => {
    expect(judge(ask(expects), answer)).toBeUndefined();
  });
});

describe('what does not hold says what was expected and seen, and the likely cause', () => {
  const bad: readonly (readonly [expects: Expected, answer: Answer, text: string])[] = [
    [
      connection,
      aFailure('connect', 'refused'),
      'expected a connection, seen: refused by 10.96.3.7; likely: nothing listens on that port in the pods of Service shop/shop-db, its targetPort is another, or it has no ready pod',
    ],
    [
      connection,
      aFailure('connect', 'timeout', { ms: 5000 }),
      'expected a connection, seen: no answer by 10.96.3.7 within 5000 ms; likely: a NetworkPolicy drops it, or Service shop/shop-db has no such port',
    ],
    [
      connection,
      aFailure('connect', 'unreachable'),
      'expected a connection, seen: no way to it (text of unreachable): 10.96.3.7; likely: the network of the nodes: see the pods of its plugin in kube-system',
    ],
    [
      connection,
      aFailure('dns', 'not-found', { address: '' }),
      'expected a connection, seen: no such name; likely: there is no Service shop-db in the namespaces that are searched',
    ],
    [
      connection,
      aFailure('dns', 'timeout', { address: '', ms: 5000 }),
      'expected a connection, seen: no answer of the DNS within 5000 ms; likely: the DNS of the cluster does not answer: see the pods of kube-dns in kube-system',
    ],
    [
      addresses,
      anAnswer({ addresses: '10.96.9.9' }),
      'expected 10.96.3.7 fd00::7, seen: 10.96.9.9; likely: another Service of that name comes first in the search list, or the DNS still has an old answer',
    ],
    [
      status,
      anAnswer({ status: 503, body: 'no\n  database ' }),
      'expected status 200 and a body with "ok", seen: status 503: no database; likely: the service is up, and what it needs itself is not',
    ],
    [
      status,
      anAnswer({ status: 302 }),
      'expected status 200 and a body with "ok", seen: status 302; likely: it sends to another address; redirects are not followed',
    ],
    [
      status,
      anAnswer({ status: 200, body: 'starting' }),
      'expected status 200 and a body with "ok", seen: status 200 without it: starting; likely: something else answers there, or it is not ready yet',
    ],
    [
      { kind: 'answer' },
      aFailure('http', 'not-http', { text: 'the answer is not HTTP/1' }),
      'expected an HTTP answer, seen: the answer is not HTTP/1; likely: the port speaks another protocol, such as TLS or gRPC',
    ],
    [
      { kind: 'answer' },
      aFailure('http', 'reset'),
      'expected an HTTP answer, seen: the connection was reset by 10.96.3.7; likely: Service shop/shop-db closed the connection: it crashed, or the port speaks another protocol',
    ],
    [
      reused,
      counted(1000),
      'expected 1000 requests over at most 10 sockets, seen: 1000 sockets; likely: the client opens new connections: it does not keep them, or something on the way closes them',
    ],
    [
      reused,
      counted(11, 10),
      'expected 1000 requests over at most 10 sockets, seen: 11 sockets; likely: something on the way, such as a proxy or a mesh, opens connections of its own',
    ],
    [
      reused,
      counted(10, 10, 1001),
      'expected 1000 requests over at most 10 sockets, seen: 1001 requests counted of 1000 sent; likely: requests were lost or repeated on the way',
    ],
    [
      reused,
      anAnswer({ status: 200, body: 'ket\n' }),
      'expected 1000 requests over at most 10 sockets, seen: an answer that is no count: ket\n; likely: something else answered than the pod of ket',
    ],
    [
      none,
      anAnswer(),
      'expected no connection, seen: a connection to 10.96.3.7; likely: no NetworkPolicy selects the pods of the service, or one of its rules lets this pod through',
    ],
    [
      none,
      aFailure('dns', 'not-found', { address: '' }),
      'expected no connection, seen: no such name; likely: the name cannot be looked up from there, so that nothing is known of the port; a policy for egress may lack the DNS',
    ],
  ];
  test.each(bad)('%j, %j', (expects, answer, text) => {
    const fault = judge(ask(expects, 'shop/shop-db'), answer);
    expect(fault === undefined ? undefined : faultText('pod probe-1', fault)).toBe(
      `pod probe-1 → shop-db:5432: ${text}`,
    );
  });

  test('an answer that failed never holds, unless none was to come', () => {
    const expected = fc.constantFrom<Expected>(connection, addresses, { kind: 'answer' }, status, reused);
    const failed = fc.record({
      stage: fc.constantFrom('dns' as const, 'connect' as const, 'http' as const),
      error: fc.string(),
      status: fc.constantFrom(0, 200),
      body: fc.constantFrom('', 'ok', 'sockets 1 requests 1000\n'),
      addresses: fc.constantFrom('', '10.96.3.7'),
      requests: fc.constant(1000),
    });
    fc.assert(
      fc.property(expected, failed, (expects, over) => {
        expect(judge(ask(expects), anAnswer({ ok: false, ...over }))).toBeDefined();
      }),
    );
  });
});

describe('the lines of ket-run probe', () => {
  test('are numbered, and end with an empty one', () => {
    const list = listOf(
      [
        { kind: 'dns', host: 'a' },
        { kind: 'http', host: 'b', port: 80, path: '/', keepAlive: false },
      ],
      500,
    );
    expect(list).toBe(
      '{"id":0,"kind":"dns","host":"a","limit_ms":500}\n' +
        '{"id":1,"kind":"http","host":"b","port":80,"path":"/","requests":1,"connections":1,"keep_alive":false,"limit_ms":500}\n\n',
    );
  });

  const line = (id: number): string =>
    JSON.stringify({ id, ok: true, ms: 1, stage: null, error: null, text: null });
  test('come in any order', () => {
    const answers = answersOf(`${line(1)}\n${line(0)}\n`, 2);
    expect(answers.map(({ id }) => id)).toEqual([0, 1]);
  });

  test.each([
    ['one lacks', line(0), '1 of 2 answers'],
    ['one is cut', `${line(0)}\n${line(1).slice(0, -5)}`, 'a line that is no answer'],
    ['one came twice', `${line(0)}\n${line(0)}`, 'a line that is no answer'],
    ['one was not asked for', `${line(0)}\n${line(2)}`, 'a line that is no answer'],
  ])('are an error when %s', (_what, output, words) => {
    const read = (): unknown => answersOf(output, 2);
    expect(read).toThrow(KetError);
    expect(read).toThrow(words);
  });
});
