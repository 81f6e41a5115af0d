import fs from 'node:fs';
import path from 'node:path';
import { afterEach, describe, expect, test } from '@jest/globals';
import { takeSnapshots, soFar, type Snapshots } from '../../src/suites/collect/snapshots.ts';
import { folder, removeFolders } from './support/folder.ts';
import { FakeKetRun, inResults, inState } from './support/ket-run.ts';
import { fakeClock, FakeCluster } from './support/phases.ts';

const open: Snapshots[] = [];
afterEach(async () => {
  for (const one of open.splice(0)) await one.stop();
  removeFolders();
});

interface Stage {
  readonly ketRun: FakeKetRun;
  readonly out: string;
  readonly snapshots: Snapshots;
  readonly clock: ReturnType<typeof fakeClock>;
  /** Until it has looked so many times more. */
  readonly looks: (times: number) => Promise<void>;
}

function stage(...files: ConstructorParameters<typeof FakeKetRun>[0]): Stage {
  const ketRun = new FakeKetRun(files);
  const clock = fakeClock();
  const out = folder();
  const { kube } = new FakeCluster({ exec: (request) => ketRun.exec(request) });
  const container = { namespace: 'n', pod: 'p', container: 'ket' };
  const snapshots = takeSnapshots({
    ...{ kube, clock, container, outDir: out },
    caps: { bytes: 2 ** 32, fileBytes: 2 ** 31, files: 9 },
  });
  open.push(snapshots);
  const count = (): number => ketRun.calls.filter((call) => call === 'manifest').length;
  const looks = async (times: number): Promise<void> => {
    // The look after it begins only when it is over.
    const wanted = count() + times + 1;
    for (let i = 0; i < 2000 && count() < wanted; i += 1) await new Promise(setImmediate);
  };
  return { ketRun, out, snapshots, clock, looks };
}
const text = (out: string, name: string): string => fs.readFileSync(path.join(out, soFar, name), 'utf8');

describe('results that come over while a suite runs', () => {
  test('what is new and what has changed, and nothing twice; what is gone goes', async () => {
    const { ketRun, out, looks } = stage(inResults('a.txt', 'one'), inResults('deep/b.txt', 'two'));
    await looks(2);
    expect([text(out, 'a.txt'), text(out, 'deep/b.txt')]).toEqual(['one', 'two']);
    expect(ketRun.calls.filter((call) => call === 'cat')).toHaveLength(2);
    ketRun.files = [inResults('a.txt', 'changed')];
    await looks(2);
    expect(text(out, 'a.txt')).toBe('changed');
    expect(fs.existsSync(path.join(out, soFar, 'deep', 'b.txt'))).toBe(false);
    expect(ketRun.calls.filter((call) => call === 'cat')).toHaveLength(3);
  });

  test('not what is just being written, and not what ket-run itself writes', async () => {
    const half = { ...inResults('a.txt', 'whole'), later: Buffer.from('other') };
    const { out, looks } = stage(half, inState('console.log', 'x'));
    await looks(2);
    expect(fs.existsSync(path.join(out, soFar))).toBe(false);
  });

  test('what only grows, as it was when it was listed', async () => {
    const { out, looks } = stage({ ...inResults('log.txt', 'one'), later: Buffer.from('one, two') });
    await looks(1);
    expect(text(out, 'log.txt')).toBe('one');
  });

  test('what is written anew while it is read is read again within the look', async () => {
    const { ketRun, out, looks, clock } = stage({ ...inResults('now.txt', '2'), later: Buffer.from('3') });
    const began = clock.passed;
    const listed: number[] = [];
    ketRun.exitCode = (command, call) => {
      if (command !== 'manifest') return 0;
      listed.push(clock.passed - began);
      if (call === 1) ketRun.files = [inResults('now.txt', '3')];
      return 0;
    };
    await looks(2);
    expect(text(out, 'now.txt')).toBe('3');
    expect(listed.slice(0, 2)).toEqual([15_000, 15_000]);
    // One more look, when nothing has changed.
    expect(listed[2]).toBe(30_000);
  });

  test('a look that fails is made again', async () => {
    const { ketRun, out, looks } = stage(inResults('a.txt', 'one'));
    ketRun.exitCode = (command, call) => (command === 'cat' && call === 0 ? 1 : 0);
    await looks(3);
    expect(text(out, 'a.txt')).toBe('one');
  });

  test('they take the place of what did not come at the end, and say how old they are', async () => {
    const { out, snapshots, looks, clock } = stage(inResults('a.txt', 'old'), inResults('b.txt', 'b'));
    await looks(1);
    await snapshots.stop();
    fs.mkdirSync(path.join(out, 'results'));
    fs.writeFileSync(path.join(out, 'results', 'a.txt'), 'new');
    const adopted = snapshots.adopt();
    snapshots.discard();
    expect(adopted).toMatchObject({ files: 1 });
    expect(clock.now() - (adopted?.at ?? 0)).toBeLessThan(60_000);
    const results = fs
      .readdirSync(path.join(out, 'results'))
      .map((name) => [name, fs.readFileSync(path.join(out, 'results', name), 'utf8')]);
    expect(results).toEqual([
      ['a.txt', 'new'],
      ['b.txt', 'b'],
    ]);
    expect(fs.readdirSync(out)).toEqual(['results']);
  });

  test('nothing was there: nothing is adopted', async () => {
    const { snapshots, looks } = stage();
    await looks(1);
    await snapshots.stop();
    expect(snapshots.adopt()).toBeUndefined();
  });
});
