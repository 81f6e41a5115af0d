import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { stringify } from 'yaml';
import { kindConfigOf, type KindConfig } from '../../src/config/kind-config.ts';
import { renderProblems } from '../../src/config/problems.ts';
import { parseSource } from '../../src/config/source.ts';

const head = { kind: 'Cluster', apiVersion: 'kind.x-k8s.io/v1alpha4' };
const headText = stringify(head);
const merged = (...bodies: readonly string[]): KindConfig =>
  kindConfigOf(
    bodies.map((body, index) => ({
      source: parseSource(headText + body, `${String.fromCharCode(97 + index)}.yaml`),
      folder: `/folder-${index + 1}`,
    })),
    {},
  );
const body = ({ data, problems }: KindConfig): unknown => {
  expect(problems).toEqual([]);
  const { kind: _kind, apiVersion: _version, ...rest } = data;
  return rest;
};

describe('several Kind configs are one', () => {
  test.each<[what: string, files: readonly string[], unknown]>([
    [
      'mappings key by key, the later before the earlier',
      [
        'networking: {ipFamily: ipv4, podSubnet: a}\nfeatureGates: {A: true, B: true}',
        'networking: {ipFamily: dual}\nfeatureGates: {B: false, C: true}',
      ],
      { networking: { ipFamily: 'dual', podSubnet: 'a' }, featureGates: { A: true, B: false, C: true } },
    ],
    [
      'single values',
      ['name: a', 'name: b', 'runtimeConfig: {x: y}'],
      { name: 'b', runtimeConfig: { x: 'y' } },
    ],
    [
      'patches one after another',
      [
        'kubeadmConfigPatches: [a]\ncontainerdConfigPatches: [x]',
        'kubeadmConfigPatches: [b, a]',
        'containerdConfigPatches: [y]',
      ],
      { kubeadmConfigPatches: ['a', 'b', 'a'], containerdConfigPatches: ['x', 'y'] },
    ],
    [
      'other lists as a whole',
      ['networking: {dnsSearch: [a, b]}', 'networking: {dnsSearch: [c]}'],
      { networking: { dnsSearch: ['c'] } },
    ],
    [
      'a key with nothing behind it says nothing',
      ['featureGates: {A: true}', 'featureGates:\nnodes:'],
      { featureGates: { A: true } },
    ],
    [
      'what is not known here, and of another kind: the later one',
      ['fresh: {a: [1], b: 1}', 'fresh: {a: [2], b: [3]}'],
      { fresh: { a: [2], b: [3] } },
    ],
    [
      'a node by its role and number, others added',
      [
        'nodes: [{role: control-plane}, {role: worker, labels: {a: b}}, {role: worker}]',
        'nodes: [{role: worker}, {role: worker, labels: {c: d}}, {role: worker}, {labels: {e: f}}]',
      ],
      {
        nodes: [
          { role: 'control-plane', labels: { e: 'f' } },
          { role: 'worker', labels: { a: 'b' } },
          { role: 'worker', labels: { c: 'd' } },
          { role: 'worker' },
        ],
      },
    ],
    [
      'within a node: port mappings and mounts one after another, labels key by key, the image replaced',
      [
        'nodes:\n- image: a:1\n  labels: {a: b}\n  extraMounts: [{hostPath: x, containerPath: /x}]\n  extraPortMappings: [{containerPort: 1}]',
        'nodes:\n- image: b:1\n  labels: {c: d}\n  extraMounts: [{hostPath: y, containerPath: /y}]\n  extraPortMappings: [{containerPort: 2}]',
      ],
      {
        nodes: [
          {
            image: 'b:1',
            labels: { a: 'b', c: 'd' },
            extraMounts: [
              { hostPath: '/folder-1/x', containerPath: '/x' },
              { hostPath: '/folder-2/y', containerPath: '/y' },
            ],
            extraPortMappings: [{ containerPort: 1 }, { containerPort: 2 }],
          },
        ],
      },
    ],
    [
      'nodes only in the first, or only in the second',
      ['nodes: [{}, {role: worker}]', 'name: a'],
      { name: 'a', nodes: [{}, { role: 'worker' }] },
    ],
  ])('%s', (_, files, expected) => {
    expect(body(merged(...files))).toEqual(expected);
  });

  test.each<[what: string, files: readonly string[], problems: readonly string[]]>([
    [
      'the type of a value',
      ['name: a', 'networking: {apiServerPort: x}'],
      ['b.yaml:3:29: "networking.apiServerPort" must be a whole number, not "x"'],
    ],
    [
      'a role',
      ['nodes: [{}]', 'nodes: [{role: wroker}]'],
      [
        'b.yaml:3:16: node 1 has no role that kind knows (did you mean "worker"?)',
        '    allowed: control-plane, worker',
      ],
    ],
    [
      'workers alone, which one file may have',
      ['nodes: [{role: worker}]', 'nodes: [{role: worker}]'],
      ['b.yaml:3:1: no node has the role control-plane'],
    ],
    [
      'a port that two files claim',
      [
        'nodes:\n- extraPortMappings: [{containerPort: 80, hostPort: 80}]',
        'nodes:\n- extraPortMappings: [{containerPort: 81, hostPort: 80, listenAddress: 127.0.0.1}]',
      ],
      [
        'b.yaml:4:53: port 80 of this machine is claimed by "nodes[0].extraPortMappings[0].hostPort" in a.yaml:4 too',
      ],
    ],
    [
      'one that two files claim at one address',
      [
        'nodes:\n- extraPortMappings: [{hostPort: 80, listenAddress: 127.0.0.1}]',
        'nodes:\n- role: worker\n  extraPortMappings: [{hostPort: 80, listenAddress: 127.0.0.1}]',
      ],
      [
        'b.yaml:5:34: port 80 of this machine is claimed by "nodes[0].extraPortMappings[0].hostPort" in a.yaml:4 too',
      ],
    ],
  ])('in the right file: %s', (_, files, problems) => {
    expect(renderProblems(merged(...files).problems)).toEqual(problems);
  });

  test.each([
    ['another protocol', '{hostPort: 80, protocol: UDP}'],
    ['another address', '{hostPort: 80, listenAddress: 127.0.0.2}'],
    ['another family', '{hostPort: 80, listenAddress: "::"}'],
    ['another port', '{hostPort: 81}'],
    ['one that kind chooses', '{hostPort: 0}'],
  ])('%s is no second claim', (_, second) => {
    const first = 'nodes:\n- extraPortMappings: [{hostPort: 80, listenAddress: 127.0.0.1}, {hostPort: 0}]';
    expect(merged(first, `nodes:\n- extraPortMappings: [${second}]`).problems).toEqual([]);
  });

  test('each file says itself that it is a Kind config', () => {
    const files = [headText, 'nodes: []'].map((text, index) => ({
      source: parseSource(text, `${index}.yaml`),
      folder: '/',
    }));
    expect(renderProblems(kindConfigOf(files).problems).filter((line) => line.startsWith('0'))).toEqual([]);
    expect(kindConfigOf(files).problems).toHaveLength(3);
  });
});

