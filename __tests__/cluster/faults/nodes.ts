import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { expect } from '@jest/globals';
import { containersOf, eventsOf } from '../ket.ts';
import { expectEnd } from '../known-end.ts';
import { linesOf, once, says, type Fault, type Place } from './place.ts';

/** Nodes that stand still, and a control plane that is lost: on a cluster with a worker. */

const worker = 'worker';
const wait = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
const passed = { outcome: 'passed', message: /^1 test passed$/ } as const;
const nodeLost = { outcome: 'infra-error', infraClass: 'node-lost' } as const;
const count = (lines: number): string[] => Array.from({ length: lines }, (_, i) => `line ${String(i + 1)}`);
const counting = (seconds: number): string =>
  `for i in $(seq ${String(seconds)}); do echo line $i; sleep 1; done; junit a`;
/** Pods leave a lost node after a second instead of 300. */
const impatient = {
  spec: {
    template: {
      spec: {
        tolerations: ['unreachable', 'not-ready'].map((what) => ({
          key: `node.kubernetes.io/${what}`,
          ...{ operator: 'Exists', effect: 'NoExecute', tolerationSeconds: 1 },
        })),
      },
    },
  },
};
const nodeOf = (at: Place): string => `${at.cluster}-${worker}`;
const docker = (...args: string[]): void => void execFileSync('docker', args, { stdio: 'ignore' });
const readyWorker = (at: Place): void =>
  void at.kubectl('wait', 'node', nodeOf(at), '--for=condition=Ready', '--timeout=60s');

/** Makes the worker stand still at the first line, and lets it go on when the run has ended. */
async function lost(at: Place, suite: string, stop: () => void, resume: () => void): Promise<void> {
  let stoppedAt = 0;
  let judgedAt = 0;
  const strike = once(says('line 1'), () => {
    stop();
    stoppedAt = Date.now();
  });
  try {
    const ran = await at.run(suite, (event) => {
      strike.onEvent(event);
      if (event.type === 'attempt-ended') judgedAt = Date.now();
    });
    expect(strike.done()).toBe(true);
    expectEnd(ran, { suite }, { ...nodeLost, message: /DeletionByTaintManager/ });
    // The cluster gives a silent node up after 20 s.
    expect(judgedAt - stoppedAt).toBeLessThan(110_000);
    const console = path.join(ran.folder, 'suites', suite, 'attempt-1', 'console.log');
    expect(fs.readFileSync(console, 'utf8')).toMatch(/^line 1\n/);
    expect(ran.code).toBe(3);
  } finally {
    resume();
    readyWorker(at);
  }
  // Its namespace can go only now, when the node has ended its pod.
  let swept = await at.ket('cleanup');
  for (const end = Date.now() + 90_000; swept.code !== 0 && Date.now() < end; swept = await at.ket('cleanup'))
    expect(swept.stderr).toContain(`-${suite}-1`);
  expect(swept.code).toBe(0);
}

export const nodeFaults: readonly Fault[] = [
  {
    name: 'kubelet-restarted',
    holds: 'the kubelet stops for 12 s and starts again: no line is lost, and the suite passes',
    suite: { command: counting(24) },
    async run(at) {
      let restarted: Promise<void> | undefined;
      const strike = once(says('line 2'), () => {
        at.inNode(worker, 'systemctl', 'stop', 'kubelet');
        restarted = wait(12_000).then(() => at.inNode(worker, 'systemctl', 'start', 'kubelet'));
      });
      const ran = await at.run('kubelet-restarted', strike.onEvent);
      await restarted;
      expect(strike.done()).toBe(true);
      expectEnd(ran, { suite: 'kubelet-restarted' }, passed);
      expect(linesOf(ran)).toEqual(count(24));
      expect(ran.code).toBe(0);
      readyWorker(at);
    },
  },
  {
    name: 'kubelet-stopped',
    holds:
      'the kubelet stops for good: the node is lost, in bounded time, whatever the suite still does there',
    suite: { command: counting(120), patch: impatient },
    limitMs: 400_000,
    async run(at) {
      const systemctl = (verb: string) => (): void => at.inNode(worker, 'systemctl', verb, 'kubelet');
      await lost(at, 'kubelet-stopped', systemctl('stop'), systemctl('start'));
    },
  },
  {
    name: 'worker-stalled',
    holds: 'the worker stands still for 10 s: no line is lost, and the suite passes',
    suite: { command: counting(12) },
    async run(at) {
      let resumed: Promise<void> | undefined;
      const strike = once(says('line 2'), () => {
        docker('pause', nodeOf(at));
        resumed = wait(10_000).then(() => docker('unpause', nodeOf(at)));
      });
      const ran = await at.run('worker-stalled', strike.onEvent);
      await resumed;
      expect(strike.done()).toBe(true);
      expectEnd(ran, { suite: 'worker-stalled' }, passed);
      expect(linesOf(ran)).toEqual(count(12));
      expect(ran.code).toBe(0);
    },
  },
  {
    name: 'worker-paused',
    holds: 'the worker stands still for good: the node is lost, in bounded time',
    suite: { command: counting(120), patch: impatient },
    limitMs: 400_000,
    async run(at) {
      const node = nodeOf(at);
      await lost(
        at,
        'worker-paused',
        () => docker('pause', node),
        () => docker('unpause', node),
      );
    },
  },
  {
    name: 'control-plane-lost',
    holds:
      'the API server is out of reach for good: said so in bounded time, with what came so far, and swept later',
    suite: { command: `junit a; ${counting(60)}`, timeout: '20s' },
    limitMs: 900_000,
    async run(at) {
      const suite = 'control-plane-lost';
      const strike = once(says('line 3'), () => at.proxy.refuse());
      const ran = await at.run(suite, strike.onEvent);
      at.proxy.reset();
      expect(strike.done()).toBe(true);
      expectEnd(
        ran,
        { suite },
        { outcome: 'infra-error', infraClass: 'lost-contact', message: /no longer reports/ },
      );
      const console = path.join(ran.folder, 'suites', suite, 'attempt-1', 'console.log');
      expect(fs.readFileSync(console, 'utf8')).toBe('line 1\nline 2\nline 3\n');
      expect(eventsOf(ran, 'leftover').length).toBeGreaterThan(0);
      expect(ran.code).toBe(3);
      const swept = await at.ket('cleanup');
      expect(swept.code).toBe(0);
      expect(containersOf(at.cluster)).toHaveLength(2);
    },
  },
];
