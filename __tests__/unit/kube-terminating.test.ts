import { describe, expect, test } from '@jest/globals';
import { namespaceGone } from '../../src/kube/await-gone.ts';
import {
  deadGroups,
  remainingIn,
  terminatingCure,
  whyTerminating,
  type Namespace,
} from '../../src/kube/terminating.ts';
import { fakeClock } from './support/phases.ts';

type Condition = NonNullable<NonNullable<Namespace['status']>['conditions']>[number];

/** Conditions as Kubernetes 1.34 writes them. */
const is = (type: string, reason: string, message: string, status = 'True'): Condition => ({
  type,
  reason,
  message,
  status,
});
const content = (message: string): Condition =>
  is('NamespaceContentRemaining', 'SomeResourcesRemain', message);
const discovery = is(
  'NamespaceDeletionDiscoveryFailure',
  'DiscoveryFailed',
  'Discovery failed for some groups, 1 failing: unable to retrieve the complete list of server APIs: ' +
    'metrics.k8s.io/v1beta1: stale GroupVersion discovery: metrics.k8s.io/v1beta1',
);
const maps = content('Some resources are remaining: configmaps. has 1 resource instances');
const both = content(
  'Some resources are remaining: configmaps. has 1 resource instances, widgets.example.com has 12 resource instances',
);
const finalizers = is(
  'NamespaceFinalizersRemaining',
  'SomeFinalizersRemain',
  'Some content in the namespace has finalizers remaining: example.com/endless in 1 resource instances',
);
const fine = [
  is(
    'NamespaceDeletionDiscoveryFailure',
    'ResourcesDiscovered',
    'All resources successfully discovered',
    'False',
  ),
  is('NamespaceContentRemaining', 'ContentRemoved', 'All content successfully removed', 'False'),
];

const leaving = (conditions: readonly Condition[], more: object = {}): Namespace => ({
  metadata: { name: 'shop', uid: 'u-1', deletionTimestamp: '2026-11-21T12:00:00Z', ...more },
  status: { phase: 'Terminating', conditions: [...conditions] },
});

describe('why a namespace does not go', () => {
  test.each<[string, Namespace, string[], string[]]>([
    ['no conditions yet', leaving([]), [], []],
    ['conditions that say all is well', leaving(fine), [], []],
    [
      'content and its finalizers',
      leaving([...fine.slice(0, 1), maps, finalizers]),
      [
        `NamespaceContentRemaining (SomeResourcesRemain): ${String(maps.message)}`,
        `NamespaceFinalizersRemaining (SomeFinalizersRemain): ${String(finalizers.message)}`,
      ],
      ['configmaps.'],
    ],
    [
      'content of two kinds',
      leaving([both]),
      [`NamespaceContentRemaining (SomeResourcesRemain): ${String(both.message)}`],
      ['configmaps.', 'widgets.example.com'],
    ],
    [
      'an API that does not answer',
      leaving([discovery]),
      [`NamespaceDeletionDiscoveryFailure (DiscoveryFailed): ${String(discovery.message)}`],
      [],
    ],
    [
      'finalizers of its own',
      leaving([], { finalizers: ['a.io/x', 'b.io/y'] }),
      ['finalizers of the namespace itself: a.io/x, b.io/y'],
      [],
    ],
    [
      'a condition without words',
      leaving([{ type: 'NamespaceContentRemaining', status: 'True' }]),
      ['NamespaceContentRemaining'],
      [],
    ],
    ['a condition of somebody else', leaving([is('Odd', 'x', 'y')]), [], []],
    ['no status at all', { metadata: { name: 'shop' } }, [], []],
  ])('%s', (_name, namespace, why, remaining) => {
    expect(whyTerminating(namespace)).toEqual(why);
    expect(remainingIn(namespace).map(({ resource, group }) => `${resource}.${group}`)).toEqual(remaining);
  });

  test('the groups that do not answer', () => {
    expect(deadGroups(leaving([discovery, maps]))).toEqual(['metrics.k8s.io/v1beta1']);
    expect(deadGroups(leaving([maps]))).toEqual([]);
  });

  test.each([
    [
      'an object with a finalizer, though an API is dead too',
      leaving([discovery]),
      [{ resource: 'widgets', group: 'example.com', name: 'w', finalizers: ['x'] }],
      /kubectl patch widgets\.example\.com w -n shop --type=merge -p '\{"metadata":\{"finalizers":null\}\}'$/,
    ],
    ['a dead API', leaving([discovery]), [], /kubectl delete apiservice v1beta1\.metrics\.k8s\.io$/],
    ['nothing that is known', leaving([maps]), [], /^kubectl get namespace shop -o yaml/],
  ])('the cure for %s', (_name, namespace, blockers, cure) => {
    expect(terminatingCure(namespace, blockers)).toMatch(cure);
  });
});

