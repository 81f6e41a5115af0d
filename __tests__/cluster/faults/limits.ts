import fs from 'node:fs';
import path from 'node:path';
import { expect } from '@jest/globals';
import type { RunRecord } from '../../../src/suites/verdict/record.ts';
import { attemptOf, eventsOf, readJson } from '../ket.ts';
import { expectEnd } from '../known-end.ts';
import { linesOf, type Fault } from './place.ts';

/** Too much at once, or no room for it. */

const lines = 51_200;
const lineBytes = 1024;
/** A volume of the pod in memory, where the kernel itself refuses what is too much. */
const inMemory = (name: string, sizeLimit: string): object => ({
  spec: { template: { spec: { volumes: [{ name, emptyDir: { medium: 'Memory', sizeLimit } }] } } },
});
const folderOf = (folder: string, suite: string): string => path.join(folder, 'suites', suite, 'attempt-1');

export const limitFaults: readonly Fault[] = [
  {
    name: 'burst',
    holds: '50 MiB of lines at once: the console has each byte, and what came live is in order and not twice',
    suite: {
      command: `pad=$(head -c ${String(lineBytes - 9)} /dev/zero | tr '\\0' x); seq -w ${String(lines)} | sed "s/^/00/; s/$/ $pad/"; junit a`,
    },
    async run(at) {
      const suite = 'burst';
      const ran = await at.run(suite);
      expectEnd(ran, { suite }, { outcome: 'passed', message: /^1 test passed$/ });
      const console = fs.readFileSync(path.join(folderOf(ran.folder, suite), 'console.log'), 'latin1');
      expect(console).toHaveLength(lines * lineBytes);
      const numbers = (all: readonly string[]): number[] => all.map((line) => Number(line.slice(0, 7)));
      expect(numbers(console.trimEnd().split('\n'))).toEqual(Array.from({ length: lines }, (_, i) => i + 1));
      const live = numbers(linesOf(ran));
      expect(live.every((number, i) => i === 0 || number > (live[i - 1] ?? 0))).toBe(true);
      expect(attemptOf(ran, suite).logComplete).toBe(live.length === lines);
      expect(ran.code).toBe(0);
    },
  },
  {
    name: 'results-full',
    holds:
      'no space left for the results: what was written comes home, and without whole JUnit there is no pass',
    suite: {
      command:
        'echo first > /results/first.txt; dd if=/dev/zero of=/results/big bs=64k count=128; junit a; exit 0',
      patch: inMemory('results', '4Mi'),
    },
    async run(at) {
      const suite = 'results-full';
      const ran = await at.run(suite);
      expectEnd(
        ran,
        { suite },
        { outcome: 'infra-error', infraClass: 'no-proof', message: /JUnit file is (empty|cut off)/ },
      );
      const folder = folderOf(ran.folder, suite);
      expect(fs.readFileSync(path.join(folder, 'console.log'), 'utf8')).toMatch(/No space left on device/);
      expect(fs.readFileSync(path.join(folder, 'results', 'first.txt'), 'utf8')).toBe('first\n');
      expect(fs.statSync(path.join(folder, 'results', 'big')).size).toBeGreaterThan(3 * 1024 * 1024);
      expect(ran.code).toBe(3);
    },
  },
  {
    name: 'state-full',
    holds:
      'no space left for the console: the proof had its place before, the live lines stand in, and it is said',
    suite: { command: 'junit a; seq -w 40000', patch: inMemory('ket-state', '64Ki') },
    async run(at) {
      const suite = 'state-full';
      const ran = await at.run(suite);
      expectEnd(ran, { suite }, { outcome: 'passed', message: /^1 test passed$/ });
      const folder = folderOf(ran.folder, suite);
      const record = readJson(path.join(folder, 'record.json')) as RunRecord;
      expect(record.console_error).toBe('No space left on device');
      expect(eventsOf(ran, 'notice').map(({ text }) => text)).toContainEqual(
        expect.stringMatching(/^state-full: its console could not be kept whole in the pod: /),
      );
      const whole = Array.from({ length: 40_000 }, (_, i) => `${String(i + 1).padStart(5, '0')}\n`).join('');
      const console = fs.readFileSync(path.join(folder, 'console.log'), 'utf8').trimEnd();
      expect(console.length).toBeGreaterThan(record.console_bytes);
      expect(whole.startsWith(console)).toBe(true);
      // The container runtime drops what is in its pipe when a container ends (seen with containerd 1.6).
      expect(attemptOf(ran, suite).logComplete).toBe(console === whole.trimEnd());
      expect(ran.code).toBe(0);
    },
  },
  {
    name: 'locked-result',
    holds: 'a file that cannot be read: all others come home, it is named, and it is no pass',
    suite: {
      command: 'junit a; echo open > /results/open; echo shut > /results/shut; chmod 000 /results/shut',
    },
    async run(at) {
      const suite = 'locked-result';
      const ran = await at.run(suite);
      expectEnd(
        ran,
        { suite },
        { outcome: 'infra-error', infraClass: 'collection-incomplete', message: /incomplete: .*shut: / },
      );
      const results = path.join(folderOf(ran.folder, suite), 'results');
      expect(fs.readdirSync(results).sort()).toEqual(['junit.xml', 'open']);
      expect(ran.code).toBe(3);
    },
  },
  {
    name: 'disk-limit',
    holds: 'more files than its ephemeral-storage limit: the suite failed, for storage',
    suite: {
      command: 'junit a; dd if=/dev/zero of=/ket/home/big bs=1M count=40; sleep 120',
      resources: { limits: { 'ephemeral-storage': '8Mi' } },
    },
    async run(at) {
      const suite = 'disk-limit';
      const ran = await at.run(suite);
      expectEnd(ran, { suite }, { outcome: 'failed', cause: 'storage', message: /ephemeral/ });
      expect(ran.code).toBe(1);
    },
  },
];
