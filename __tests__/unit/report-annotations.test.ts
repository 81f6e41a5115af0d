import { afterEach, describe, expect, jest, test } from '@jest/globals';
import * as core from '@actions/core';
import {
  annotationProperties,
  annotationsOf,
  locator,
  stepAnnotations,
  type Annotation,
} from '../../src/report/annotations.ts';
import { viewOf } from '../../src/report/model.ts';
import type { CaseInfo, EventBody } from '../../src/model/events.ts';
import { mixedRun, runEvents } from './support/run-events.ts';

const nowhere = (): undefined => undefined;
afterEach(() => {
  jest.restoreAllMocks();
});

test('worst first: what ended the run, suites without a failed case, cases, then what is flaky', () => {
  expect(annotationsOf(viewOf(runEvents(mixedRun)), nowhere)).toEqual([
    {
      level: 'error',
      title: 'release cache: KET_RELEASE',
      message:
        'pod shop-cache-0: its image cannot be pulled (ErrImagePull)\nNext: check the name of the image in values-integration.yaml',
    },
    {
      level: 'error',
      title: 'k8s: infra-error (no-proof)',
      message: expect.stringContaining('no JUnit file was found'),
    },
    {
      level: 'error',
      title: 'api: tests.test_orders › test_total',
      message: 'assert 3 == 4\n +  where 3 = total([1, 2])',
    },
    { level: 'warning', title: 'db: tests.test_db › test_lock', message: 'OperationalError: deadlock' },
  ]);
});

const counts = { total: 1, passed: 0, failed: 1, errors: 0, skipped: 0 };
const failing = (
  found: Partial<CaseInfo> & { readonly line?: number },
  outcome: 'failed' | 'passed' = 'failed',
) =>
  viewOf(
    runEvents([
      [1, { type: 'case', suite: 's', attempt: 1, name: 'n', status: 'failed', caseMs: 1, ...found }],
      [2, { type: 'suite-ended', suite: 's', outcome, message: 'm', counts, attempts: 1, suiteMs: 1 }],
    ]),
  );

describe('the place', () => {
  const files = new Set(['/w/tests/a.py', '/w/shop/tests/b.py', '/w/tests', '/etc/passwd']);
  const locate = locator({
    workspace: '/w',
    roots: ['/w', '/w/shop'],
    exists: (file) => files.has(file),
  });

  test.each([
    ['tests/a.py', 'tests/a.py'],
    ['./tests/../tests/a.py', 'tests/a.py'],
    ['tests/b.py', 'shop/tests/b.py'],
    ['/w/tests/a.py', 'tests/a.py'],
    ['/app/tests/a.py', undefined],
    ['../etc/passwd', undefined],
    ['/etc/passwd', undefined],
    ['tests/none.py', undefined],
    ['', undefined],
    ['.', undefined],
    ['tests/a.py\0', undefined],
  ])('of %j is %j', (file, expected) => {
    expect(locate(file)).toBe(expected);
  });

  test.each([
    [
      { file: 'tests/a.py', line: 7 },
      { file: 'tests/a.py', line: 7 },
    ],
    [{ file: 'tests/a.py', line: 0 }, { file: 'tests/a.py' }],
    [{ file: 'tests/a.py', line: 1.5 }, { file: 'tests/a.py' }],
    [{ file: 'tests/a.py' }, { file: 'tests/a.py' }],
    [{ file: '/app/tests/a.py', line: 7 }, {}],
    [{ line: 7 }, {}],
  ])('of a case with %j is %j', (place, expected) => {
    const [first] = annotationsOf(failing(place), locate);
    expect({ file: first?.file, line: first?.line }).toEqual({
      file: undefined,
      line: undefined,
      ...expected,
    });
  });
});

test.each([
  [{ message: 'é'.repeat(5000) }, 4000],
  [{ name: 'ü'.repeat(500) }, 4000],
])('title and message are cut in bytes', (found, most) => {
  const [first] = annotationsOf(failing(found), nowhere);
  expect(Buffer.byteLength(first?.message ?? '')).toBeLessThanOrEqual(most);
  expect(Buffer.byteLength(first?.title ?? '')).toBeLessThanOrEqual(250);
  expect((first?.title ?? '') + (first?.message ?? '')).not.toContain('\ufffd');
});

test('neither has a control character, and neither is empty', () => {
  const [first] = annotationsOf(
    failing({ name: 'a\nb\u001b[31mc\u202e', message: '\u001b]0;t\u0007x\ry\u0000' }),
    nowhere,
  );
  expect(first).toMatchObject({ title: 's: a bc\ufffd', message: 'x\ny\ufffd' });
  expect(annotationsOf(failing({ name: '', message: ' ' }), nowhere)[0]?.message).toBe('there is no message');
  expect(annotationsOf(failing({}), nowhere)[0]?.message).toBe('failed, without a message');
});

test('a failed suite whose cases tell why is told once; one that passed has none', () => {
  expect(annotationsOf(failing({}), nowhere)).toHaveLength(1);
  expect(annotationsOf(failing({}, 'passed'), nowhere)).toHaveLength(0);
});

describe('a step', () => {
  const many = (level: Annotation['level'], n: number): Annotation[] =>
    Array.from({ length: n }, (_, i) => ({ level, title: `t ${i}`, message: 'm' }));
  const numbers = (list: readonly Annotation[]) =>
    (['error', 'warning', 'notice'] as const).map((level) => list.filter((a) => a.level === level).length);

  test.each([
    [3, 2, 1, [3, 2, 1], undefined],
    [9, 10, 9, [9, 10, 9], undefined],
    [10, 10, 0, [9, 10, 1], '1 more problem'],
    [5000, 4000, 0, [9, 10, 1], '8981 more problems'],
    [0, 0, 30, [0, 0, 10], '21 more problems'],
  ])('%i errors, %i warnings, %i notices: %j', (errors, warnings, notices, expected, more) => {
    const list = stepAnnotations([
      ...many('error', errors),
      ...many('warning', warnings),
      ...many('notice', notices),
    ]);
    expect(numbers(list)).toEqual(expected);
    // With the error of the step's own end no kind has more than the runner takes.
    expect(Math.max((numbers(list)[0] ?? 0) + 1, ...numbers(list).slice(1))).toBeLessThanOrEqual(10);
    if (more !== undefined) expect(list.at(-1)?.message).toContain(more);
  });
});

test('a hostile name is one command, at the place that is meant', () => {
  const evil = '%0A::add-mask::e\r\n::error::x,line=9:';
  const events: EventBody = {
    type: 'case',
    suite: 's',
    attempt: 1,
    name: evil,
    status: 'failed',
    caseMs: 1,
    message: evil,
    file: 'a,b:c.py',
  };
  const printed: string[] = [];
  jest.spyOn(process.stdout, 'write').mockImplementation((text) => printed.push(String(text)) > 0);
  for (const a of annotationsOf(viewOf(runEvents([[1, events]])), (file) => file))
    core[a.level](a.message, annotationProperties({ ...a, line: 3 }));
  expect(
    printed
      .join('')
      .trimEnd()
      .split(/[\r\n]/),
  ).toEqual([
    '::error title=s%3A %250A%3A%3Aadd-mask%3A%3Ae %3A%3Aerror%3A%3Ax%2Cline=9%3A,file=a%2Cb%3Ac.py,line=3::%250A::add-mask::e%0A::error::x,line=9:',
  ]);
});
