import { describe, expect, test } from '@jest/globals';
import { factsOfPlan } from '../../src/cluster/node-facts.ts';
import { nodesFor } from '../../src/images/nodes-for.ts';
import { mayRunOn, type PlacedPod } from '../../src/images/placement.ts';
import { mayUse, usageOf } from '../../src/images/usage.ts';
import type { ClusterPlan } from '../../src/model/plan.ts';
import type { NodeFacts } from '../../src/model/node-facts.ts';

const cluster = (config: object): ClusterPlan => ({
  configs: [],
  kindConfig: {
    nodes: [{ role: 'control-plane' }, { role: 'worker', labels: { disk: 'ssd' } }, { role: 'worker' }],
    ...config,
  },
  nodes: ['control-plane', 'worker', 'worker'],
  disableDefaultCNI: false,
  hostPorts: [],
  readyMs: 1,
  throwaway: false,
});
const names = ['c', 'w1', 'w2'];
const nodes = factsOfPlan(cluster({}), names);
const affinity = (key: string, operator: string, values?: string[]): PlacedPod => ({
  affinity: {
    nodeAffinity: {
      requiredDuringSchedulingIgnoredDuringExecution: {
        nodeSelectorTerms: [
          { matchExpressions: [{ key, operator, ...(values === undefined ? {} : { values }) }] },
        ],
      },
    },
  },
});
const key = 'node-role.kubernetes.io/control-plane';
const on = (pod: PlacedPod, where: readonly NodeFacts[] = nodes): string[] =>
  where.filter((node) => mayRunOn(pod, node)).map(({ name }) => name);

describe('where a pod may run', () => {
  test.each<[string, PlacedPod, string[]]>([
    ['anything plain', {}, ['w1', 'w2']],
    ['all tolerated', { tolerations: [{ operator: 'Exists' }] }, names],
    ['the key tolerated', { tolerations: [{ key, operator: 'Exists' }] }, names],
    ['the value tolerated', { tolerations: [{ key, value: '' }] }, names],
    [
      'another effect tolerated',
      { tolerations: [{ key, operator: 'Exists', effect: 'NoExecute' }] },
      ['w1', 'w2'],
    ],
    ['another key tolerated', { tolerations: [{ key: 'x', operator: 'Exists' }] }, ['w1', 'w2']],
    ['a name', { nodeName: 'c' }, ['c']],
    ['a host', { nodeSelector: { 'kubernetes.io/hostname': 'w2' } }, ['w2']],
    // A label that is not in the config may come from elsewhere.
    ['a label of one', { nodeSelector: { disk: 'ssd' } }, ['w1', 'w2']],
    ['another value of that label', { nodeSelector: { disk: 'hdd' } }, ['w2']],
    ['affinity, In', affinity('disk', 'In', ['hdd']), ['w2']],
    ['affinity, NotIn', affinity('disk', 'NotIn', ['ssd']), ['w2']],
    ['affinity, DoesNotExist', affinity('disk', 'DoesNotExist'), ['w2']],
    ['affinity, Gt', affinity('disk', 'Gt', ['1']), ['w1', 'w2']],
  ])('%s', (_what, pod, expected) => expect(on(pod)).toEqual(expected));

  test('where all labels are known, one that lacks is one that lacks', () => {
    const known = nodes.map((node) => ({ ...node, mayHaveMore: false }));
    expect(on({ nodeSelector: { disk: 'ssd' } }, known)).toEqual(['w1']);
    expect(on(affinity('disk', 'Exists'), known)).toEqual(['w1']);
  });
  test('one node has no taint; where the config speaks of taints nothing is counted on', () => {
    expect(on({}, factsOfPlan({ ...cluster({}), nodes: ['control-plane'] }, ['c']))).toEqual(['c']);
    const patch = { kubeadmConfigPatches: ['nodeRegistration: { taints: [] }'] };
    expect(on({}, factsOfPlan(cluster(patch), names))).toEqual(names);
  });
  test('taints that come and go with the state of a node do not count', () =>
    expect(
      on({}, [
        {
          name: 'n',
          labels: {},
          mayHaveMore: true,
          taints: [{ key: 'node.kubernetes.io/not-ready', effect: 'NoSchedule' }],
        },
      ]),
    ).toEqual(['n']));
});

describe('the nodes for an image', () => {
  const pod = (image: string, more: object = {}): object => ({ containers: [{ name: 'a', image }], ...more });
  const suites = usageOf([{ spec: pod('shop-tests:dev') }]);
  test('those of all pods that use it, also of init containers', () => {
    const release = usageOf([
      { kind: 'Deployment', spec: { template: { spec: pod('shop:dev') } } },
      {
        kind: 'DaemonSet',
        spec: {
          template: {
            spec: pod('agent:1', {
              tolerations: [{ operator: 'Exists' }],
              initContainers: [{ image: 'init:1' }],
            }),
          },
        },
      },
    ]);
    const of = (image: string): readonly string[] => nodesFor(image, [suites, release], nodes);
    expect(of('shop:dev')).toEqual(['w1', 'w2']);
    expect(of('docker.io/library/shop:dev')).toEqual(['w1', 'w2']);
    expect(of('shop-tests:dev')).toEqual(['w1', 'w2']);
    expect(of('agent:1')).toEqual(names);
    expect(of('init:1')).toEqual(names);
  });
  test.each([
    ['no pod is known to use it', [suites]],
    ['a release could not be rendered', [usageOf([pod('shop:dev')]), undefined]],
    [
      'an operator is told of it',
      [usageOf([pod('shop:dev'), { kind: 'Shop', spec: { image: 'shop:dev' } }])],
    ],
    [
      'it stands in a variable of a container',
      [usageOf([{ containers: [{ image: 'shop:dev', env: [{ value: 'shop:dev' }] }] }])],
    ],
    ['its pods fit nowhere', [usageOf([pod('shop:dev', { nodeName: 'elsewhere' })])]],
  ])('all of them when %s', (_why, usages) => expect(nodesFor('shop:dev', usages, nodes)).toEqual(names));
});

test.each<[string, readonly unknown[] | undefined, boolean]>([
  ['what is not known', undefined, true],
  ['nothing', [], false],
  ['a pod of it', [{ spec: { containers: [{ image: 'docker.io/library/tests:1' }] } }], true],
  ['a pod of another', [{ spec: { containers: [{ image: 'tests:2' }] } }], false],
  ['a name in an argument', [{ spec: { containers: [{ image: 'x', args: ['--image=tests:1'] }] } }], true],
  ['a name in a resource of an operator', [{ kind: 'Runner', spec: { runnerImage: 'tests:1' } }], true],
])('may run an image: %s', (_what, objects, expected) => expect(mayUse(objects, 'tests:1')).toBe(expected));
