import { describe, expect, test } from '@jest/globals';
import { noCounts } from '../../src/model/outcome.ts';
import { faults } from '../injector/faults.ts';
import { violations } from '../injector/invariant.ts';
import type { AttemptSeen, Observed } from '../injector/observed.ts';
import { kindOf } from '../injector/proxy.ts';
import { roundOf, type Round } from '../injector/rounds.ts';
import { knownFiles, knownLines, truths } from '../injector/truths.ts';

const faultOf = (name: string): (typeof faults)[number] => {
  const found = faults.find((fault) => fault.name === name);
  if (found === undefined) throw new Error(`no fault ${name}`);
  return found;
};

describe('rounds', () => {
  test('the same seed and number is the same round, another seed is another', () => {
    const text = (seed: string): string =>
      JSON.stringify(Array.from({ length: 20 }, (_, i) => roundOf(seed, i + 1)));
    expect(text('1')).toBe(text('1'));
    expect(text('1')).not.toBe(text('2'));
  });

  test('as many rounds as there are faults have each fault once', () => {
    for (const start of [1, 1 + faults.length]) {
      const names = faults.map((_, i) => roundOf('x', start + i).injections[0]?.fault.name);
      expect(names.sort()).toEqual(faults.map(({ name }) => name).sort());
    }
  });

  test('a target is one of the suites, and its moment one of its lines', () => {
    for (let number = 1; number <= 500; number++) {
      const { suites, injections } = roundOf('y', number);
      for (const { target, moment, fault } of injections) {
        const truth = suites.find(({ suite }) => suite === target);
        expect(fault.at).toContain(moment.at);
        if (moment.line !== undefined) {
          expect(moment.line).toBeGreaterThan(0);
          expect(moment.line).toBeLessThanOrEqual(truth?.lines ?? 0);
        }
      }
    }
  });
});

test.each([
  ['GET', '/api/v1/pods?watch=true&resourceVersion=1', 'watch'],
  ['GET', '/api/v1/namespaces/a/pods/p/log?container=suite&follow=true', 'log'],
  ['GET', '/api/v1/namespaces/a/pods/p/exec?command=%2Fket%2Fbin%2Fket-run&command=stream&x=1', 'stream'],
  ['GET', '/api/v1/namespaces/a/pods/p/exec?command=%2Fket%2Fbin%2Fket-run&command=deliver&x=1', 'deliver'],
  ['GET', '/api/v1/namespaces/a/pods/p/exec?command=%2Fket%2Fbin%2Fket-run&command=cat', 'exec'],
  ['POST', '/apis/batch/v1/namespaces/a/jobs', 'create-job'],
  ['GET', '/apis/batch/v1/namespaces/a/jobs', 'other'],
])('%s %s is of kind %s', (method, path, kind) => {
  expect(kindOf(method, path)).toBe(kind);
});

