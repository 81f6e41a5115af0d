import path from 'node:path';
import { nodeFaults } from './faults/nodes.ts';
import { testFaults } from './faults/place.ts';
import { fixture } from './ket.ts';

/** Faults of nodes and of the control plane. A node that is killed is in own-cluster. */
testFaults(nodeFaults, path.join(fixture, 'two-nodes.yaml'));
