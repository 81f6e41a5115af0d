import { afterEach, expect, test } from '@jest/globals';
import { tellUnavailable, tellsUnavailable, type Telling } from '../../src/suites/collect/unavailable.ts';
import { FakeKetRun } from './support/ket-run.ts';
import { fakeClock, FakeCluster } from './support/phases.ts';

const open: Telling[] = [];
afterEach(async () => {
  for (const one of open.splice(0)) await one.stop();
});

function stage(): {
  readonly ketRun: FakeKetRun;
  readonly releases: Record<string, string>;
  readonly said: string[];
  readonly told: () => unknown[];
  readonly telling: Telling;
} {
  const ketRun = new FakeKetRun([]);
  const { kube } = new FakeCluster({ exec: (request) => ketRun.exec(request) });
  const container = { namespace: 'n', pod: 'p', container: 'ket' };
  const releases: Record<string, string> = {};
  const said: string[] = [];
  const telling = tellUnavailable({
    ...{ kube, container, clock: fakeClock() },
    releases: () => releases,
    say: (text) => said.push(text),
  });
  open.push(telling);
  const told = (): unknown[] => ketRun.argvs.map((argv) => JSON.parse(argv.at(-1) ?? '') as unknown);
  return { ketRun, releases, said, told, telling };
}
const turns = async (): Promise<void> => {
  for (let i = 0; i < 60; i += 1) await new Promise(setImmediate);
};

test('nothing while all is well; each change once, also the way back', async () => {
  const { releases, told, ketRun } = stage();
  await turns();
  expect(told()).toEqual([]);
  releases['shop'] = 'gone';
  await turns();
  releases['mail'] = 'x'.repeat(2000);
  await turns();
  delete releases['shop'];
  delete releases['mail'];
  await turns();
  expect(told()).toEqual([
    { releases: { shop: 'gone' } },
    { releases: { shop: 'gone', mail: 'x'.repeat(500) } },
    { releases: {} },
  ]);
  expect(ketRun.argvs[0]?.slice(0, 4)).toEqual(['/ket/bin/ket-run', 'tell', '--state', '/ket/state']);
});

test('what does not arrive is told again, and that it does not is said once', async () => {
  const { releases, said, ketRun, told } = stage();
  ketRun.exitCode = (_command, call) => (call < 5 ? 1 : 0);
  releases['shop'] = 'gone';
  await turns();
  expect(told()).toHaveLength(6);
  expect(said).toEqual([expect.stringMatching(/cannot be told .*exit code 1: .*went wrong/)]);
});

test('nothing after the end', async () => {
  const { releases, told, telling } = stage();
  await telling.stop();
  releases['shop'] = 'gone';
  await turns();
  expect(told()).toEqual([]);
});

test('only where releases that break are reported, and the suite needs some', () => {
  expect(tellsUnavailable({ onUnhealthy: 'report' }, { needs: ['a'] })).toBe(true);
  expect(tellsUnavailable({ onUnhealthy: 'report' }, { needs: [] })).toBe(false);
  expect(tellsUnavailable({ onUnhealthy: 'fail' }, { needs: ['a'] })).toBe(false);
});
