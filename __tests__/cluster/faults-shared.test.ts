import path from 'node:path';
import { apiFaults } from './faults/api.ts';
import { limitFaults } from './faults/limits.ts';
import { testFaults } from './faults/place.ts';
import { podFaults } from './faults/pods.ts';
import { startFaults } from './faults/start.ts';
import { root } from './ket.ts';

/**
 * What goes wrong around a suite, one fault at a time on one cluster that stays. Each ends with the verdict that is
 * true, its reason, the files that can be had, and nothing left. Other ends are in verdicts and shared-cluster.
 */
testFaults(
  [...podFaults, ...startFaults, ...apiFaults, ...limitFaults],
  path.join(root, 'kind-configs', 'integration.yaml'),
);
