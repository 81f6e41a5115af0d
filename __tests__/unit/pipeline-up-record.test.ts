import { afterEach, beforeEach, expect, test } from '@jest/globals';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import {
  clusterMadeOf,
  differences,
  openUpRecord,
  readUpRecord,
  refuseOtherCluster,
  upRecordFile,
} from '../../src/pipeline/up-record.ts';
import type { ClusterPlan, Plan } from '../../src/model/plan.ts';
import { removedReleases } from '../../src/releases/removed.ts';
import { aPlan, aRelease } from './support/phases.ts';

let home = '';
beforeEach(() => {
  home = path.join(fs.mkdtempSync(path.join(os.tmpdir(), 'ket-up-')), 'runs');
  fs.mkdirSync(home);
});
afterEach(() => fs.rmSync(path.dirname(home), { recursive: true }));

const cluster: ClusterPlan = {
  configs: ['/repo/kind.yaml'],
  kindConfig: { nodes: [{ role: 'control-plane' }], networking: { ipFamily: 'ipv4' } },
  nodes: ['control-plane'],
  disableDefaultCNI: false,
  hostPorts: [],
  nodeImage: 'kindest/node:v1.34.4',
  readyMs: 1,
  throwaway: false,
};
const planWith = (more: Partial<ClusterPlan> = {}): Plan => aPlan({ cluster: { ...cluster, ...more } });
const made = { namespace: 'shop', helmName: 'shop', inputs: 'h', revision: 'u', images: {}, workloads: [] };

test('what differs is named; the order of keys is no difference', () => {
  const was = clusterMadeOf(planWith());
  const same = { networking: { ipFamily: 'ipv4' }, nodes: [{ role: 'control-plane' }] };
  expect(differences(was, clusterMadeOf(planWith({ kindConfig: same })))).toEqual([]);
  const other = { nodes: [{ role: 'control-plane' }, { role: 'worker' }], featureGates: { A: true } };
  expect(differences(was, clusterMadeOf(planWith({ kindConfig: other, nodeImage: 'mine:1' })))).toEqual([
    'the node image was kindest/node:v1.34.4 and is mine:1',
    '"featureGates" of the Kind config has changed',
    '"networking" of the Kind config has changed',
    '"nodes" of the Kind config has changed',
  ]);
});

test('where kind chooses the node image, its version does', () => {
  const { nodeImage: _none, ...rest } = cluster;
  const plan = aPlan({ cluster: rest });
  const newer = { ...plan, tools: { ...plan.tools, kind: 'v0.31.0' } };
  expect(differences(clusterMadeOf(plan), clusterMadeOf(newer))).toHaveLength(1);
  const pinned = { ...planWith(), tools: newer.tools };
  expect(differences(clusterMadeOf(planWith()), clusterMadeOf(pinned))).toEqual([]);
});

test('a cluster of something else is refused with what to do', () => {
  const record = { v: 1, cluster: clusterMadeOf(planWith()), releases: {} } as const;
  expect(() => refuseOtherCluster(planWith(), record, 'ket-x')).not.toThrow();
  expect(() => refuseOtherCluster(planWith({ nodeImage: 'mine:1' }), record, 'ket-x')).toThrow(
    expect.objectContaining({
      code: 'KET_CONFIG',
      message: expect.stringContaining('the node image was kindest/node:v1.34.4 and is mine:1'),
      where: '/repo/kind.yaml',
      next: expect.stringContaining('ket up --recreate'),
    }),
  );
});

test('what is set is there for the next one, what is forgotten is not, and only for the owner', () => {
  const file = upRecordFile(home, 'r1');
  const first = openUpRecord(file, clusterMadeOf(planWith()));
  first.set('shop', made);
  first.set('mail', { ...made, namespace: 'mail' });
  first.forget('mail');
  const second = openUpRecord(file, clusterMadeOf(planWith({ nodeImage: 'mine:1' })));
  expect(second.releases()).toEqual({ shop: made });
  // What the cluster was made from is what it was made from.
  expect(readUpRecord(file)?.cluster.nodeImage).toBe('kindest/node:v1.34.4');
  expect(second.key).toEqual(first.key);
  expect(second.key).toHaveLength(32);
  for (const one of [file, path.join(home, '..', 'key')]) expect(fs.statSync(one).mode & 0o777).toBe(0o600);
});

test('a record that cannot be read is none', () => {
  const file = upRecordFile(home, 'r1');
  expect(readUpRecord(file)).toBeUndefined();
  fs.writeFileSync(file, '{"v": 1');
  expect(readUpRecord(file)).toBeUndefined();
  expect(openUpRecord(file, clusterMadeOf(planWith())).releases()).toEqual({});
});

test('removed are those that the tier has no more, or has in another namespace', () => {
  const up = openUpRecord(upRecordFile(home, 'r1'), clusterMadeOf(planWith()));
  up.set('shop', made);
  up.set('mail', { ...made, namespace: 'mail' });
  const names = (plan: Plan): string[] => removedReleases(plan, up).map(([name]) => name);
  expect(names(aPlan({ releases: [aRelease] }))).toEqual(['mail']);
  expect(names(aPlan({ releases: [{ ...aRelease, namespace: 'elsewhere' }] }))).toEqual(['shop', 'mail']);
});
