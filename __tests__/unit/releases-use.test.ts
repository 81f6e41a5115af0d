import { describe, expect, test } from '@jest/globals';
import type { Query } from '../../src/model/kube.ts';
import type { ReleasePlan } from '../../src/model/plan.ts';
import { ReleaseUse, type Looked } from '../../src/releases/use.ts';
import { releaseUseText } from '../../src/report/release-use.ts';

const release = (name: string, namespace = name): ReleasePlan => ({
  ...{
    name,
    namespace,
    values: [],
    set: {},
    inline: {},
    secrets: [],
    dependsOn: [],
    limitMs: 1,
    collect: [],
  },
});
const pod = (
  name: string,
  restarts: number,
  labels: Record<string, string> = {},
  phase = 'Running',
): object => ({
  metadata: { name, uid: `uid-${name}`, labels },
  status: { phase, containerStatuses: [{ name: 'c', restartCount: restarts }] },
});
const stats = (...pods: readonly (readonly [namespace: string, name: string, bytes: number])[]): string =>
  JSON.stringify({
    pods: pods.map(([namespace, name, workingSetBytes]) => ({
      podRef: { namespace, name },
      containers: [{ memory: { workingSetBytes } }, {}],
    })),
  });

/** Looks once for each state of the cluster. */
async function looks(
  releases: readonly ReleasePlan[],
  states: readonly { pods: Record<string, readonly object[]>; stats?: string }[],
): Promise<Looked[]> {
  let now = states[0];
  const use = new ReleaseUse(
    {
      list: <T>({ kind, namespace = '' }: Query) =>
        kind === 'Pod' ? Promise.resolve((now?.pods[namespace] ?? []) as T[]) : Promise.resolve([]),
      text: (path) =>
        now?.stats === undefined || !path.startsWith('/api/v1/nodes/n1/proxy/stats/summary')
          ? Promise.reject(new Error('forbidden'))
          : Promise.resolve(now.stats),
    },
    releases,
    ['n1'],
  );
  const found: Looked[] = [];
  for (const state of states) {
    now = state;
    found.push(await use.look(new AbortController().signal));
  }
  return found;
}

describe('what releases use', () => {
  test('restarts since the look before, and the working sets of their pods', async () => {
    const found = await looks(
      [release('db')],
      [
        { pods: { db: [pod('a', 3)] }, stats: stats(['db', 'a', 100], ['other', 'a', 7]) },
        { pods: { db: [pod('a', 5), pod('b', 1)] }, stats: stats(['db', 'a', 150], ['db', 'b', 20]) },
        { pods: { db: [pod('b', 1)] }, stats: stats(['db', 'b', 0]) },
      ],
    );
    expect(found).toMatchObject([
      { problems: [], releases: [{ release: 'db', restarts: 0, memoryBytes: 100 }] },
      { problems: [], releases: [{ release: 'db', restarts: 3, memoryBytes: 170 }] },
      // Too young for a figure; a pod that is gone takes nothing back.
      { problems: [], releases: [{ release: 'db', restarts: 0 }], needs: [] },
    ]);
  });

  test('pods of suites and those that are over are not counted; of a shared namespace each has its own', async () => {
    const of = (name: string): Record<string, string> => ({ 'app.kubernetes.io/instance': name });
    const all = [
      pod('a', 0, of('db')),
      pod('b', 0, of('web')),
      pod('s', 9, { 'ket.dev/run': 'r' }),
      pod('j', 0, of('db'), 'Succeeded'),
    ];
    const figures = stats(['x', 'a', 1], ['x', 'b', 10], ['x', 's', 100], ['x', 'j', 1000]);
    const [found] = await looks(
      [release('db', 'x'), release('web', 'x')],
      [{ pods: { x: all }, stats: figures }],
    );
    expect(found?.releases).toEqual([
      { release: 'db', restarts: 0, memoryBytes: 1 },
      { release: 'web', restarts: 0, memoryBytes: 10 },
    ]);
  });

  test('what they request, of the pods that run, beside what these use', async () => {
    const asking = (name: string, cpu: string, memory: string, phase = 'Running'): object => ({
      ...pod(name, 0, {}, phase),
      spec: { containers: [{ name: 'c', resources: { requests: { cpu, memory } } }] },
    });
    const pods = {
      db: [asking('a', '250m', '64Mi'), asking('b', '1', '1Ki'), asking('j', '8', '8Gi', 'Failed')],
    };
    const figures = JSON.stringify({
      pods: [
        {
          podRef: { namespace: 'db', name: 'a' },
          containers: [{ memory: { workingSetBytes: 5 }, cpu: { usageNanoCores: 120_000_000 } }],
        },
      ],
    });
    const [found] = await looks([release('db')], [{ pods, stats: figures }]);
    expect(found?.needs).toEqual([
      { release: 'db', requested: { cpu: 1.25, memory: 64 * 2 ** 20 + 1024 }, memoryBytes: 5, cpu: 0.12 },
    ]);
  });

  test('the sentence about it: the largest first, no more than five', () => {
    const one = (release: string, memoryBytes: number) => ({
      ...{ release, memoryBytes, cpu: 0.123 },
      requested: { cpu: 0.5, memory: 2 ** 20 },
    });
    expect(releaseUseText({ releaseUse: [] })).toBe('');
    expect(releaseUseText({ releaseUse: [one('a', 1024), one('b', 2048)] })).toBe(
      'used by releases at the end, of what they request: b 2.0 KiB of 1.0 MiB and 0.12 of 0.5 CPU; a 1.0 KiB of 1.0 MiB and 0.12 of 0.5 CPU',
    );
    const many = ['a', 'b', 'c', 'd', 'e', 'f', 'g'].map((name) => one(name, 1024));
    expect(releaseUseText({ releaseUse: many })).toMatch(/CPU, and 2 more$/);
  });

  test('what may not be read is said, and the rest is there', async () => {
    expect(await looks([release('db')], [{ pods: { db: [pod('a', 1)] } }])).toEqual([
      {
        problems: ['memory of releases was not measured: forbidden'],
        releases: [{ release: 'db', restarts: 0 }],
        needs: [],
      },
    ]);
  });
});
