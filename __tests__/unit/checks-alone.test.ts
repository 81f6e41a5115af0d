import { describe, expect, test } from '@jest/globals';
import { strangersIn, strangerText, type Host, type Resident } from '../../src/checks/alone.ts';
import { lookAlone } from '../../src/checks/look-alone.ts';
import { checkRights } from '../../src/checks/rights.ts';
import type { ObjectRef, Query } from '../../src/model/kube.ts';

const shop: Host = { name: 'shop', namespace: 'shop', installed: false };
const there: Host = { name: 'mail', namespace: 'post', installed: true };
const hosts = [shop, there];
const ofRelease = (name: string, namespace = 'shop') => ({
  'meta.helm.sh/release-name': name,
  'meta.helm.sh/release-namespace': namespace,
});

type Meta = NonNullable<Resident['metadata']>;
/** An object in namespace `shop`; `owner`: its kind and name, which is also its uid. */
const an = (kind: string, name: string, more: Meta & { readonly owner?: string } = {}): Resident => {
  const { owner, ...metadata } = more;
  const [ownerKind = '', ownerName = ''] = owner?.split('/') ?? [];
  const owners = [{ apiVersion: 'x/v1', kind: ownerKind, name: ownerName, uid: `${ownerKind}/${ownerName}` }];
  return {
    kind,
    metadata: {
      ...{ name, namespace: 'shop', uid: `${kind}/${name}` },
      ...(owner === undefined ? {} : { ownerReferences: owners }),
      ...metadata,
    },
    ...(kind === 'Pod' ? { status: { phase: 'Running' } } : {}),
  };
};
const names = (objects: readonly Resident[], besides: readonly string[] = []): string[] =>
  strangersIn(objects, hosts, besides).map(
    ({ kind, name, pods }) => `${kind} ${name}${pods.length === 0 ? '' : `: ${pods.join(' ')}`}`,
  );

describe('what is at home', () => {
  test.each<[string, readonly Resident[]]>([
    [
      'a pod of a Deployment of the release, by way of its ReplicaSet',
      [
        an('Deployment', 'api', { annotations: ofRelease('shop') }),
        an('ReplicaSet', 'api-1', { owner: 'Deployment/api' }),
        an('Pod', 'api-1-a', { owner: 'ReplicaSet/api-1' }),
      ],
    ],
    ['a pod of the chart itself', [an('Pod', 'one', { annotations: ofRelease('shop') })]],
    ['a suite, or a pod from which ket looks', [an('Pod', 's', { labels: { 'ket.dev/run': 'r1' } })]],
    ['a hook', [an('Pod', 'test', { annotations: { 'helm.sh/hook': 'test' } })]],
    ['what is over', [{ ...an('Pod', 'done'), status: { phase: 'Succeeded' } }]],
    ['a workload without pods', [an('Deployment', 'none'), an('ReplicaSet', 'none-1')]],
    ['a CronJob that is suspended', [{ ...an('CronJob', 'later'), spec: { suspend: true } }]],
    [
      'what an operator makes for a resource of the release',
      [
        an('Postgres', 'db', { annotations: ofRelease('shop') }),
        an('StatefulSet', 'db', { owner: 'Postgres/db' }),
        an('Pod', 'db-0', { owner: 'StatefulSet/db' }),
      ],
    ],
    [
      'what is of a release that is installed, by its label',
      [
        an('Deployment', 'mta', { namespace: 'post', labels: { 'app.kubernetes.io/instance': 'mail' } }),
        an('Pod', 'mta-1', { namespace: 'post', owner: 'Deployment/mta' }),
      ],
    ],
  ])('%s', (_what, objects) => expect(names(objects)).toEqual([]));
});