describe('waiting for a namespace to be gone', () => {
  /** What GET answers, one after the other; the last for ever. */
  const kube = (
    states: readonly (Namespace | undefined)[],
    texts: Readonly<Record<string, unknown>> = {},
  ): Parameters<typeof namespaceGone>[0] => {
    let n = 0;
    return {
      get: async <T>() => states[Math.min(n++, states.length - 1)] as T | undefined,
      text: async (path) => {
        const found = Object.entries(texts).find(([part]) => path.includes(part))?.[1];
        if (found === undefined) throw new Error(`404 ${path}`);
        return JSON.stringify(found);
      },
    };
  };
  const wait = (
    from: Parameters<typeof namespaceGone>[0],
    more: Partial<Parameters<typeof namespaceGone>[2]> = {},
  ): Promise<number> =>
    namespaceGone(from, 'shop', { clock: fakeClock(), limitMs: 10_000, code: 'KET_RELEASE', ...more });

  test.each<[string, readonly (Namespace | undefined)[], number]>([
    ['it is not there', [undefined], 0],
    ['it is there and stays', [{ metadata: { name: 'shop' } }], 0],
    ['it goes after three looks', [leaving([]), leaving([maps]), leaving([maps]), undefined], 1500],
    ['it goes, and another one comes', [leaving([]), { metadata: { name: 'shop', uid: 'u-2' } }], 500],
    ['it goes, and another one that goes too comes', [leaving([]), leaving([], { uid: 'u-2' })], 500],
  ])('%s', async (_name, states, ms) => expect(await wait(kube(states))).toBe(ms));

  test('what is awaited is said, with the reason as soon as there is one', async () => {
    const said: string[] = [];
    await wait(kube([leaving([]), leaving([maps]), undefined]), { awaiting: (what) => said.push(what) });
    expect(said).toEqual([
      'namespace shop, which is being deleted, to be gone',
      `namespace shop, which is being deleted, to be gone: NamespaceContentRemaining (SomeResourcesRemain): ${String(maps.message)}`,
    ]);
  });

  test('the error has its conditions, the objects with finalizers, and the cure', async () => {
    const items = (...list: [string, string[]?][]): object => ({
      items: list.map(([name, finalizers]) => ({ metadata: { name, finalizers } })),
    });
    const stuck = wait(
      kube([leaving([both, finalizers])], {
        '/api/v1/namespaces/shop/configmaps?': items(['free'], ['held', ['example.com/endless']]),
        '/apis/example.com/v2/namespaces/shop/widgets?': items(['w', ['a', 'b']]),
        '/apis/example.com': { preferredVersion: { groupVersion: 'example.com/v2' } },
      }),
    );
    await expect(stuck).rejects.toMatchObject({
      code: 'KET_RELEASE',
      message:
        'namespace shop is being deleted since 2026-11-21T12:00:00Z and did not go within 10 s: ' +
        'configmaps/held has the finalizer example.com/endless',
      details: [
        expect.stringContaining('NamespaceContentRemaining'),
        expect.stringContaining('NamespaceFinalizersRemaining'),
        'configmaps/held has the finalizer example.com/endless',
        'widgets.example.com/w has the finalizer a, b',
      ],
      next: expect.stringContaining('kubectl patch configmaps held -n shop'),
    });
  });

  test('a kind that cannot be read leaves the words of the conditions', async () => {
    const stuck = wait(kube([leaving([both])]));
    await expect(stuck).rejects.toMatchObject({
      message: expect.stringContaining('widgets.example.com has 12 resource instances'),
      next: expect.stringContaining('kubectl get namespace shop'),
    });
  });

  test('no reason is no silence', async () => {
    await expect(wait(kube([leaving([])]))).rejects.toThrow(/shop .*; the cluster gives no reason$/);
  });

  test('a deletion that began long ago is not waited for anew, though a moment', async () => {
    const clock = fakeClock();
    clock.passed = 3_600_000;
    const items = [{ metadata: { name: 'held', finalizers: ['x'] } }];
    const held = kube([leaving([maps])], { configmaps: { items } });
    const stuck = wait(held, { clock, limitMs: 60_000, leastMs: 5000 });
    await expect(stuck).rejects.toThrow('did not go within 5 s: configmaps/held');
    // One that nothing blocks any more: the cluster looks at it again when its time has come.
    const free = wait(kube([leaving([maps])]), { clock, limitMs: 60_000, leastMs: 5000 });
    await expect(free).rejects.toThrow('did not go within 1 min');
  });

  test('whoever cancels need not wait', async () => {
    const signal = AbortSignal.abort(new Error('enough'));
    await expect(wait(kube([leaving([])]), { signal })).rejects.toThrow('enough');
  });
});
