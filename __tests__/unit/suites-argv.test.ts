import { spawnSync } from 'node:child_process';
import { setTimeout } from 'node:timers/promises';
import { describe, expect, test } from '@jest/globals';
import { argvOf } from '../../src/suites/job/argv.ts';
import type { SuitePlan } from '../../src/model/plan.ts';
import { aSuite } from './support/suites.ts';

const run = (over: Partial<SuitePlan>) => {
  const [bin = '', ...args] = argvOf(aSuite(over), undefined);
  const { status, signal, stdout, stderr } = spawnSync(bin, args, { encoding: 'utf8', env: { A: 'x  y' } });
  return { status, signal, stdout, stderr };
};

describe('set-up and teardown', () => {
  test('around the command, in the same environment, and nothing is quoted twice', () =>
    expect(
      run({ setup: 'echo "s $A"', command: ['printf', '%s|', '$A', "it's", ''], teardown: 'echo "t \\$A"' }),
    ).toEqual({ status: 0, signal: null, stdout: "s x  y\n$A|it's||t $A\n", stderr: '' }));

  test('without a set-up, with words for a command of text', () =>
    expect(run({ command: 'echo c', args: ['a b'], teardown: 'echo t' })).toMatchObject({
      status: 0,
      stdout: 'c a b\nt\n',
    }));

  test('a set-up that fails ends it all', () =>
    expect(run({ setup: 'echo s; exit 3', command: 'echo c', teardown: 'echo t' })).toEqual({
      status: 3,
      signal: null,
      stdout: 's\n',
      stderr: 'ket: the set-up ended with exit code 3\n',
    }));

  test('a set-up that goes on is stopped at its limit, and nothing of the watch stays', async () => {
    const ran = run({ setup: 'exec sleep 61.5', setupMs: 1000, command: 'echo c', teardown: 'echo t' });
    expect(ran).toEqual({
      ...{ status: 124, signal: null, stdout: '' },
      stderr: 'ket: the set-up was stopped at its limit of 1 s\n',
    });
    for (let i = 0; i < 50; i += 1) run({ setup: 'true', setupMs: 62_000, command: 'true' });
    // What is killed is gone when the machine comes to it.
    let left: readonly string[] = ['not looked yet'];
    for (let tries = 0; tries < 50 && left.length > 0; tries += 1) {
      await setTimeout(tries === 0 ? 0 : 100);
      const { stdout } = spawnSync('ps', ['-eo', 'args'], { encoding: 'utf8' });
      left = stdout.split('\n').filter((args) => /^sleep (61\.5|62)$/.test(args));
    }
    expect(left).toEqual([]);
  });

  test('the command decides, also when the teardown fails', () =>
    expect(run({ command: 'exit 7', teardown: 'exit 9' })).toMatchObject({
      status: 7,
      stderr: 'ket: the teardown ended with exit code 9\n',
    }));

  test.each(['SEGV', 'KILL'])('a command that died of SIG%s is told as that, after the teardown', (name) =>
    expect(run({ command: ['/bin/sh', '-c', `kill -${name} $$`], teardown: 'echo t' })).toMatchObject({
      status: null,
      signal: `SIG${name}`,
      stdout: 't\n',
    }),
  );

  test('none: the command alone', () =>
    expect(argvOf(aSuite({ command: ['pytest'] }), undefined)).toEqual(['pytest']));
});
