import path from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { readKindConfig, type KindConfig } from '../../src/config/kind-config.ts';
import { checkConfig } from '../../src/config/load.ts';
import { resolvePlan } from '../../src/config/plan.ts';
import { renderProblems } from '../../src/config/problems.ts';
import { folderWith, goodFiles } from './config-cases.ts';

const headText = goodFiles['kind.yaml'] ?? '';

describe('in ket.yaml', () => {
  const files = {
    ...goodFiles,
    'kind/gates.yaml': `${headText}featureGates: {A: true}\nnodes: [{extraMounts: [{hostPath: d, containerPath: /d}]}]\n`,
    'bad.yaml': `${headText}featureGates: [A]\n`,
  };
  const withConfig = (config: string): string =>
    folderWith({
      ...files,
      'ket.yaml': `tiers: {t: {cluster: {config: ${config}}, suites: [{name: s, image: "i:1"}]}}`,
    });
  const problems = (config: string): string[] =>
    renderProblems(checkConfig('ket.yaml', withConfig(config)).problems);

  test('a list is one cluster', () => {
    const cwd = withConfig('[three.yaml, kind/gates.yaml]');
    const { cluster } = resolvePlan({ env: {}, isTTY: false, ci: false, cwd });
    expect(cluster).toMatchObject({
      configs: [path.join(cwd, 'three.yaml'), path.join(cwd, 'kind/gates.yaml')],
      nodes: ['control-plane', 'worker', 'control-plane'],
      kindConfig: {
        featureGates: { A: true },
        nodes: [{ extraMounts: [{ hostPath: path.join(cwd, 'kind/d') }] }, {}, {}],
      },
    });
  });

  test.each([
    ['[]', ['ket.yaml:1:31: "cluster.config" of tier "t" must not be empty']],
    ['[kind.yaml, gone.yaml]', ['ket.yaml:1:43: the Kind config does not exist: gone.yaml']],
    ['[kind.yaml, kind.yaml]', ['ket.yaml:1:43: the Kind config kind.yaml is there twice']],
    [
      '[kind.yaml, bad.yaml]',
      ['bad.yaml:3:15: "featureGates" must be a mapping of keys to values, not a list'],
    ],
    ['{}', ['ket.yaml:1:31: "cluster.config" of tier "t" must be a path or list of paths, not a mapping']],
    [
      '[kind.yaml, 1]',
      [
        'ket.yaml:1:43: "cluster.config[1]" of tier "t" must be a path, not the number 1; write "1" with the quotes',
      ],
    ],
  ])('config: %s', (config, expected) => {
    expect(problems(config)).toEqual(expected);
  });
});

describe("ket's own snippets", () => {
  const own = (...names: readonly string[]): KindConfig =>
    readKindConfig(
      names.map((name) => path.join(import.meta.dirname, `../../kind-configs/${name}.yaml`)),
      { env: { INGRESS_HTTP_PORT: '8080' } },
    );
  const base = ['integration', 'e2e'] as const;
  const snippets = ['ingress', 'registry-mirror', 'feature-gates', 'local-storage'] as const;

  test.each(base.flatMap((one) => snippets.map((snippet) => [one, snippet] as const)))(
    '%s with %s is right, and has as many nodes',
    (one, snippet) => {
      const { problems, nodes } = own(one, snippet);
      expect(problems).toEqual([]);
      expect(nodes).toEqual(own(one).nodes);
    },
  );

  test('all of them together', () => {
    const { data, hostPorts, problems } = own('e2e', ...snippets);
    expect(problems).toEqual([]);
    expect(hostPorts).toEqual([
      { port: 8080, address: '127.0.0.1', protocol: 'TCP' },
      { port: 443, address: '127.0.0.1', protocol: 'TCP' },
    ]);
    expect(data).toMatchObject({
      featureGates: { MutatingAdmissionPolicy: true },
      runtimeConfig: { 'api/beta': 'true' },
      nodes: [
        {
          labels: { 'ingress-ready': 'true' },
          extraMounts: [
            { hostPath: path.join(import.meta.dirname, '../../kind-configs/registry-hosts') },
            { hostPath: path.join(import.meta.dirname, '../../volumes') },
          ],
        },
        { role: 'worker' },
        { role: 'worker' },
      ],
    });
  });
});
