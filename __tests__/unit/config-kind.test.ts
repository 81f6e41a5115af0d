import path from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { stringify } from 'yaml';
import { kindConfigOf, readKindConfig } from '../../src/config/kind-config.ts';
import { checkConfig } from '../../src/config/load.ts';
import { renderProblems } from '../../src/config/problems.ts';
import { parseSource } from '../../src/config/source.ts';
import { folderWith, goodFiles, placed, said, unmarked } from './config-cases.ts';

const head = 'kind: Cluster\napiVersion: kind.x-k8s.io/v1alpha4\n';
const read = (text: string): ReturnType<typeof kindConfigOf> =>
  kindConfigOf([{ source: parseSource(text, 'kind.yaml'), folder: '/repo' }]);

const cases: readonly (readonly [text: string, ...problems: string[]])[] = [
  [
    'kind: Cluster\napiVersion: «kind.sigs.k8s.io/v1alpha3',
    'is not a Kind config that ket takes: "apiVersion" is "kind.sigs.k8s.io/v1alpha3"',
  ],
  [
    'apiVersion: kind.x-k8s.io/v1alpha4\nkind: «Config',
    'is not a Kind config that ket takes: "kind" is "Config"',
  ],
  ['«kind: Cluster', 'is not a Kind config: "apiVersion: kind.x-k8s.io/v1alpha4" is missing'],
  ['«- a', 'is not a Kind config: it begins with "kind: Cluster" and "apiVersion: kind.x-k8s.io/v1alpha4"'],
  [`${head}nodes: «[]`, '"nodes" must be a list with at least one node'],
  [`${head}nodes:\n- role: «workr`, 'node 1 has no role that kind knows → worker'],
  [`${head}nodes:\n- «worker`, '"nodes[0]" must be a mapping of keys to values, not "worker"'],
  [`${head}nodes: «{role: worker}`, '"nodes" must be a list, not a mapping'],
  [
    `${head}nodes:\n- extraPortMappings: [{containerPort: «"80"}]`,
    '"nodes[0].extraPortMappings[0].containerPort" must be a whole number, not "80"; write 80 without quotes',
  ],
  [
    `${head}featureGates: {A: «"true"}`,
    '"featureGates.A" must be true or false, not "true"; write true without quotes',
  ],
  [`${head}networking: «[ipv6]`, '"networking" must be a mapping of keys to values, not a list'],
  [`${head}containerdConfigPatches: «"[a]"`, '"containerdConfigPatches" must be a list, not "[a]"'],
  [
    `${head}nodes:\n- extraMounts: [{containerPath: /a, hostPath: «""}]`,
    '"nodes[0].extraMounts[0].hostPath" must be a path, not ""',
  ],
  [
    `${head}nodes:\n- extraPortMappings:\n  - {containerPort: 80, hostPort: 8080}\n  - {containerPort: 81, hostPort: «8080, listenAddress: 127.0.0.1}`,
    'port 8080 of this machine is claimed by "nodes[0].extraPortMappings[0].hostPort" in kind.yaml:5 too',
  ],
  [`${head}«nodes:\n- role: worker`, 'no node has the role control-plane'],
  [`${head}«---\n${head}`, 'bad YAML: a second document begins here; only one is read'],
];

describe('a Kind config', () => {
  test.each(cases)('%j is refused', (marked, ...problems) => {
    const { text, places } = unmarked(marked);
    const found = read(text).problems;
    expect(found.map(said)).toEqual(problems);
    expect(found.map(placed)).toEqual(places);
  });

  test('nodes and the ports of this machine that it claims', () => {
    const { nodes, hostPorts, problems, disableDefaultCNI, name } = read(`${head}
name: mine
networking: {apiServerPort: 6443, disableDefaultCNI: true}
nodes:
- extraPortMappings:
  - {containerPort: 80, hostPort: 8080}
  - {containerPort: 53, hostPort: 5353, protocol: UDP, listenAddress: 127.0.0.1}
  - {containerPort: 81, hostPort: 0}
  - {containerPort: 82}
- role: worker`);
    expect(problems).toEqual([]);
    expect(nodes).toEqual(['control-plane', 'worker']);
    expect({ disableDefaultCNI, name }).toEqual({ disableDefaultCNI: true, name: 'mine' });
    expect(hostPorts).toEqual([
      { port: 8080, address: '0.0.0.0', protocol: 'TCP' },
      { port: 5353, address: '127.0.0.1', protocol: 'UDP' },
      { port: 6443, address: '127.0.0.1', protocol: 'TCP' },
    ]);
  });

  test('ipFamily and what ket does not know are passed on as they are', () => {
    const body = { networking: { ipFamily: 'dual', podSubnet: '10.0.0.0/16' }, fresh: { a: [1, true, 'x'] } };
    expect(read(head + stringify(body)).data).toEqual({
      kind: 'Cluster',
      apiVersion: 'kind.x-k8s.io/v1alpha4',
      ...body,
    });
  });

  test('a text is what stands in the file, whatever YAML makes of it', () => {
    const { data, problems } = read(
      `${head}runtimeConfig: {api/alpha: false}\nnodes:\n- labels: {a: 1.10, b: 0x1F, c: yes, d: "1"}\nfeatureGates: {A: yes, B: Off, C: true}`,
    );
    expect(problems).toEqual([]);
    expect(data).toMatchObject({
      runtimeConfig: { 'api/alpha': 'false' },
      nodes: [{ labels: { a: '1.10', b: '0x1F', c: 'yes', d: '1' } }],
      featureGates: { A: true, B: false, C: true },
    });
  });

  test('a hostPath is relative to its file; an absolute one stays', () => {
    const mounts =
      '[{hostPath: data, containerPath: /a}, {hostPath: ../b, containerPath: b}, {hostPath: /c/, containerPath: /c}]';
    const { data } = read(`${head}nodes:\n- extraMounts: ${mounts}`);
    expect(data).toMatchObject({
      nodes: [
        {
          extraMounts: [
            { hostPath: '/repo/data', containerPath: '/a' },
            { hostPath: '/b', containerPath: 'b' },
            { hostPath: '/c' },
          ],
        },
      ],
    });
  });

  test('a key with nothing behind it says nothing', () => {
    const { data, problems } = read(`${head}nodes:\nnetworking:\n  ipFamily:`);
    expect(problems).toEqual([]);
    expect(Object.keys(data)).toEqual(['kind', 'apiVersion', 'networking']);
  });

  test('its problems are placed in its own file, once, however many tiers name it', () => {
    const tier = '{cluster: {config: sub/k.yaml}, suites: [{name: s, image: "i:1"}]}';
    const folder = folderWith({
      ...goodFiles,
      'ket.yaml': `tiers: {a: ${tier}, b: ${tier}}`,
      'sub/k.yaml': 'kind: Cluster\napiVersion: v1',
    });
    expect(renderProblems(checkConfig('ket.yaml', folder).problems)).toEqual([
      'sub/k.yaml:2:13: is not a Kind config that ket takes: "apiVersion" is "v1"',
      '    allowed: kind.x-k8s.io/v1alpha4',
    ]);
  });

  test.each([
    ['integration', ['control-plane']],
    ['e2e', ['control-plane', 'worker', 'worker']],
  ])('kind-configs/%s.yaml is right and claims no port', (name, nodes) => {
    const file = path.join(import.meta.dirname, `../../kind-configs/${name}.yaml`);
    expect(readKindConfig([file])).toMatchObject({
      nodes,
      hostPorts: [],
      disableDefaultCNI: false,
      problems: [],
    });
  });
});
