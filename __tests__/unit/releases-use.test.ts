import { describe, expect, test } from '@jest/globals';
import type { Query } from '../../src/model/kube.ts';
import type { ReleasePlan } from '../../src/model/plan.ts';
import { ReleaseUse, type Looked } from '../../src/releases/use.ts';

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
    expect(found).toEqual([
      { problems: [], releases: [{ release: 'db', restarts: 0, memoryBytes: 100 }] },
      { problems: [], releases: [{ release: 'db', restarts: 3, memoryBytes: 170 }] },
      // Too young for a figure; a pod that is gone takes nothing back.
      { problems: [], releases: [{ release: 'db', restarts: 0 }] },
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

  test('what may not be read is said, and the rest is there', async () => {
    expect(await looks([release('db')], [{ pods: { db: [pod('a', 1)] } }])).toEqual([
      {
        problems: ['memory of releases was not measured: forbidden'],
        releases: [{ release: 'db', restarts: 0 }],
      },
    ]);
  });
});
