import { afterAll, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { completenessOf, gapsOf } from '../../src/suites/pod/log-gaps.ts';

const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'ket-log-gaps-'));
afterAll(() => fs.rmSync(folder, { recursive: true }));

const live = path.join(folder, 'console.live.log');
const collected = path.join(folder, 'console.log');
const write = (file: string, lines: readonly string[], end = '\n'): void =>
  fs.writeFileSync(file, lines.length === 0 ? '' : lines.join('\n') + end);
const numbers = (from: number, to: number): string[] =>
  Array.from({ length: to - from + 1 }, (_, i) => `line ${from + i}`);

describe('what the stream lacks of the console', () => {
  test('any lines, whichever are missing, are named as ranges', async () => {
    const runs = fc.array(fc.tuple(fc.boolean(), fc.integer({ min: 1, max: 300 })), { maxLength: 12 });
    await fc.assert(
      fc.asyncProperty(runs, fc.boolean(), async (parts, ended) => {
        const came: string[] = [];
        const ranges: { from: number; to: number }[] = [];
        let n = 0;
        for (const [arrived, length] of parts) {
          if (arrived) came.push(...numbers(n + 1, n + length));
          else if (ranges.at(-1)?.to === n) (ranges.at(-1) ?? { to: 0 }).to = n + length;
          else ranges.push({ from: n + 1, to: n + length });
          n += length;
        }
        write(live, came);
        write(collected, numbers(1, n), ended ? '\n' : '');
        const missing = ranges.reduce((sum, { from, to }) => sum + to - from + 1, 0);
        expect(await gapsOf(live, collected)).toEqual({ missing, ranges });
      }),
      { numRuns: 60 },
    );
  });

  test('two streams of one suite may come in another order', async () => {
    write(collected, ['out 1', 'err 1', 'out 2', 'err 2', 'out 3', 'err 3']);
    write(live, ['out 1', 'out 2', 'out 3', 'err 1', 'err 3']);
    expect(await gapsOf(live, collected)).toEqual({ missing: 1, ranges: [{ from: 4, to: 4 }] });
  });

  test('line ends of Windows, bytes that are no text, and lines longer than memory are the same in both', async () => {
    fs.writeFileSync(
      collected,
      Buffer.concat([Buffer.from('a\r\nb'), Buffer.from([0xff]), Buffer.from(`\n${'x'.repeat(3e6)}\n`)]),
    );
    write(live, ['a', 'b\uFFFD', 'x'.repeat(1024 * 1024)]);
    expect(await gapsOf(live, collected)).toEqual({ missing: 0, ranges: [] });
  });

  test('no more than 100 ranges are listed, all lines are counted', async () => {
    write(collected, numbers(1, 500));
    write(
      live,
      numbers(1, 500).filter((_, i) => i % 2 === 0),
    );
    const { missing, ranges } = await gapsOf(live, collected);
    expect(missing).toBe(250);
    expect(ranges).toHaveLength(100);
    expect(ranges[99]).toEqual({ from: 200, to: 200 });
  });

  test('500,000 lines, of which 200,000 are missing, take little memory', async () => {
    write(collected, numbers(1, 500_000));
    write(live, [...numbers(1, 150_000), ...numbers(350_001, 500_000)]);
    const before = process.memoryUsage().rss;
    const found = await gapsOf(live, collected);
    expect(found).toEqual({ missing: 200_000, ranges: [{ from: 150_001, to: 350_000 }] });
    expect(process.memoryUsage().rss - before).toBeLessThan(150e6);
  }, 30_000);
});

describe('the log is complete', () => {
  const ended = (lines: number, complete: boolean) => ({ lines, complete, notices: [] });
  const whole = { console_error: null };
  const of = (
    came: readonly string[],
    console: readonly string[] | undefined,
    end: ReturnType<typeof ended> | undefined,
    record: Parameters<typeof completenessOf>[2] = whole,
    stored = true,
  ) => {
    write(live, came);
    if (console === undefined) fs.rmSync(collected, { force: true });
    else write(collected, console, record.console_error === 'ENOSPC' ? '' : '\n');
    return completenessOf(folder, { ended: end, stored }, record);
  };

  test('when the follower says so and the console has as many lines', async () => {
    expect(await of(numbers(1, 9), numbers(1, 9), ended(9, true))).toEqual({ logComplete: true });
  });

  test('not when the console has more, whatever the follower says', async () => {
    expect(await of(numbers(1, 8), numbers(1, 9), ended(8, true))).toEqual({
      logComplete: false,
      logGaps: { missing: 1, ranges: [{ from: 9, to: 9 }] },
    });
  });

  test('also when it was cut short or gave up, and the console has nothing else', async () => {
    expect(await of(numbers(1, 9), numbers(1, 9), undefined)).toEqual({ logComplete: true });
    expect(await of(numbers(1, 9), numbers(1, 9), ended(9, false))).toEqual({ logComplete: true });
  });

  test('where the console broke off, by how much was printed: the runtime may drop the end of the stream', async () => {
    const printed = (bytes: number) => ({
      console_error: 'ENOSPC',
      stdout_bytes: bytes - 7,
      stderr_bytes: 7,
    });
    const all = numbers(1, 9).join('\n').length + 1;
    const cut = [...numbers(1, 3), 'li'];
    expect(await of(numbers(1, 9), cut, ended(9, true), printed(all))).toEqual({ logComplete: true });
    expect(await of(numbers(1, 8), cut, ended(8, true), printed(all))).toEqual({ logComplete: false });
  });

  test('unknown or as the follower says, when there is no whole console to hold it against', async () => {
    const cut = { console_error: 'ENOSPC' };
    expect(await of(numbers(1, 9), numbers(1, 9), undefined, cut)).toEqual({ logComplete: false });
    expect(await of(numbers(1, 9), undefined, undefined)).toEqual({});
    expect(await of(numbers(1, 9), undefined, ended(9, true))).toEqual({ logComplete: true });
    expect(await of([], numbers(1, 9), ended(9, true), whole, false)).toEqual({ logComplete: true });
    expect(await completenessOf(folder, undefined, whole)).toEqual({});
  });
});