describe('the invariant', () => {
  type Ended = NonNullable<AttemptSeen['ended']>;
  const stamp = { v: 1, seq: 1, time: '', ms: 0 } as const;
  const round = (suite: string, fault: string): Round => ({
    seed: '1',
    number: 1,
    suites: truths.filter((truth) => truth.suite === suite),
    injections: [{ fault: faultOf(fault), target: suite, moment: { at: 'line', line: 3 } }],
  });
  const ended = (suite: string, more: Partial<Ended>): Ended => ({
    ...stamp,
    type: 'attempt-ended',
    ...{ suite, attempt: 1, counts: noCounts, attemptMs: 1, logComplete: true },
    outcome: 'passed',
    message: '2 tests passed, 1 skipped',
    ...more,
  });
  const files = new Map([...knownFiles, ['junit.xml', '<testsuite/>']]);
  /** A suite `passes` with which all is well, but for what is given. */
  const seen = (
    attempt: Partial<AttemptSeen>,
    end: Partial<Ended> = {},
    more: Partial<Observed> = {},
  ): Observed => {
    const suite = attempt.suite ?? 'passes';
    const last = ended(suite, end);
    const { outcome, infraClass, message } = last;
    const of = infraClass === undefined ? {} : { infraClass };
    const all = knownLines(60);
    return {
      code: outcome === 'passed' ? 0 : outcome === 'failed' ? 1 : 3,
      attempts: [{ suite, attempt: 1, live: all, console: all, files, ended: last, ...attempt }],
      suites: [
        {
          ...stamp,
          type: 'suite-ended',
          ...{ suite, outcome, ...of, message },
          ...{ counts: noCounts, attempts: 1, suiteMs: 1 },
        },
      ],
      ...{ notices: [], leftovers: [], left: [] },
      ...more,
    };
  };
  const evicted = {
    outcome: 'infra-error',
    infraClass: 'evicted',
    message: 'the pod was taken away',
  } as const;
  const cut = knownLines(40);
  const kept = [
    'namespace a-1: namespace a-1 is being deleted since 2026-11-29T14:02:29Z and did not go within 1 min; the cluster gives no reason',
  ];

  test.each([
    ['the truth', round('passes', 'watches-cut'), seen({})],
    ['a fault that is named', round('passes', 'pod-evicted'), seen({ live: cut, console: cut }, evicted)],
    [
      'a log that does not claim to be complete',
      round('passes', 'pod-force-deleted'),
      seen({ live: cut }, { logComplete: false }),
    ],
    [
      'files that are said to be missing',
      round('passes', 'pod-evicted'),
      seen({ live: cut, console: cut, files: new Map() }, evicted, {
        notices: ['passes: results are not complete: the pod is gone'],
      }),
    ],
    [
      'a namespace that the cluster keeps where the kubelet could not report',
      round('passes', 'kubelet-stopped'),
      seen({}, {}, { leftovers: kept }),
    ],
  ])('accepts %s', (_name, of, what) => {
    expect(violations(of, what)).toEqual([]);
  });

  test.each([
    [
      'a false green',
      round('case-fails', 'watches-cut'),
      seen({ suite: 'case-fails' }),
      /is failed, ket says passed/,
    ],
    [
      'a false red',
      round('passes', 'pod-evicted'),
      seen({}, { outcome: 'failed', cause: 'signal' }),
      /ket says failed/,
    ],
    [
      'an infrastructure error of its own',
      round('passes', 'watches-cut'),
      seen({}, evicted),
      /ket says infra-error/,
    ],
    [
      'an infrastructure error that names something else',
      round('passes', 'pod-evicted'),
      seen({}, { ...evicted, message: 'nobody knows' }),
      /ket says infra-error/,
    ],
    [
      'a log that is not complete for no reason',
      round('passes', 'log-cut'),
      seen({ live: cut }, { logComplete: false }),
      /log_complete is false/,
    ],
    ['a line that is missing', round('passes', 'log-cut'), seen({ live: knownLines(59) }), /59 of 60/],
    [
      'a line that came twice, whatever is claimed',
      round('passes', 'log-cut'),
      seen({ live: [...knownLines(3), 'line 3'] }, { logComplete: false }),
      /"line 3" after "line 3"/,
    ],
    ['a console that is cut', round('passes', 'exec-cut'), seen({ console: cut }), /console.log has 40/],
    [
      'a file that is missing',
      round('passes', 'exec-cut'),
      seen({ files: new Map([...files].filter(([name]) => name !== 'big.txt')) }),
      /big.txt is missing/,
    ],
    [
      'a file with another content',
      round('passes', 'exec-cut'),
      seen({ files: new Map([...files, ['big.txt', 'cut']]) }),
      /big.txt has 3 bytes/,
    ],
    ['a wrong exit code', round('passes', 'log-cut'), seen({}, {}, { code: 3 }), /ended with 3, not 0/],
    [
      'what is left',
      round('passes', 'log-cut'),
      seen({}, {}, { left: ['pod x'] }),
      /left in the cluster: pod x/,
    ],
    [
      'a namespace that is kept for no reason',
      round('passes', 'log-cut'),
      seen({}, {}, { leftovers: kept }),
      /ket says that it left namespace a-1/,
    ],
    [
      'another thing that is left where the kubelet could not report',
      round('passes', 'kubelet-stopped'),
      seen({}, {}, { leftovers: ['Role a/b: refused'] }),
      /ket says that it left Role/,
    ],
    ['no verdict', round('passes', 'log-cut'), seen({}, {}, { suites: [], code: 2 }), /has 0 verdicts/],
  ])('finds %s', (_name, of, what, says) => {
    expect(violations(of, what).join('\n')).toMatch(says);
  });
});
