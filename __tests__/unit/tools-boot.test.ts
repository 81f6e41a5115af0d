import { describe, expect, test } from '@jest/globals';
import { parse } from 'yaml';
import { bootProblems, kubeadmVersion, type BootFacts } from '../../src/tools/boot.ts';
import { kubernetesOf } from '../../src/tools/table.ts';
import { kindBootOf, kubernetesOfNodes, patchFindings } from '../../src/tools/kubeadm.ts';

test.each([
  ['v0.30.0', 'v1.34.0', 'v1beta3'],
  ['v0.31.0', 'v1.36.1', 'v1beta3'],
  ['v0.32.0', 'v1.35.5', 'v1beta3'],
  ['v0.32.0', '1.36', 'v1beta4'],
])('kind %s writes for Kubernetes %s kubeadm %s', (kind, kubernetes, expected) =>
  expect(kubeadmVersion(kind, kubernetes)).toBe(expected),
);

describe('pairs that cannot boot', () => {
  test.each<[string, BootFacts, string | undefined]>([
    ['the default', { kind: 'v0.30.0', kubernetes: 'v1.34.0', cgroup: '1' }, undefined],
    ['1.35 on cgroup v1', { kind: 'v0.31.0', kubernetes: 'v1.35.0', cgroup: '1' }, 'cgroup v1'],
    ['1.35 on cgroup v2', { kind: 'v0.31.0', kubernetes: 'v1.35.0', cgroup: '2' }, undefined],
    [
      '1.35 on cgroup v1 that the config allows',
      { kind: 'v0.31.0', kubernetes: 'v1.35.0', cgroup: '1', cgroupV1Allowed: true },
      undefined,
    ],
    [
      'older than native sidecars',
      { kind: 'v0.30.0', kubernetes: 'v1.28.15', cgroup: '2' },
      'Kubernetes 1.28.15 is too old: ket needs 1.29, whose native sidecars keep results safe',
    ],
    ['the oldest with them', { kind: 'v0.30.0', kubernetes: 'v1.29.0', cgroup: '2' }, undefined],
    ['1.37 with a kind of v1beta3', { kind: 'v0.31.0', kubernetes: 'v1.37.0', cgroup: '2' }, 'v1beta3'],
    ['1.37 with a kind of v1beta4', { kind: 'v0.32.0', kubernetes: 'v1.37.0', cgroup: '2' }, undefined],
    ['an image that tells no version', { kind: 'v0.31.0', kubernetes: undefined, cgroup: '1' }, undefined],
  ])('%s', (_what, facts, problem) => {
    const found = bootProblems(facts).map(({ detail }) => detail);
    if (problem === undefined) expect(found).toEqual([]);
    else expect(found).toEqual([expect.stringContaining(problem)]);
  });

  test('both at once', () =>
    expect(bootProblems({ kind: 'v0.31.0', kubernetes: 'v1.37.0', cgroup: '1' })).toHaveLength(2));

  test('by image', () => {
    const of = (image: string): unknown[] =>
      bootProblems({ kind: 'v0.31.0', kubernetes: kubernetesOf(image), cgroup: '1' });
    expect(of('kindest/node:v1.35.0@sha256:abc')).toHaveLength(1);
    expect(of('my/node:latest')).toEqual([]);
  });
});

const bootOf = (text: string): ReturnType<typeof kindBootOf> =>
  kindBootOf(parse(text) as Record<string, unknown>);
const config = (body: string): string => `kind: Cluster\napiVersion: kind.x-k8s.io/v1alpha4\n${body}`;
const patch = (lines: readonly string[], indent = ''): string =>
  `${indent}kubeadmConfigPatches:\n${indent}- |\n${lines.map((line) => `${indent}  ${line}\n`).join('')}`;

