import { describe, expect, test } from '@jest/globals';
import type { Verdict } from '../../src/model/outcome.ts';
import type { PodResult } from '../../src/suites/verdict/attempt-result.ts';
import { podsOf, together, verdictOnOne } from '../../src/suites/verdict/pods.ts';
import type { JunitProof } from '../../src/suites/verdict/evidence.ts';
import { aProof, aRecord, aSuite } from './support/suites.ts';

const shards = aSuite({ shards: 3 });

/** A pod that ended so; its cases are named after `names`. */
function aPodResult(verdict: Verdict, proof: Partial<JunitProof> = {}, names: string[] = []): PodResult {
  const cases = names.map((name) => ({
    ...{ name, classname: 'suite', suites: [], status: 'passed' as const, flaky: [], reruns: [] },
    properties: [],
  }));
  return {
    verdict,
    results: { proof: aProof(proof), cases, files: [`/${verdict.message}.xml`], problems: [] },
    record: aRecord(),
    lastLines: [verdict.message],
    started: true,
    logComplete: true,
  };
}

const green = (...names: string[]): PodResult =>
  aPodResult({ outcome: 'passed', message: '3 tests passed' }, {}, names);
const red = aPodResult(
  { outcome: 'failed', cause: 'cases', message: '1 of 3 tests failed: t1' },
  { counts: { total: 3, passed: 2, failed: 1, errors: 0, skipped: 0 }, failedNames: ['t1'] },
);
const slow: PodResult = aPodResult({ outcome: 'failed', cause: 'timeout', message: 'stopped after 1m' });
const evicted = aPodResult({ outcome: 'infra-error', infraClass: 'evicted', message: 'evicted' });
const skipped = aPodResult(
  { outcome: 'skipped', message: 'all 3 tests were skipped' },
  { counts: { total: 3, passed: 0, failed: 0, errors: 0, skipped: 3 } },
);
const cancelled = aPodResult({ outcome: 'cancelled', message: 'SIGINT' });

describe('what several pods come to', () => {
  test.each<[string, PodResult[], Verdict]>([
    [
      'all passed',
      [green(), green(), green()],
      { outcome: 'passed', message: '9 tests passed, in 3 shards' },
    ],
    [
      'failed cases are counted over all',
      [green(), red, red],
      { outcome: 'failed', cause: 'cases', message: '2 of 9 tests failed: t1, t1' },
    ],
    [
      'another end beside failed cases is told',
      [red, slow, evicted],
      {
        outcome: 'failed',
        cause: 'cases',
        message: '1 of 9 tests failed: t1; shard 1: stopped after 1m; shard 2: evicted',
      },
    ],
    [
      'a failure goes before what nobody knows',
      [evicted, green(), slow],
      { outcome: 'failed', cause: 'timeout', message: 'shard 0: evicted; shard 2: stopped after 1m' },
    ],
    [
      'one that nobody knows is enough for no pass',
      [green(), green(), evicted],
      { outcome: 'infra-error', infraClass: 'evicted', message: 'shard 2: evicted' },
    ],
    [
      'a part that was skipped',
      [green(), skipped, green()],
      { outcome: 'passed', message: '6 tests passed, 3 skipped, in 3 shards' },
    ],
    ['all skipped', [skipped, skipped], { outcome: 'skipped', message: 'all 6 tests were skipped' }],
    ['a cancel', [green(), cancelled, red], { outcome: 'cancelled', message: 'SIGINT' }],
  ])('%s', (_name, pods, verdict) => {
    expect(together(shards, pods).verdict).toEqual(verdict);
  });

  test('all shards together have enough tests, or it is no pass', () => {
    const suite = aSuite({ shards: 3, expectTests: 10 });
    expect(verdictOnOne(suite).expectTests).toBe(1);
    expect(together(suite, [green(), green(), green()]).verdict).toMatchObject({
      outcome: 'infra-error',
      infraClass: 'no-proof',
      message: 'exit code 0, but only 9 of at least 10 expected tests',
    });
  });

  test('each replica has enough tests for itself', () => {
    expect(verdictOnOne(aSuite({ replicas: 3, expectTests: 10 })).expectTests).toBe(10);
  });

  test.each<[string, readonly (readonly [from: number, to: number, bytes: number | null])[], number | null]>([
    [
      'those that ran at once',
      [
        [0, 10, 5],
        [5, 20, 7],
        [11, 30, 4],
      ],
      12,
    ],
    [
      'one after another',
      [
        [0, 10, 5],
        [11, 20, 7],
        [21, 30, 4],
      ],
      7,
    ],
    [
      'one that was not measured',
      [
        [0, 10, 5],
        [0, 10, null],
        [0, 10, 4],
      ],
      9,
    ],
    [
      'none',
      [
        [0, 10, null],
        [0, 10, null],
      ],
      null,
    ],
  ])('the memory of the pods is the largest sum of %s', (_name, spans, sum) => {
    const pods = spans.map(([started_ms, ended_ms, memory_peak_bytes]) => ({
      ...green('a'),
      record: aRecord({ started_ms, ended_ms, memory_peak_bytes }),
    }));
    expect(together(shards, pods).record?.memory_peak_bytes).toBe(sum);
  });

  test('files and cases of all, the words of the one that decides, what all of them used', () => {
    const all = together(shards, [green('a'), slow, green('b')]);
    expect(all.results.files).toEqual([
      '/3 tests passed.xml',
      '/stopped after 1m.xml',
      '/3 tests passed.xml',
    ]);
    expect(all.results.cases.map((found) => found.name)).toEqual(['a', 'b']);
    expect(all.lastLines).toEqual(['stopped after 1m']);
    expect(all.record).toMatchObject({ memory_peak_bytes: 150 * 1048576, cpu_usec: 2_700_000 });
    expect(all.logComplete).toBe(true);
    expect(all.pods).toHaveLength(3);
  });

  test('a log that one of them lost is not complete', () => {
    const { logComplete: _logComplete, ...unknown } = green();
    expect(together(shards, [green(), { ...green(), logComplete: false }]).logComplete).toBe(false);
    expect(together(shards, [green(), unknown]).logComplete).toBeUndefined();
  });

  test('shards that run the same tests are told so; replicas are meant to', () => {
    const pods = [green('a', 'b'), green('b', 'c')];
    expect(together(shards, pods).results.problems).toEqual([
      '1 of 3 tests ran in more than one shard; choose them by KET_SHARD and KET_SHARDS',
    ]);
    expect(together(aSuite({ replicas: 2 }), pods).results.problems).toEqual([]);
  });

  test('one pod stays as it is', () => {
    const { kept: _kept, ...one } = green('a');
    expect(together(aSuite(), [green('a')])).toEqual(one);
  });
});

test('how many pods a suite has', () => {
  expect(podsOf(aSuite())).toEqual({ count: 1, word: 'shard' });
  expect(podsOf(shards)).toEqual({ count: 3, word: 'shard' });
  expect(podsOf(aSuite({ replicas: 2 }))).toEqual({ count: 2, word: 'replica' });
});
