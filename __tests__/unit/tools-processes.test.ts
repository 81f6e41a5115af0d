import { afterEach, describe, expect, test } from '@jest/globals';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { childEnv, childEnvName } from '../../src/tools/child-env.ts';
import { realClock } from '../../src/tools/clock.ts';
import { exec } from '../../src/tools/exec.ts';
import { endProcessesOf, processesOf } from '../../src/tools/processes.ts';

const children: ChildProcess[] = [];
afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
});

async function start(script: string, owner: string): Promise<ChildProcess> {
  const child = spawn('/bin/sh', ['-c', script], {
    env: { PATH: process.env['PATH'], [childEnvName]: owner },
    stdio: ['ignore', 'pipe', 'ignore'],
    detached: true,
  });
  children.push(child);
  await once(child.stdout, 'data');
  return child;
}

const onLinux = process.platform === 'linux' ? describe : describe.skip;

onLinux('processes that a killed run left', () => {
  test('are found by its id, with their children, and ended; also those that ignore TERM', async () => {
    const owner = `1121-120000-${process.pid}`;
    const mild = await start('echo up; sleep 60 & wait', owner);
    const deaf = await start("trap '' TERM; echo up; while true; do sleep 1; done", owner);
    const other = await start('echo up; exec sleep 60', `${owner}0`);
    expect(processesOf(owner)).toEqual(expect.arrayContaining([mild.pid, deaf.pid]));
    expect(processesOf(owner).length).toBeGreaterThanOrEqual(3);
    expect(await endProcessesOf(owner, realClock)).toBeGreaterThanOrEqual(3);
    expect(processesOf(owner)).toEqual([]);
    expect(processesOf(`${owner}0`)).toEqual([other.pid]);
  }, 15_000);

  test('the one that looks, and those above it, are never meant', async () => {
    const script = `
      import { processesOf } from '${new URL('../../src/tools/processes.ts', import.meta.url).href}';
      console.log(JSON.stringify(processesOf('me')));`;
    const ran = await exec({
      argv: [process.execPath, '--disable-warning=ExperimentalWarning', '--input-type=module', '-e', script],
      env: { [childEnvName]: 'me' },
      limitMs: 10_000,
    });
    expect(ran.stdout.trim()).toBe('[]');
  });
});

describe('the environment of commands', () => {
  test('has nothing that a runner gives to an Action alone', () => {
    const env = {
      PATH: '/bin',
      HOME: '/root',
      GITHUB_SHA: 'abc',
      ACTIONS_RUNTIME_TOKEN: 't',
      ACTIONS_RESULTS_URL: 'u',
      INPUT_TOKEN: 's',
      'INPUT_TEST-COMMAND': 'c',
      STATE_main: 'started',
      GITHUB_ENV: '/env',
      GITHUB_OUTPUT: '/o',
      GITHUB_PATH: '/p',
      GITHUB_STATE: '/s',
      GITHUB_STEP_SUMMARY: '/y',
      EMPTY: undefined,
    };
    expect(childEnv(env, { MORE: '1', PATH: '/usr/bin' })).toEqual({
      PATH: '/usr/bin',
      HOME: '/root',
      GITHUB_SHA: 'abc',
      MORE: '1',
    });
  });

  test('a command that is run sees none of it', async () => {
    process.env['INPUT_TOKEN'] = 'secret';
    try {
      const { stdout } = await exec({ argv: ['env'], limitMs: 5000 });
      expect(stdout).not.toContain('INPUT_TOKEN');
      expect(stdout).toContain('PATH=');
    } finally {
      delete process.env['INPUT_TOKEN'];
    }
  });
});