describe('for any configs', () => {
  const word = fc.constantFrom('a', 'b', 'c');
  const node = fc.record(
    {
      role: fc.constantFrom('control-plane', 'worker'),
      labels: fc.dictionary(word, word),
      extraMounts: fc.array(fc.record({ hostPath: word.map((name) => `/${name}`), containerPath: word }), {
        maxLength: 2,
      }),
      kubeadmConfigPatches: fc.array(word, { maxLength: 2 }),
    },
    { requiredKeys: [] },
  );
  const config = fc.record(
    {
      name: word,
      nodes: fc
        .array(node, { minLength: 1, maxLength: 4 })
        .map((nodes) => [{ role: 'control-plane' }, ...nodes]),
      networking: fc.record({ ipFamily: word, dnsSearch: fc.array(word) }, { requiredKeys: [] }),
      featureGates: fc.dictionary(word, fc.boolean()),
      containerdConfigPatches: fc.array(word, { maxLength: 3 }),
    },
    { requiredKeys: [] },
  );
  const mergedOf = (...configs: readonly object[]): Readonly<Record<string, unknown>> => {
    const { data, problems } = merged(...configs.map((one) => stringify(one).replace(/^\{\}$/m, '')));
    expect(problems).toEqual([]);
    return data;
  };

  test('one alone, and one with an empty one before or behind it, is itself', () => {
    fc.assert(
      fc.property(config, (one) => {
        expect(mergedOf(one)).toEqual({ ...head, ...one });
        expect(mergedOf({}, one)).toEqual({ ...head, ...one });
        expect(mergedOf(one, {})).toEqual({ ...head, ...one });
      }),
    );
  });

  test('only the order counts, not how they are grouped', () => {
    fc.assert(
      fc.property(config, config, config, (a, b, c) => {
        const { kind: _k, apiVersion: _v, ...ab } = mergedOf(a, b);
        expect(mergedOf(ab, c)).toEqual(mergedOf(a, b, c));
      }),
    );
  });

  test('there are as many nodes of a role as the file with most of them has', () => {
    const count = (one: { readonly nodes?: readonly object[] }, role: string): number =>
      (one.nodes ?? []).filter((each) => ('role' in each ? each.role : 'control-plane') === role).length;
    fc.assert(
      fc.property(config, config, (a, b) => {
        const both = mergedOf(a, b);
        for (const role of ['control-plane', 'worker'])
          expect(count(both, role)).toBe(Math.max(count(a, role), count(b, role)));
      }),
    );
  });
});
