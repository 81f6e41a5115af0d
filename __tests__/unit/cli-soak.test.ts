import { afterEach, describe, expect, test } from '@jest/globals';
import { spawn, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import type { SoakJson } from '../../src/report/soak-json.ts';
import { folder, removeFolders } from './support/folder.ts';

afterEach(removeFolders);

const program = path.join(import.meta.dirname, '..', '..', 'src', 'cli', 'index.ts');
const passing = `"echo round $KET_ATTEMPT; printf '<testsuite><testcase name=\\"a\\"/></testsuite>' > $KET_RESULTS/j.xml"`;
const config = `tiers: {unit: {soak: 1h, suites: [{name: good, command: ${passing}}]}}`;

function project(): { root: string; env: NodeJS.ProcessEnv; results: () => string } {
  const root = folder();
  fs.writeFileSync(path.join(root, 'ket.yaml'), config);
  const env = { PATH: process.env['PATH'], HOME: root, CI: 'true', XDG_STATE_HOME: path.join(root, 'state') };
  return { root, env, results: () => fs.realpathSync(path.join(root, 'ket-results', 'latest')) };
}

describe('ket run --soak', () => {
  test('goes before the soak of the tier, and is shown by ket plan', () => {
    const { root, env } = project();
    const plan = (...args: string[]): string =>
      spawnSync(process.execPath, ['--no-warnings', program, 'plan', ...args], {
        ...{ cwd: root, env, encoding: 'utf8' },
      }).stdout;
    expect(plan()).toContain('soakMs: 3600000\n');
    expect(plan('--soak', '90s')).toContain('soakMs: 90000\n');
  });

  test.each([
    ['8', '--soak: 8 has no unit; write "8s" if seconds are meant'],
    ['8 days', '--soak: "8 days" is not a duration'],
    ['200h', '--soak: "200h" is too long: a soak is at most 168h'],
  ])('%s is refused', (text, message) => {
    const { root, env } = project();
    const ran = spawnSync(process.execPath, ['--no-warnings', program, 'run', '--soak', text], {
      ...{ cwd: root, env, encoding: 'utf8' },
    });
    expect(ran.status).toBe(2);
    expect(ran.stderr).toContain(message);
    expect(fs.existsSync(path.join(root, 'ket-results'))).toBe(false);
  });

  test('one whose ket was killed is not taken up; ket report tells what its rounds came to', async () => {
    const { root, env, results } = project();
    const child = spawn(process.execPath, ['--no-warnings', program, 'run', '--format', 'json'], {
      cwd: root,
      env,
    });
    let stdout = '';
    child.stdout.on('data', (chunk: Buffer) => {
      stdout += chunk.toString();
      if (stdout.includes('"round 3"')) child.kill('SIGKILL');
    });
    await new Promise((resolve) => child.once('close', resolve));
    const id = path.basename(results());
    const ket = (...args: string[]): { status: number | null; stderr: string } =>
      spawnSync(process.execPath, ['--no-warnings', program, ...args], { cwd: root, env, encoding: 'utf8' });
    const attached = ket('attach', id);
    expect(attached.status).toBe(2);
    expect(attached.stderr).toContain(`run ${id} was a soak, which ends with its driver`);
    expect(ket('report', results()).status).toBe(0);
    const json = JSON.parse(fs.readFileSync(path.join(results(), 'soak.json'), 'utf8')) as SoakJson;
    expect(json).toMatchObject({ askedMs: 3_600_000, rounds: { total: 2, passed: 2 } });
    expect(json).not.toHaveProperty('ended');
    expect(fs.readFileSync(path.join(results(), 'summary.md'), 'utf8')).toMatch(
      /No verdict[^]*soak: 2 rounds in /,
    );
  }, 60_000);
});
