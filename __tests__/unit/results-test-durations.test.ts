import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { JUnitCase } from '../../src/results/junit-case.ts';
import { DurationSums, durationLines } from '../../src/results/test-durations.ts';

const aCase = (over: Partial<JUnitCase>): JUnitCase => ({
  ...{ name: 'x', suites: [], status: 'passed', flaky: [], reruns: [], properties: [] },
  ...over,
});

function sumsOf(...cases: Partial<JUnitCase>[]): object {
  const sums = new DurationSums();
  for (const one of cases) sums.add(aCase(one));
  return Object.fromEntries(sums.sums());
}

describe('how long tests took', () => {
  test('by file, by class, and by class and name', () => {
    const file = 'tests/test_a.py';
    expect(
      sumsOf(
        { name: 'one', classname: 'tests.test_a', file, ms: 100 },
        { name: 'two', classname: 'tests.test_a', file, ms: 20, status: 'failed' },
        { name: 'two', classname: 'tests.test_a.TestB', file, ms: 3 },
        { name: 'alone', ms: 7 },
      ),
    ).toEqual({
      'tests/test_a.py': 123,
      'tests.test_a': 120,
      'tests.test_a.TestB': 3,
      'tests.test_a.one': 100,
      'tests.test_a.two': 20,
      'tests.test_a.TestB.two': 3,
      alone: 7,
    });
  });

  test('a case without a time tells nothing; one that is skipped takes none', () => {
    expect(sumsOf({ classname: 'c' }, { name: 'y', classname: 'c', status: 'skipped', ms: 0 })).toEqual({
      c: 0,
      'c.y': 0,
    });
  });

  test('tries of one name add up; names of two kinds do not', () => {
    expect(sumsOf({ name: 'x', ms: 5 }, { name: 'x', ms: 6 })).toEqual({ x: 11 });
    expect(sumsOf({ name: 'x', classname: 'a', file: 'a', ms: 5 })).toEqual({ a: 5, 'a.x': 5 });
  });
});

describe('the lines for ket-run', () => {
  test('the longest first, in seconds; what is no line is left out', () => {
    const durations = new Map([
      ['short', 1.26],
      ['a\nb', 3],
      ['', 3],
      ['tab\tin it', 60_000],
      ['zero\0', 1],
    ]);
    expect(durationLines(durations, 1000)).toBe('60.0000\ttab\tin it\n0.0013\tshort\n');
    expect(durationLines(new Map(), 1000)).toBe('');
  });

  test('never more bytes than there is room for; what is left out has its average', () => {
    const name = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 12 });
    const durations = fc.dictionary(name, fc.nat({ max: 1e7 }), { maxKeys: 30 });
    fc.assert(
      fc.property(durations, fc.integer({ min: 40, max: 400 }), (by, room) => {
        const text = durationLines(new Map(Object.entries(by)), room);
        expect(Buffer.byteLength(text)).toBeLessThanOrEqual(room);
        const lines = text.split('\n').slice(0, -1);
        const names = lines.map((line) => line.slice(line.indexOf('\t') + 1)).filter((one) => one !== '');
        const seconds = lines.map((line) => Number(line.split('\t')[0]));
        const left = Object.entries(by).filter(([one]) => !names.includes(one) && !/[\n\0]/.test(one));
        if (left.length === 0) {
          expect(names.length).toBe(lines.length);
          return;
        }
        const mean = left.reduce((sum, [, ms]) => sum + ms, 0) / left.length / 1000;
        expect(text.endsWith(`${mean.toFixed(4)}\t\n`)).toBe(true);
        expect(Math.min(Infinity, ...seconds.slice(0, -1))).toBeGreaterThanOrEqual(
          Math.max(...left.map(([, ms]) => ms / 1000)) - 1e-4,
        );
      }),
    );
  });
});
