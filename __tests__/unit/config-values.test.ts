import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import {
  durationProblem,
  formatDuration,
  numberAsDuration,
  parseDuration,
} from '../../src/config/duration.ts';
import { imageProblem, labelProblem, versionProblem } from '../../src/config/names.ts';
import { cpuProblem, memoryProblem } from '../../src/config/quantity.ts';
import { formatBytes, parseQuantity } from '../../src/model/quantity.ts';

const dayMs = 24 * 3_600_000;

describe('durations', () => {
  test.each([
    ['30s', 30_000],
    ['5m', 300_000],
    ['1h30m', 5_400_000],
    ['500ms', 500],
    ['1m500ms', 60_500],
    ['24h', dayMs],
    ['90m', 5_400_000],
  ])('%s', (text, ms) => {
    expect(parseDuration(text)).toBe(ms);
    expect(durationProblem(text)).toBeUndefined();
  });

  test.each(['', 's', '5', '1.5m', '-5s', '5m ', '5M', '1m1h', '1s1s', 'forever', '∞', '1ms1s'])(
    '%j is none',
    (text) => {
      expect(parseDuration(text)).toBeUndefined();
      expect(durationProblem(text)).toBeDefined();
    },
  );

  test('every duration up to the longest comes back from its text', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: dayMs }), (ms) => {
        const text = formatDuration(ms);
        expect(parseDuration(text)).toBe(ms);
        expect(durationProblem(text)).toBeUndefined();
        // A number in its place is refused with exactly this cure.
        expect(numberAsDuration(ms / 1000)).toContain(`"${text}"`);
      }),
    );
  });

  test('any text is a duration or has a problem, and none is infinite', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.stringMatching(/^[0-9hms.]{0,24}$/)), (text) => {
        const ms = parseDuration(text);
        if (durationProblem(text) === undefined) expect(ms !== undefined && ms > 0 && ms <= dayMs).toBe(true);
        else expect(ms === undefined || ms === 0 || ms > dayMs).toBe(true);
      }),
      { numRuns: 500 },
    );
  });
});

describe('quantities', () => {
  test.each([
    ['100m', 0.1],
    ['0.5', 0.5],
    ['2', 2],
    ['128Mi', 134_217_728],
    ['1Gi', 1_073_741_824],
    ['1.5G', 1_500_000_000],
    ['64000k', 64_000_000],
  ])('%s', (text, value) => expect(parseQuantity(text)).toBeCloseTo(value, 9));

  test('bytes come back from their text', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 2 ** 45 }), (bytes) => {
        expect(parseQuantity(formatBytes(bytes))).toBe(bytes);
      }),
    );
  });

  test('any text is a quantity or has a problem', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.stringMatching(/^[0-9.]{1,6}(m|Mi|Gi|k|Ei|)$/)), (text) => {
        for (const check of [cpuProblem, memoryProblem])
          if (check(text) === undefined) expect(parseQuantity(text)).toBeGreaterThan(0);
      }),
      { numRuns: 500 },
    );
  });

  test.each(['1e3', '-1', '100mm', '1 Gi', 'Mi', '0x10', ''])('%j is none', (text) => {
    expect(cpuProblem(text)).toBeDefined();
    expect(memoryProblem(text)).toBeDefined();
  });
});

describe('names', () => {
  test.each([
    'a:1',
    'shop-api:dev',
    'registry.example/shop/api:1.2.3',
    'localhost:5000/a:1',
    'REGISTRY.example:5000/a_b/c__d:v1',
    `a@sha256:${'0'.repeat(64)}`,
    `a:1@sha256:${'a'.repeat(64)}`,
  ])('%s is an image', (text) => expect(imageProblem(text, 'pull')).toBeUndefined());

  test.each([
    '',
    'a',
    'A:1',
    'a:',
    ':1',
    'a//b:1',
    'a:1:2',
    'a b:1',
    '-a:1',
    'a@sha256:0',
    'a:1\n',
    `a:${'x'.repeat(129)}`,
  ])('%j is none that says what runs', (text) => expect(imageProblem(text, 'pull')).toBeDefined());

  test('checks of hostile texts take no time', () => {
    const started = performance.now();
    for (const part of ['a', 'a-', 'a.', 'a/', '_', '0'])
      for (const check of [
        (text: string) => imageProblem(text, 'pull'),
        (text: string) => labelProblem(text, 40),
        durationProblem,
        memoryProblem,
        cpuProblem,
        (text: string) => versionProblem(text, [0, 20]),
      ])
        check(`${part.repeat(50_000)}!`);
    expect(performance.now() - started).toBeLessThan(2000);
  });

  test('the cure that is offered for a name is a right one', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 40 }), (text) => {
        const cure = /write "([^"]*)"$/.exec(labelProblem(text, 40) ?? '')?.[1];
        if (cure !== undefined) expect(labelProblem(cure, 40)).toBeUndefined();
      }),
      { numRuns: 500 },
    );
  });

  test('versions of tools', () => {
    expect(versionProblem('v0.20.0', [0, 20])).toBeUndefined();
    expect(versionProblem('v1.0.0-rc.1', [0, 20])).toBeUndefined();
    expect(versionProblem('v0.19.9', [0, 20])).toMatch(/too old/);
    expect(versionProblem('4.2.4', [3, 0])).toMatch(/write "v4.2.4"/);
    for (const text of ['latest', 'v4', 'v4.3', '', 'v4.2.4 '])
      expect(versionProblem(text, [3, 0])).toBeDefined();
  });
});
