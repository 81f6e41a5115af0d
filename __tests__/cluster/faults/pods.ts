import fs from 'node:fs';
import path from 'node:path';
import { expect } from '@jest/globals';
import { parse } from 'yaml';
import type { Pod } from '../../../src/suites/pod/pod-state.ts';
import { eventsOf, readJson } from '../ket.ts';
import { expectEnd } from '../known-end.ts';
import { big, slowly } from './api.ts';
import { attemptsOf, awaits, image, once, says, type Fault, type Place } from './place.ts';

/** What happens to the pods, Jobs and namespaces of attempts. */

const mib = 1024 * 1024;
const of = (suite: string): string[] => ['-A', '-l', `ket.dev/suite=${suite}`];
const deletePod = (at: Place, suite: string): void =>
  void at.kubectl('delete', 'pods', ...of(suite), '--grace-period=0', '--force', '--wait=false');
const restricted = { allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } };
/** For one of another team: it neither ends nor listens when it is told to. */
const forEver = { image, command: ['sh', '-c', 'trap "" TERM; while :; do sleep 1; done'] };
const ready = 'junit a; echo ready; sleep 60';
const deleted = { outcome: 'infra-error', infraClass: 'deleted' } as const;

/** Names of the one pod of an attempt; that of the attempt before may still be on its way out. */
function podOf(at: Place, suite: string, attempt: number): { namespace: string; name: string } {
  const path_ = 'jsonpath={.items[0].metadata.namespace} {.items[0].metadata.name}';
  const labels = `ket.dev/suite=${suite},ket.dev/attempt=${attempt}`;
  const [namespace = '', name = ''] = at.kubectl('get', 'pods', '-A', '-l', labels, '-o', path_).split(' ');
  return { namespace, name };
}

/** More than all buffers on the way hold together. */
const largeMib = 96;

const folderOf = (folder: string, suite: string): string => path.join(folder, 'suites', suite, 'attempt-1');