describe('what is not', () => {
  test.each<[string, readonly Resident[], string]>([
    ['a pod of nobody', [an('Pod', 'debug')], 'Pod debug'],
    ['a pod of the kubelet', [an('Pod', 'etcd', { owner: 'Node/n1' })], 'Pod etcd'],
    [
      'a Deployment, once, with its pods',
      [
        an('Deployment', 'old'),
        an('ReplicaSet', 'old-1', { owner: 'Deployment/old' }),
        an('Pod', 'old-1-b', { owner: 'ReplicaSet/old-1' }),
        an('Pod', 'old-1-a', { owner: 'ReplicaSet/old-1' }),
      ],
      'Deployment old: old-1-a old-1-b',
    ],
    ['another release', [an('Pod', 'x', { annotations: ofRelease('other') })], 'Pod x'],
    [
      'a release of the same name in another namespace',
      [an('Pod', 'x', { annotations: ofRelease('shop', 'else') })],
      'Pod x',
    ],
    [
      'the release of another namespace of the tier',
      [an('Pod', 'x', { annotations: ofRelease('mail', 'post') })],
      'Pod x',
    ],
    [
      'the hook of another release',
      [
        an('Pod', 'x', {
          annotations: { 'helm.sh/hook': 'test' },
          labels: { 'app.kubernetes.io/instance': 'other' },
        }),
      ],
      'Pod x',
    ],
    [
      'what only bears the label of a release of ket',
      [an('Pod', 'x', { labels: { 'app.kubernetes.io/instance': 'shop' } })],
      'Pod x',
    ],
    [
      'a CronJob, which will run',
      [{ ...an('CronJob', 'now'), spec: { schedule: '* * * * *' } }],
      'CronJob now',
    ],
    ['one whose owner is gone', [an('Pod', 'x', { owner: 'ReplicaSet/gone' })], 'Pod x'],
  ])('%s', (_what, objects, seen) => expect(names(objects)).toEqual([seen]));

  test('two that own each other', () =>
    expect(names([an('Job', 'a', { owner: 'Pod/b' }), an('Pod', 'b', { owner: 'Job/a' })])).toHaveLength(1));

  test.each([
    ['deployment/old', []],
    ['pod/old-*', []],
    ['deployment/ol', ['Deployment old: old-1-a']],
    ['statefulset/old', ['Deployment old: old-1-a']],
    ['pod/old.1-a', ['Deployment old: old-1-a']],
  ])('besides %s', (pattern, left) => {
    const objects = [
      an('Deployment', 'old'),
      an('ReplicaSet', 'old-1', { owner: 'Deployment/old' }),
      an('Pod', 'old-1-a', { owner: 'ReplicaSet/old-1' }),
    ];
    expect(names(objects, [pattern])).toEqual(left);
  });
});

test('the message says where, what was expected and seen, and the likely cause', () => {
  const text = (object: Resident): string =>
    strangersIn([object], hosts, [])
      .map((one) => strangerText(one, hosts))
      .join();
  expect(text(an('Pod', 'debug'))).toBe(
    'namespace shop: expected nothing beside release shop, seen: Pod debug; likely: made by hand or left by an earlier test: kubectl delete pod debug -n shop; `besides` if it belongs there',
  );
  expect(text(an('Pod', 'x', { annotations: ofRelease('other') }))).toContain(
    'likely: release other of Helm, which the tier does not name: helm uninstall other -n shop, or name it',
  );
  expect(text(an('Pod', 'x', { owner: 'Postgres/db' }))).toContain('`besides: [postgres/db]`');
  expect(text({ ...an('CronJob', 'now'), spec: { schedule: '* * * * *' } })).toContain(
    'seen: CronJob now (* * * * *)',
  );
});

describe('the look', () => {
  const look = (owners: Readonly<Record<string, Resident | Error>>, asked: string[] = []) =>
    lookAlone(
      {
        list: <T>({ kind }: Query) =>
          Promise.resolve((kind === 'Pod' ? [an('Pod', 'db-0', { owner: 'PodSet/db' })] : []) as T[]),
        get: <T>({ kind, name }: ObjectRef) => {
          asked.push(`${kind}/${name}`);
          const found = owners[`${kind}/${name}`];
          return found instanceof Error ? Promise.reject(found) : Promise.resolve(found as T | undefined);
        },
      },
      { namespaces: ['shop'], hosts, besides: [] },
    )(new AbortController().signal);

  test('asks for owners of other kinds, and for theirs', async () => {
    const asked: string[] = [];
    const podSet = an('PodSet', 'db', { owner: 'Kafka/db' });
    const kafka = an('Kafka', 'db', { annotations: ofRelease('shop') });
    expect(await look({ 'PodSet/db': podSet, 'Kafka/db': kafka }, asked)).toEqual({ faults: [] });
    expect(asked).toEqual(['PodSet/db', 'Kafka/db']);
  });

  test.each<[string, Record<string, Resident | Error>]>([
    ['is gone', {}],
    ['may not be read', { 'PodSet/db': new Error('forbidden') }],
    [
      'is another of that name',
      { 'PodSet/db': an('PodSet', 'db', { uid: 'new', annotations: ofRelease('shop') }) },
    ],
  ])('an owner that %s says nothing for its pods', async (_what, owners) => {
    const { faults } = await look(owners);
    expect(faults).toEqual([expect.stringContaining('it was made for PodSet db')]);
  });

  test('needs rights to list, and no pod', () => {
    const check = {
      ...{ name: 'only', releases: ['shop'], namespaces: ['shop'], limitMs: 1, totalMs: 1 },
      look: { kind: 'alone', besides: [] },
    } as const;
    const needed = checkRights([check], { suites: [], releases: [] }, 'r1');
    expect(new Set(needed.map(({ verb }) => verb))).toEqual(new Set(['list']));
    expect(needed.map(({ resource }) => resource)).toEqual(
      expect.arrayContaining(['pods', 'replicasets', 'cronjobs', 'daemonsets']),
    );
  });
});
