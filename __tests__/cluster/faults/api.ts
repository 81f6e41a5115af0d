import { createHash } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { expect } from '@jest/globals';
import { attemptOf, type Ran } from '../ket.ts';
import { expectEnd } from '../known-end.ts';
import { awaits, linesOf, once, says, type Fault } from './place.ts';

/** Between ket and the API server, and the API server itself. */

const mib = 1024 * 1024;
const bigMib = 24;
/** Results with their own checksum, long on their way through a slow connection. */
export const big = {
  command: `dd if=/dev/urandom of=/results/big bs=1M count=${String(bigMib)}; sha256sum /results/big > /results/sum; junit a`,
};
export const slowly = 5 * mib;

function expectBig(ran: Ran, suite: string): void {
  const results = path.join(ran.folder, 'suites', suite, 'attempt-1', 'results');
  const bytes = fs.readFileSync(path.join(results, 'big'));
  expect(bytes).toHaveLength(bigMib * mib);
  const sum = fs.readFileSync(path.join(results, 'sum'), 'utf8');
  expect(sum).toBe(`${createHash('sha256').update(bytes).digest('hex')}  /results/big\n`);
}

const passed = { outcome: 'passed', message: /^1 test passed$/ } as const;
const count = (lines: number): string[] => Array.from({ length: lines }, (_, i) => `line ${String(i + 1)}`);
const counting = (seconds: number): object => ({
  command: `for i in $(seq ${String(seconds)}); do echo line $i; sleep 1; done; junit a`,
});

export const apiFaults: readonly Fault[] = [
  {
    name: 'watch-cut',
    holds: 'every connection is cut again and again: no line is lost or comes twice, and the suite passes',
    suite: counting(14),
    async run(at) {
      const cuts: number[] = [];
      const ran = await at.run('watch-cut', (event) => {
        if (event.type === 'log' && /^line (2|5|6|10|13)$/.test(event.line)) cuts.push(at.proxy.cut());
      });
      expectEnd(ran, { suite: 'watch-cut' }, passed);
      // The watches of nodes, pods and events, and the log.
      expect(cuts).toHaveLength(5);
      expect(Math.max(...cuts)).toBeGreaterThanOrEqual(4);
      expect(linesOf(ran)).toEqual(count(14));
      expect(attemptOf(ran, 'watch-cut').logComplete).toBe(true);
      expect(ran.code).toBe(0);
    },
  },
  {
    name: 'half-open',
    holds: 'connections that carry nothing any more and never end are given up and made anew',
    long: true,
    suite: counting(8),
    limitMs: 200_000,
    async run(at) {
      let frozen = 0;
      const freeze = once(says('line 2'), () => {
        frozen = at.proxy.freeze();
      });
      const ran = await at.run('half-open', freeze.onEvent);
      expect(frozen).toBeGreaterThanOrEqual(4);
      expectEnd(ran, { suite: 'half-open' }, passed);
      expect(linesOf(ran)).toEqual(count(8));
      expect(ran.code).toBe(0);
    },
  },
  {
    name: 'collection-cut',
    holds: 'the collection goes on where each of three cuts left it, and every byte is right',
    suite: big,
    async run(at) {
      at.proxy.slow(slowly);
      const cuts: number[] = [];
      const begun = once(awaits('results'), () => {
        for (const after of [3, 9, 15]) at.proxy.after(after * mib, () => cuts.push(at.proxy.cut()));
      });
      const ran = await at.run('collection-cut', begun.onEvent);
      expect(cuts.filter((connections) => connections > 0)).toHaveLength(3);
      expectEnd(ran, { suite: 'collection-cut' }, passed);
      expectBig(ran, 'collection-cut');
      expect(ran.code).toBe(0);
    },
  },
  {
    name: 'server-killed-in-collection',
    holds: 'an API server that is killed during the collection costs no byte and no verdict',
    suite: big,
    async run(at) {
      at.proxy.slow(slowly);
      let killed = 0;
      const begun = once(awaits('results'), () => {
        at.proxy.after(6 * mib, () => {
          at.inNode('control-plane', 'pkill', '-KILL', 'kube-apiserver');
          killed += 1;
        });
      });
      const ran = await at.run('server-killed-in-collection', begun.onEvent);
      expect(killed).toBe(1);
      expectEnd(ran, { suite: 'server-killed-in-collection' }, passed);
      expectBig(ran, 'server-killed-in-collection');
      expect(ran.code).toBe(0);
    },
  },
];