export const podFaults: readonly Fault[] = [
  {
    name: 'pod-gone-before',
    holds:
      'a pod that is deleted before it starts: an infrastructure error, and tried again, since no test ran',
    suite: {
      command: 'junit a',
      patch: { spec: { template: { spec: { schedulingGates: [{ name: 'example.com/hold' }] } } } },
    },
    async run(at) {
      const suite = 'pod-gone-before';
      let held = 0;
      const ran = await at.run(suite, (event) => {
        if (!awaits('the pod to start')(event)) return;
        held += 1;
        const { namespace, name } = podOf(at, suite, held);
        if (held === 1) deletePod(at, suite);
        else
          at.kubectl(
            ...['patch', 'pod', name, '-n', namespace, '--type=json'],
            ...['-p', '[{"op": "remove", "path": "/spec/schedulingGates"}]'],
          );
      });
      expect(held).toBe(2);
      expectEnd(ran, { suite, attempt: 1 }, { ...deleted, message: /deleted before it started/ });
      expectEnd(
        ran,
        { suite, attempt: 2, name: 'passed' },
        { outcome: 'passed', message: /^1 test passed$/ },
      );
      expect(eventsOf(ran, 'suite-ended')[0]?.message).toMatch(/after an infrastructure error/);
      expect(ran.code).toBe(0);
    },
  },
  {
    name: 'pod-gone-after',
    holds: 'a pod that is deleted right after its end, with its results half on their way: never a pass',
    suite: big,
    async run(at) {
      const suite = 'pod-gone-after';
      at.proxy.slow(slowly);
      let deletions = 0;
      const begun = once(awaits('results'), () => {
        at.proxy.after(4 * mib, () => {
          deletions += 1;
          deletePod(at, suite);
        });
      });
      const ran = await at.run(suite, begun.onEvent);
      expect(deletions).toBe(1);
      expectEnd(ran, { suite }, { ...deleted, message: /deleted/ });
      expect(ran.code).toBe(3);
    },
  },
  {
    name: 'job-deleted',
    holds: 'a Job that is deleted under a suite: an infrastructure error, with the results so far',
    suite: { command: ready },
    async run(at) {
      const suite = 'job-deleted';
      const strike = once(says('ready'), () => at.kubectl('delete', 'jobs', ...of(suite), '--wait=false'));
      const ran = await at.run(suite, strike.onEvent);
      expect(strike.done()).toBe(true);
      expectEnd(ran, { suite }, { ...deleted, message: /deleted while the suite ran/ });
      expect(attemptsOf(ran)[0]?.counts.passed).toBe(1);
      expect(readJson(path.join(folderOf(ran.folder, suite), 'record.json'))).toMatchObject({
        term_received: 15,
      });
      expect(ran.code).toBe(3);
      expect(ran.ms).toBeLessThan(40_000);
    },
  },
  {
    name: 'sidecar-killed',
    holds: 'the sidecar is killed while the suite runs: it comes back, and the results are whole',
    suite: { command: 'junit a; echo ready; sleep 6; echo late > /results/late.txt' },
    async run(at) {
      const suite = 'sidecar-killed';
      const strike = once(says('ready'), () =>
        at.inNode('control-plane', 'pkill', '-KILL', '-f', '^/ket/bin/ket-run hold'),
      );
      const ran = await at.run(suite, strike.onEvent);
      expectEnd(ran, { suite }, { outcome: 'passed', message: /^1 test passed$/ });
      const folder = folderOf(ran.folder, suite);
      const { status } = parse(fs.readFileSync(path.join(folder, 'pod.yaml'), 'utf8')) as Pod;
      expect(status?.initContainerStatuses?.[0]).toMatchObject({ name: 'ket', restartCount: 1 });
      expect(fs.readFileSync(path.join(folder, 'results', 'late.txt'), 'utf8')).toBe('late\n');
      expect(ran.code).toBe(0);
    },
  },
  {
    name: 'sidecar-killed-late',
    holds:
      'the sidecar is killed before the acknowledgement, with the results half on their way: never a pass',
    suite: { command: `junit a; dd if=/dev/zero of=/results/large bs=1M count=${String(largeMib)}` },
    async run(at) {
      const suite = 'sidecar-killed-late';
      at.proxy.slow(2 * slowly);
      let kills = 0;
      const begun = once(awaits('results'), () => {
        at.proxy.after(4 * mib, () => {
          at.inNode('control-plane', 'pkill', '-KILL', '-f', '^/ket/bin/ket-run hold');
          kills += 1;
        });
      });
      const ran = await at.run(suite, begun.onEvent);
      expect(kills).toBe(1);
      expectEnd(
        ran,
        { suite },
        { outcome: 'infra-error', infraClass: 'no-proof', message: /^no record of how the command ended/ },
      );
      expect(eventsOf(ran, 'notice').map(({ text }) => text)).toContainEqual(
        expect.stringMatching(/^sidecar-killed-late: results are not complete: /),
      );
      expect(ran.code).toBe(3);
    },
  },
  {
    name: 'foreign-sidecar',
    holds:
      'containers of others in the pod that never end hold up neither the verdict nor the end of the run',
    suite: {
      command: 'junit a',
      patch: {
        spec: {
          template: {
            spec: {
              containers: [{ name: 'mesh', ...forEver, securityContext: restricted }],
              initContainers: [
                { name: 'agent', ...forEver, restartPolicy: 'Always', securityContext: restricted },
              ],
            },
          },
        },
      },
    },
    async run(at) {
      const suite = 'foreign-sidecar';
      const ran = await at.run(suite);
      expectEnd(ran, { suite }, { outcome: 'passed', message: /^1 test passed$/ });
      const file = path.join(folderOf(ran.folder, suite), 'pod.yaml');
      const { status } = parse(fs.readFileSync(file, 'utf8')) as Pod;
      const running = [...(status?.containerStatuses ?? []), ...(status?.initContainerStatuses ?? [])]
        .filter(({ state }) => state?.running !== undefined)
        .map(({ name }) => name);
      expect(running.sort()).toEqual(['agent', 'ket', 'mesh']);
      expect(ran.ms).toBeLessThan(40_000);
      expect(ran.code).toBe(0);
    },
  },
  {
    name: 'two-runs',
    holds:
      'two runs of the same suite at once on one cluster: each has its own results, and removes its own only',
    suite: { command: 'echo $KET_RUN_ID > /results/run.txt; junit a; echo ready; sleep 5' },
    async run(at) {
      const suite = 'two-runs';
      let most = 0;
      const look = (): void => {
        const found = at.kubectl(
          'get',
          'pods',
          ...of(suite),
          '--field-selector=status.phase=Running',
          '-o',
          'name',
        );
        most = Math.max(most, found.split('\n').filter((line) => line !== '').length);
      };
      const runs = await Promise.all(
        [0, 1].map(() => at.run(suite, (event) => (says('ready')(event) ? look() : undefined))),
      );
      expect(most).toBe(2);
      for (const ran of runs) {
        expectEnd(ran, { suite }, { outcome: 'passed', message: /^1 test passed$/ });
        const said = fs.readFileSync(path.join(folderOf(ran.folder, suite), 'results', 'run.txt'), 'utf8');
        expect(said.trim()).toBe(eventsOf(ran, 'run-started')[0]?.run);
        expect({ code: ran.code, leftovers: eventsOf(ran, 'leftover') }).toEqual({ code: 0, leftovers: [] });
      }
    },
  },
];
