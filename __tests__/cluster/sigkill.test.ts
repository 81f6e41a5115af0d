import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import type { RunEvent } from '../../src/model/events.ts';
import { containersOf, fixture, ket, sandbox, type Sandbox } from './ket.ts';

/** ket killed without a word, anywhere in a run: what is left then, the next run removes before it begins. */

interface Point {
  readonly when: string;
  readonly at: (event: RunEvent) => boolean;
  readonly afterMs: number;
}
const begins = (task: string, afterMs = 0): Point => ({
  when: `${afterMs} ms after the begin of: ${task}`,
  at: (event) => event.type === 'task-started' && event.task.startsWith(task),
  afterMs,
});
const on = (type: RunEvent['type'], afterMs = 0): Point => ({
  when: `${afterMs} ms after: ${type}`,
  at: (event) => event.type === type,
  afterMs,
});
const points: readonly Point[] = [
  on('run-started'),
  begins('preflight', 100),
  begins('tools'),
  begins('cluster nodes'),
  begins('cluster nodes', 600),
  begins('cluster nodes', 1500),
  begins('build fixture:dev'),
  begins('cluster create'),
  begins('cluster create', 2000),
  begins('cluster create', 6000),
  begins('deliver fixture:dev'),
  begins('deliver fixture:dev', 500),
  begins('cluster ready'),
  begins('install plain'),
  begins('install plain', 1200),
  begins('suite kill'),
  on('attempt-started'),
  on('log'),
  on('attempt-ended'),
  begins('remove cluster'),
  begins('remove cluster', 250),
];

const docker = (...args: string[]): string[] =>
  execFileSync('docker', args, { encoding: 'utf8' }).trim().split('\n').sort();

/** Volumes that no container has: those of others who test on the same Docker are in use. */
const orphans = (): string[] => docker('volume', 'ls', '-q', '--filter', 'dangling=true');

/** Command lines of processes in which a word stands. */
const processesWith = (word: string): string[] =>
  fs
    .readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((pid) => {
      try {
        const text = fs.readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
        return text.includes(word) ? [`${pid} ${text}`] : [];
      } catch {
        return [];
      }
    });

describe('ket is killed', () => {
  let box: Sandbox;
  let tmp = '';
  beforeEach(() => {
    box = sandbox();
    tmp = path.join(box.home, 'tmp');
    fs.mkdirSync(tmp);
  });
  afterEach(() => box.remove());

  test.each(points)(
    '$when; the next run leaves nothing of it',
    async ({ at, afterMs }) => {
      const before = { networks: docker('network', 'ls', '-q'), volumes: orphans() };
      const env = { TMPDIR: tmp };
      let run = '';
      let armed = false;
      const killed = await ket({
        args: ['run', '--tier', 'kill'],
        cwd: fixture,
        box,
        env,
        onEvent(event, pid) {
          if (event.type === 'run-started') run = event.run;
          if (armed || !at(event)) return;
          armed = true;
          setTimeout(() => process.kill(pid, 'SIGKILL'), afterMs);
        },
      });
      expect({ armed, code: killed.code }).toEqual({ armed: true, code: null });

      const next = await ket({ args: ['run', '--tier', 'nothing'], cwd: fixture, box, env });
      expect({ code: next.code, stderr: next.stderr }).toEqual({ code: 0, stderr: '' });
      expect(containersOf(killed.stdout)).toEqual([]);
      expect(processesWith(run)).toEqual([]);
      const state = path.join(box.home, 'state', 'ket', 'runs');
      expect(fs.readdirSync(state)).toEqual([]);
      expect(fs.readdirSync(tmp)).toEqual([]);
      expect(fs.readdirSync(box.home).filter((name) => !/^(out-|state$|cache$|tmp$)/.test(name))).toEqual([]);
      expect(orphans()).toEqual(before.volumes);
      // Docker's network of kind is shared by all clusters of a machine, whoever made them.
      const kinds = docker('network', 'ls', '-q', '--filter', 'name=^kind$');
      expect(docker('network', 'ls', '-q').filter((id) => !kinds.includes(id))).toEqual(
        before.networks.filter((id) => !kinds.includes(id)),
      );
      // What the killed run had written is still there.
      expect(killed.events.map((event) => event.type)).toContain('run-started');
    },
    120_000,
  );
});
