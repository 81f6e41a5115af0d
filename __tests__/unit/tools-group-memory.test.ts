import { describe, expect, test } from '@jest/globals';
import { exec } from '../../src/tools/exec.ts';
import { sumOfPs } from '../../src/tools/group-memory.ts';

const MiB = 2 ** 20;
/** Holds so many MiB for a while, as a child of a shell where there is a `;`. */
const hold = (mib: number, ms: number): string =>
  `"${process.execPath}" -e "const b = Buffer.alloc(${mib} * ${MiB}, 1); setTimeout(() => b, ${ms})"`;
const peak = async (script: string): Promise<number | undefined> => {
  const { memoryPeakBytes } = await exec({ argv: ['/bin/sh', '-c', script], limitMs: 60_000, measure: true });
  return memoryPeakBytes;
};

describe('the memory of a process group', () => {
  test('is that of all its processes at once', async () => {
    const one = (await peak(`${hold(100, 1500)}; true`)) ?? 0;
    const two = (await peak(`${hold(100, 1500)} & ${hold(100, 1500)}; wait`)) ?? 0;
    expect(one).toBeGreaterThan(100 * MiB);
    expect(one).toBeLessThan(190 * MiB);
    expect(two).toBeGreaterThan(one + 90 * MiB);
  }, 60_000);

  test('is a peak: what was there and went is told', async () => {
    expect((await peak(`${hold(150, 1500)}; sleep 1.5`)) ?? 0).toBeGreaterThan(150 * MiB);
  }, 60_000);

  test('is not measured unless asked', async () => {
    expect(await exec({ argv: ['sleep', '0.3'], limitMs: 10_000 })).not.toHaveProperty('memoryPeakBytes');
  });
});

test('ps: KiB of the lines of the group', () => {
  expect(sumOfPs('   41  1000\n  42   2048\n 42 1024\n  421 9\n\n', 42)).toBe(3 * MiB);
});
