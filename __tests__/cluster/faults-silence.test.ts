import path from 'node:path';
import { expect } from '@jest/globals';
import { attemptOf, root } from './ket.ts';
import { expectEnd } from './known-end.ts';
import { linesOf, testFaults } from './faults/place.ts';

/** Longer than anything between ket and a suite keeps a connection that carries nothing. */
const silentMs = 360_000;

testFaults(
  [
    {
      name: 'silence',
      holds: 'six minutes without a line: the suite is not taken for dead, and its last line comes',
      suite: { command: `echo before; sleep ${String(silentMs / 1000)}; echo after; junit a` },
      limitMs: silentMs + 60_000,
      async run(at) {
        const ran = await at.run('silence');
        expectEnd(ran, { suite: 'silence' }, { outcome: 'passed', message: /^1 test passed$/ });
        expect(linesOf(ran)).toEqual(['before', 'after']);
        expect(attemptOf(ran, 'silence').logComplete).toBe(true);
        expect(attemptOf(ran, 'silence').attemptMs).toBeGreaterThan(silentMs);
        expect(ran.code).toBe(0);
      },
    },
  ],
  path.join(root, 'kind-configs', 'integration.yaml'),
);
