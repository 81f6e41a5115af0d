import { describe, expect, test } from '@jest/globals';
import type { Kube } from '../../src/model/kube.ts';
import type { Task } from '../../src/model/task.ts';
import { Admission } from '../../src/suites/admission/admission.ts';
import type { Amount } from '../../src/suites/admission/room.ts';
import { FakeCluster } from './support/phases.ts';
import { task } from './support/tasks.ts';

const cpu = (cores: number): Amount => ({ cpu: cores, memory: 0, pods: 1 });
const node = {
  metadata: { name: 'n' },
  status: {
    allocatable: { cpu: '1', memory: '1Gi', pods: '100' },
    conditions: [{ type: 'Ready', status: 'True' }],
  },
};
interface Over {
  /** Null: none yet. */
  readonly nodeName?: string | null;
  readonly phase?: string;
  readonly run?: string;
}
const podOf = (
  suite: string,
  cores: string,
  { nodeName = 'n', phase = 'Running', run = 'r' }: Over = {},
): object => ({
  metadata: { labels: { 'ket.dev/run': run, 'ket.dev/suite': suite } },
  spec: {
    containers: [{ name: 'c', resources: { requests: { cpu: cores } } }],
    ...(nodeName === null ? {} : { nodeName }),
  },
  status: { phase },
});

interface Stage {
  readonly cluster: FakeCluster;
  readonly admission: Admission;
  readonly suite: (name: string, cores: number | undefined, mayRetry?: boolean, count?: number) => Task;
}

function stage(limit?: number, more: Partial<Kube> = {}): Stage {
  const cluster = new FakeCluster(more);
  cluster.set('Node', [node]);
  cluster.set('Pod', []);
  const admission = new Admission('r', limit);
  admission.open(cluster.kube);
  return {
    cluster,
    admission,
    suite: (name, cores, mayRetry = false, count = 1) => {
      const one = task(`suite ${name}`);
      admission.expect(one, {
        suite: name,
        wanted: cores === undefined ? undefined : cpu(cores),
        count,
        mayRetry,
      });
      return one;
    },
  };
}

describe('whether one more suite is let in', () => {
  test('as long as there is room, counting those that were let in and have no pod yet', () => {
    const { admission, suite } = stage();
    const [a, b, c] = [suite('a', 0.4), suite('b', 0.4), suite('c', 0.4)];
    expect(admission.admits(b, [a])).toBe(true);
    expect(admission.isPlaceWanted).toBe(false);
    expect(admission.admits(c, [a, b])).toBe(false);
    expect(admission.isPlaceWanted).toBe(true);
    expect(admission.admits(c, [a])).toBe(true);
    expect(admission.isPlaceWanted).toBe(false);
  });

  test('a pod with a place is counted once, whoever made it', () => {
    const { admission, suite, cluster } = stage();
    const [a, b] = [suite('a', 0.4), suite('b', 0.5)];
    cluster.set('Pod', [podOf('a', '400m')]);
    expect(admission.admits(b, [a])).toBe(true);
    cluster.set('Pod', [podOf('a', '400m'), podOf('other', '200m', { run: 'another' })]);
    expect(admission.admits(b, [a])).toBe(false);
  });

  test('one without a place still needs it', () => {
    const { admission, suite, cluster } = stage();
    const [a, b] = [suite('a', 0.6), suite('b', 0.5)];
    cluster.set('Pod', [podOf('a', '600m', { nodeName: null, phase: 'Pending' })]);
    expect(admission.admits(b, [a])).toBe(false);
  });

  test('one whose pod has ended needs none, unless it may be tried again', () => {
    const { admission, suite, cluster } = stage();
    const [a, again, b] = [suite('a', 0.6), suite('again', 0.6, true), suite('b', 0.5)];
    cluster.set('Pod', [
      podOf('a', '600m', { phase: 'Succeeded' }),
      podOf('again', '600m', { phase: 'Failed' }),
    ]);
    expect(admission.admits(b, [a])).toBe(true);
    expect(admission.admits(b, [again])).toBe(false);
  });

  test('the first is let in whatever it wants, and one that no node could hold: their pods say why', () => {
    const { admission, suite } = stage();
    const [a, giant, b] = [suite('a', 0.9), suite('giant', 100), suite('b', 0.05)];
    expect(admission.admits(giant, [])).toBe(true);
    expect(admission.admits(giant, [a])).toBe(true);
    expect(admission.admits(b, [a, giant])).toBe(true);
  });

  test('a suite of several pods needs a place for each, and those without one still do', () => {
    const { admission, suite, cluster } = stage();
    const [a, shards, b] = [suite('a', 0.3), suite('shards', 0.25, false, 3), suite('b', 0.1)];
    expect(admission.admits(shards, [a])).toBe(false);
    expect(admission.admits(a, [shards])).toBe(false);
    expect(admission.admits(b, [shards])).toBe(true);
    cluster.set('Pod', [podOf('shards', '250m'), podOf('shards', '250m')]);
    expect(admission.admits(a, [shards])).toBe(false);
    cluster.set('Pod', [podOf('shards', '250m'), podOf('shards', '250m', { phase: 'Failed' })]);
    expect(admission.admits(b, [shards])).toBe(true);
    // One of several may get the room of the others.
    expect(admission.mayGetRoom(shards)).toBe(true);
  });

  test('never more than the limit; processes of this machine by the limit alone', () => {
    const { admission, suite } = stage(2);
    const [a, b, c] = [suite('a', 0.01), suite('b', undefined), suite('c', undefined)];
    expect(admission.admits(b, [a])).toBe(true);
    expect(admission.admits(c, [a, b])).toBe(false);
  });

  test('not before the nodes are known, and by count where they may not be seen', async () => {
    const refused = {
      items: () => [],
      until: () => Promise.reject(new Error('403')),
      close: () => undefined,
    };
    const { admission, suite } = stage(undefined, { reflect: () => refused });
    const [a, b, c, d, e] = ['a', 'b', 'c', 'd', 'e'].map((name) => suite(name, 0.1)) as [
      Task,
      Task,
      Task,
      Task,
      Task,
    ];
    expect(admission.admits(b, [a])).toBe(false);
    await admission.changed();
    expect(admission.admits(d, [a, b, c])).toBe(true);
    expect(admission.admits(e, [a, b, c, d])).toBe(false);
  });

  test('a change of the cluster is told', async () => {
    const { admission, cluster } = stage();
    const told = admission.changed();
    await new Promise(setImmediate);
    cluster.set('Pod', [podOf('a', '1')]);
    await told;
  });

  test('closed, it says why, and stops those that run', () => {
    const { admission } = stage();
    expect(admission.closed()).toBeUndefined();
    admission.close(new Error('one has failed'));
    admission.close(new Error('another too'));
    expect([admission.closed(), admission.stopped.aborted]).toEqual(['one has failed', true]);
  });

  test('others of the run hold room that a suite could have', () => {
    const { admission, suite, cluster } = stage();
    const [a, giant] = [suite('a', 0.5), suite('giant', 2)];
    expect(admission.mayGetRoom(a)).toBe(false);
    cluster.set('Pod', [podOf('a', '500m'), podOf('b', '500m')]);
    expect([admission.mayGetRoom(a), admission.mayGetRoom(giant)]).toEqual([true, false]);
    cluster.set('Pod', [podOf('a', '500m'), podOf('b', '500m', { run: 'another' })]);
    expect(admission.mayGetRoom(a)).toBe(false);
  });
});
