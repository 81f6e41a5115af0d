import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import fs from 'node:fs';
import path from 'node:path';
import { attemptOf, eventsOf, ket, root, sandbox, up, type Sandbox } from './ket.ts';

/** The example when something is wrong with it: its tier `broken`, and a test that somebody took away. */
describe('the example, broken', () => {
  let box: Sandbox;
  let example = '';
  let cluster = '';
  beforeAll(async () => {
    box = sandbox();
    example = path.join(box.home, 'examples', 'fastapi-postgres');
    for (const part of ['kind-configs', 'examples/fastapi-postgres'])
      fs.cpSync(path.join(root, part), path.join(box.home, part), { recursive: true });
    ({ name: cluster } = await up('broken', example, box));
  }, 400_000);
  afterAll(async () => {
    await ket({ args: ['down'], cwd: example, box });
    box.remove();
  }, 120_000);

  test('each suite of the tier goes wrong in the way that ket.yaml says', async () => {
    const ran = await ket({ args: ['run', '--tier', 'broken'], cwd: example, box });
    expect(ran.code).toBe(1);
    const verdict = (suite: string): object => attemptOf(ran, suite);
    expect(verdict('assertion')).toMatchObject({
      outcome: 'failed',
      cause: 'cases',
      counts: { total: 2, failed: 1 },
    });
    expect(verdict('crash')).toMatchObject({ outcome: 'failed', cause: 'signal' });
    expect(verdict('hang')).toMatchObject({ outcome: 'failed', cause: 'timeout' });
    expect(verdict('memory')).toMatchObject({ outcome: 'failed', cause: 'memory' });
    expect(verdict('child-memory')).toMatchObject({ outcome: 'failed', cause: 'memory' });
    expect(verdict('exit0-no-junit')).toMatchObject({ outcome: 'infra-error', infraClass: 'no-proof' });
    const flake = eventsOf(ran, 'suite-ended').find((event) => event.suite === 'flake');
    expect(flake).toMatchObject({ outcome: 'flaky', attempts: 2 });
    expect(eventsOf(ran, 'suite-ended')).toHaveLength(7);
  }, 240_000);

  test('the coverage of the service falls when the tests of an endpoint are removed', async () => {
    const covered = async (): Promise<number> => {
      const ran = await ket({
        args: ['run', '--tier', 'integration', '--cluster', cluster],
        cwd: example,
        box,
      });
      expect(
        eventsOf(ran, 'case').filter((one) => one.status === 'failed' || one.status === 'error'),
      ).toEqual([]);
      expect(ran.code).toBe(0);
      const text = fs.readFileSync(path.join(ran.folder, 'coverage.xml'), 'utf8');
      return Number(/<coverage[^>]* line-rate="([\d.]+)"/.exec(text)?.[1]);
    };
    const all = await covered();
    fs.rmSync(path.join(example, 'tests', 'api', 'test_orders.py'));
    const fewer = await covered();
    expect(all).toBeGreaterThan(0.7);
    expect(fewer).toBeLessThan(all - 0.01);
  }, 400_000);
});
