import { describe, expect, test } from '@jest/globals';
import { noCounts, type InfraClass } from '../../src/model/outcome.ts';
import { anotherAttempt } from '../../src/suites/retry.ts';

type Tried = Parameters<typeof anotherAttempt>[1][number];

const failed = (bad: number, total: number): Tried => ({
  verdict: { outcome: 'failed', message: 'x' },
  started: true,
  results: { proof: { counts: { ...noCounts, total, failed: bad, passed: total - bad } } },
});
const infra = (infraClass: InfraClass, started = false, message = 'x'): Tried => ({
  verdict: { outcome: 'infra-error', infraClass, message },
  started,
  results: { proof: { counts: noCounts } },
});
const ends = (outcome: 'passed' | 'skipped' | 'cancelled'): Tried => ({
  ...failed(0, 1),
  verdict: { outcome, message: 'x' },
});

describe('another attempt', () => {
  test.each<[string, number, readonly Tried[], boolean]>([
    ['after a failure', 1, [failed(1, 3)], true],
    ['not without retries', 0, [failed(1, 3)], false],
    ['not when they are used up', 1, [failed(1, 3), failed(1, 3)], false],
    ['after a crash without any case', 1, [failed(0, 0)], true],
    ['after 10 failed cases', 1, [failed(10, 100)], true],
    ['not after 11', 1, [failed(11, 1000)], false],
    ['after 4 of 20', 1, [failed(4, 20)], true],
    ['not after 5 of 20', 1, [failed(5, 20)], false],
    ['after 10 of 19: too few for a share', 1, [failed(10, 19)], true],
    ['not after a pass', 2, [ends('passed')], false],
    ['not after a skip', 2, [ends('skipped')], false],
    ['not after a cancel', 2, [ends('cancelled')], false],
    ['after an eviction before the start', 0, [infra('evicted')], true],
    ['not after one while it ran', 2, [infra('evicted', true)], false],
    ['not twice', 2, [infra('evicted'), infra('node-lost')], false],
    ['not after what cannot change', 2, [infra('configuration')], false],
    ['nor a refusal', 2, [infra('denied')], false],
    ['nor after its whole time without a place', 2, [infra('unschedulable')], false],
    ['nor without proof', 2, [infra('no-proof')], false],
    ['not after an image that is not there', 2, [infra('image-pull', false, 'shop:x: not found')], false],
    ['after a registry in trouble', 0, [infra('image-pull', false, 'unexpected status: 429 Too Many')], true],
  ])('%s', (_name, retries, tried, again) =>
    expect(anotherAttempt({ retries, idempotent: false }, tried).again).toBe(again),
  );

  test('an idempotent suite may run again after it ran in part', () =>
    expect(anotherAttempt({ retries: 0, idempotent: true }, [infra('node-lost', true)])).toEqual({
      again: true,
    }));

  test('what speaks against one that would be left is said', () => {
    const why = (retries: number, tried: Tried): string | undefined =>
      anotherAttempt({ retries, idempotent: false }, [tried]).why;
    expect(why(2, failed(11, 50))).toBe('more than 10 tests failed');
    expect(why(2, failed(9, 30))).toBe('more than 20 % of the tests failed');
    expect(why(0, infra('evicted', true))).toMatch(/idempotent: true/);
    expect(why(0, failed(11, 50))).toBeUndefined();
  });
});