describe('versions of the nodes', () => {
  const two = 'nodes:\n- role: control-plane\n  image: kindest/node:v1.33.1\n- role: worker\n';
  test.each<[string, string, string, string | undefined, string[]]>([
    ['no list of nodes: kind’s own', '', 'v0.30.0', undefined, ['v1.34.0']],
    ['an unlisted kind', '', 'v0.99.0', undefined, []],
    ['the named image', '', 'v0.30.0', 'kindest/node:v1.32.8', ['v1.32.8']],
    ['a node with an image of its own', two, 'v0.30.0', 'kindest/node:v1.32.8', ['v1.33.1', 'v1.32.8']],
  ])('%s', (_what, text, kind, image, expected) =>
    expect(kubernetesOfNodes(kind, image, bootOf(config(text)))).toEqual(expected),
  );
  test('what names no node is one node of which nothing is known', () =>
    expect(kindBootOf({})).toEqual({ patches: [], images: [undefined], cgroupV1Allowed: false }));
});

describe('patches of kubeadm', () => {
  const args = (form: 'map' | 'list', apiVersion?: string): string[] => [
    'kind: ClusterConfiguration',
    ...(apiVersion === undefined ? [] : [`apiVersion: kubeadm.k8s.io/${apiVersion}`]),
    'apiServer:',
    '  extraArgs:',
    form === 'map' ? '    v: "4"' : '  - {name: v, value: "4"}',
  ];
  const old: readonly [string, string] = ['v0.30.0', 'v1.34.0'];
  const current: readonly [string, string] = ['v0.32.0', 'v1.36.1'];
  test.each<[string, string[], readonly [string, string], string | undefined]>([
    ['a map without a version', args('map'), old, undefined],
    ['a map of v1beta3', args('map', 'v1beta3'), old, undefined],
    ['a list without a version, where v1beta3 is written', args('list'), old, 'a list'],
    ['v1beta4, where v1beta3 is written', args('list', 'v1beta4'), old, 'leaves such a patch out'],
    ['a map without a version, which kind converts', args('map'), current, undefined],
    ['a list of v1beta4', args('list', 'v1beta4'), current, undefined],
    ['v1beta3, where v1beta4 is written', args('map', 'v1beta3'), current, 'leaves such a patch out'],
    ['a map that says it is v1beta4', args('map', 'v1beta4'), current, 'leaves them out'],
    [
      'another kind of configuration',
      ['kind: KubeletConfiguration', 'apiVersion: kubelet.config.k8s.io/v1beta1'],
      old,
      undefined,
    ],
  ])('%s', (_what, lines, [kind, kubernetes], warning) => {
    const findings = patchFindings(bootOf(config(patch(lines))), kind, kubernetes);
    if (warning === undefined) expect(findings).toEqual([]);
    else {
      expect(findings).toMatchObject([{ level: 'warning', detail: expect.stringContaining(warning) }]);
      expect(findings[0]?.detail).toContain('kubeadmConfigPatches[0] (ClusterConfiguration)');
      expect(findings[0]?.cure).toMatch(/extraArgs|apiVersion/);
    }
  });

  test('of one node, and JSON patches', () => {
    const text = config(
      `nodes:\n- role: control-plane\n- role: worker\n${patch(['kind: JoinConfiguration', 'apiVersion: kubeadm.k8s.io/v1beta4'], '  ')}` +
        'kubeadmConfigPatchesJSON6902:\n- {group: kubeadm.k8s.io, version: v1beta2, kind: ClusterConfiguration, patch: "[]"}\n',
    );
    expect(patchFindings(bootOf(text), ...old).map(({ detail }) => detail)).toEqual([
      expect.stringContaining('kubeadmConfigPatchesJSON6902[0]'),
      expect.stringContaining('nodes[1].kubeadmConfigPatches[0]'),
    ]);
  });

  test('failCgroupV1: false is seen', () => {
    const allowed = patch(['kind: KubeletConfiguration', 'failCgroupV1: false']);
    expect(bootOf(config(allowed)).cgroupV1Allowed).toBe(true);
    expect(bootOf(config(allowed.replace('false', 'true'))).cgroupV1Allowed).toBe(false);
  });
});
