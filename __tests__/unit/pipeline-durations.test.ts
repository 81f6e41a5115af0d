import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { afterEach, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { testDurationsOf } from '../../src/pipeline/durations.ts';
import { durationLines } from '../../src/results/test-durations.ts';
import { folder, removeFolders } from './support/folder.ts';

afterEach(removeFolders);

const junit = (took: Readonly<Record<string, number>>): string =>
  `<testsuite>${Object.entries(took)
    .map(([name, s]) => `<testcase classname="tests" name="${name}" time="${String(s)}"/>`)
    .join('')}</testsuite>`;

/** A run's folder; the higher `at`, the later. */
function aRun(output: string, at: number, files: Readonly<Record<string, string>>, tier = 'e2e'): void {
  const run = path.join(output, `run-${String(at)}`);
  for (const [name, text] of Object.entries({ 'timings.json': JSON.stringify({ tier }), ...files })) {
    fs.mkdirSync(path.dirname(path.join(run, name)), { recursive: true });
    fs.writeFileSync(path.join(run, name), text);
  }
  fs.utimesSync(run, at, at);
}

const found = async (output: string): Promise<object> =>
  Object.fromEntries(await testDurationsOf(output, 'e2e', 'api'));

describe('durations of tests', () => {
  test('come from the latest run that has cases of the suite in this tier', async () => {
    const output = folder();
    aRun(output, 1, { 'suites/api/attempt-1/results/j.xml': junit({ a: 1 }) });
    aRun(output, 2, { 'suites/api/attempt-1/results/deep/j.xml': junit({ a: 2, b: 0.5 }) });
    aRun(output, 3, { 'suites/api/attempt-1/results/j.xml': junit({ a: 3 }) }, 'integration');
    aRun(output, 4, { 'suites/other/attempt-1/results/j.xml': junit({ a: 4 }) });
    aRun(output, 5, { 'suites/api/attempt-1/results/j.xml': '<testsuite/>' });
    expect(await found(output)).toEqual({ tests: 2500, 'tests.a': 2000, 'tests.b': 500 });
    expect(await found(path.join(output, 'none'))).toEqual({});
  });

  test('all shards of an attempt count, and of several attempts the one with the most cases', async () => {
    const output = folder();
    aRun(output, 1, {
      'suites/api/attempt-1/shard-0/results/j.xml': junit({ a: 1 }),
      'suites/api/attempt-1/shard-1/results/j.xml': junit({ b: 2 }),
      'suites/api/attempt-2/results/j.xml': junit({ b: 9 }),
    });
    expect(await found(output)).toMatchObject({ 'tests.a': 1000, 'tests.b': 2000 });
  });

  test('broken files, links and strangers cost what they would have told, and no more', async () => {
    const output = folder();
    const inAttempt = (name: string): string => `suites/api/attempt-1/results/${name}`;
    aRun(output, 1, {
      [inAttempt('a.xml')]: junit({ a: 1, b: 1 }).slice(0, -30),
      [inAttempt('b.xml')]: '',
      [inAttempt('c.xml')]: '\0\0not xml',
      [inAttempt('d.xml')]: junit({ d: 4 }),
      [inAttempt('coverage.xml')]: '<coverage/>',
    });
    fs.symlinkSync('/nowhere', path.join(output, 'run-1', inAttempt('e.xml')));
    aRun(output, 2, { 'timings.json': 'cut', [inAttempt('a.xml')]: junit({ a: 99 }) });
    fs.writeFileSync(path.join(output, 'file'), '');
    fs.mkdirSync(path.join(output, 'run-3', 'suites'), { recursive: true });
    fs.writeFileSync(path.join(output, 'run-3', 'suites', 'api'), 'no folder');
    fs.writeFileSync(path.join(output, 'run-3', 'timings.json'), '{"tier": "e2e"}');
    expect(await found(output)).toEqual({ tests: 5000, 'tests.a': 1000, 'tests.d': 4000 });
  });
});

describe('with ket-run', () => {
  const arch = process.arch === 'arm64' ? 'arm64' : 'amd64';
  const ketRun = path.join(import.meta.dirname, '..', '..', 'dist', 'ket-run', `ket-run-${arch}`);
  const share = (names: readonly string[], shard: number, durations: string): string[] => {
    const env = { KET_SHARD: String(shard), KET_SHARDS: '4', KET_DURATIONS: durations };
    const ran = spawnSync(ketRun, ['share'], { input: names.join('\n'), env, encoding: 'utf8' });
    expect({ status: ran.status, stderr: ran.stderr }).toMatchObject({ status: 0 });
    return ran.stdout.split('\n').slice(0, -1);
  };

  test('40 tests of 0.05 to 3 s in 4 shards: each in one of them, and the slowest within 1.2 of the mean', async () => {
    const seconds = fc.integer({ min: 50, max: 3000 }).map((ms) => ms / 1000);
    const suites = fc.array(seconds, { minLength: 40, maxLength: 40 });
    await fc.assert(
      fc.asyncProperty(suites, async (times) => {
        const output = folder();
        const took = Object.fromEntries(times.map((s, i) => [`case ${String(i)}`, s]));
        aRun(output, 1, { 'suites/api/attempt-1/results/j.xml': junit(took) });
        const durations = path.join(output, 'durations.tsv');
        fs.writeFileSync(durations, durationLines(await testDurationsOf(output, 'e2e', 'api'), 100_000));
        const names = Object.keys(took).map((name) => `tests.${name}`);
        const parts = [0, 1, 2, 3].map((shard) => share(names, shard, durations));
        expect(parts.flat().sort()).toEqual([...names].sort());
        const sums = parts.map((part) => part.reduce((sum, name) => sum + (took[name.slice(6)] ?? NaN), 0));
        const mean = sums.reduce((sum, one) => sum + one, 0) / 4;
        expect(Math.max(...sums) / mean).toBeLessThan(1.2);
      }),
      { numRuns: 40 },
    );
    // It starts 160 processes.
  }, 30_000);
});
