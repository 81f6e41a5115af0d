import { describe, expect, test } from '@jest/globals';
import { parse } from 'yaml';
import { kindInput } from '../../src/cluster/kind-input.ts';
import { throwawaySettings, withSettings, type Setting } from '../../src/cluster/throwaway.ts';
import { staying } from '../../src/pipeline/run.ts';
import { aPlan } from './support/phases.ts';

const all = throwawaySettings.map(({ name }) => name);
const header = { kind: 'Cluster', apiVersion: 'kind.x-k8s.io/v1alpha4' };
type Patched = Readonly<Record<string, unknown>> & { readonly kubeadmConfigPatches?: readonly string[] };

/** The settings whose patches are in the config, all of them or none. */
function namesIn({ kubeadmConfigPatches = [] }: Patched): string[] {
  return throwawaySettings
    .filter(({ name, patches }) => {
      const found = patches.filter((patch) => kubeadmConfigPatches.includes(JSON.stringify(patch)));
      if (found.length > 0 && found.length < patches.length) throw new Error(`${name} is there in part`);
      return found.length > 0;
    })
    .map(({ name }) => name);
}
const without = (...names: readonly string[]): string[] => all.filter((name) => !names.includes(name));

describe('settings of a cluster that lives for one run', () => {
  test('all, where the config says nothing of them', () =>
    expect(namesIn(withSettings(header, throwawaySettings))).toEqual(all));

  test('none wanted: the config itself', () => expect(withSettings(header, [])).toBe(header));

  test("the user's own patches come after them, in their order", () => {
    const own = ['kind: InitConfiguration\n', 'kind: JoinConfiguration\n'];
    const { kubeadmConfigPatches = [] } = withSettings(
      { ...header, kubeadmConfigPatches: own },
      throwawaySettings,
    ) as Patched;
    expect(kubeadmConfigPatches.slice(-2)).toEqual(own);
    expect(kubeadmConfigPatches).toHaveLength(3);
  });

  const json6902 = (path: string): object => ({
    group: 'kubelet.config.k8s.io',
    version: 'v1beta1',
    kind: 'KubeletConfiguration',
    patch: `[{"op": "add", "path": "${path}", "value": "1"}]`,
  });
  test.each<[string, object, readonly string[]]>([
    [
      'fewer files of logs',
      { kubeadmConfigPatches: ['kind: KubeletConfiguration\ncontainerLogMaxFiles: 2\n'] },
      ['log-size'],
    ],
    [
      'another size, in a patch of a node',
      { nodes: [{ kubeadmConfigPatches: ['kind: KubeletConfiguration\ncontainerLogMaxSize: 1Gi\n'] }] },
      ['log-size'],
    ],
    [
      'another size, in JSON',
      { kubeadmConfigPatches: ['{"kind": "KubeletConfiguration", "containerLogMaxSize": "1Gi"}'] },
      ['log-size'],
    ],
    [
      'as JSON patch of a node',
      {
        nodes: [{ role: 'worker' }, { kubeadmConfigPatchesJSON6902: [json6902('/containerLogMaxSize')] }],
      },
      ['log-size'],
    ],
    [
      'something else',
      {
        kubeadmConfigPatches: ['kind: ClusterConfiguration\napiServer: {extraArgs: {v: "4"}}\n'],
        featureGates: { A: true },
        nodes: [{ role: 'control-plane', labels: { logs: 'yes' } }],
      },
      [],
    ],
  ])('a patch of the user about the same part leaves a setting out: %s', (_what, config, left) => {
    const got = withSettings({ ...header, ...config }, throwawaySettings) as Patched;
    expect(namesIn(got)).toEqual(without(...left));
    // All that the config says is there as it was.
    const { kubeadmConfigPatches = [], ...rest } = got;
    const ours = throwawaySettings.flatMap(({ patches }) => patches.map((patch) => JSON.stringify(patch)));
    const theirs = kubeadmConfigPatches.filter((patch) => !ours.includes(patch));
    expect({ ...rest, ...(theirs.length === 0 ? {} : { kubeadmConfigPatches: theirs }) }).toEqual({
      ...header,
      ...config,
    });
  });

  test('they reach kind beside the image of the nodes and the authorities', () => {
    const setting: Setting = { name: 'a', patches: [{ kind: 'A' }], yieldsTo: /a/ };
    const { config } = kindInput(header, {
      nodeImage: 'node:1',
      authorities: '/s/ca',
      settings: [setting],
    });
    expect(parse(config)).toMatchObject({
      nodes: [{ role: 'control-plane', extraMounts: [{ hostPath: '/s/ca' }] }],
      kubeadmConfigPatches: ['{"kind":"A"}'],
    });
  });

  test('a cluster that `ket up` leaves has none of them', () => {
    const cluster = {
      configs: ['k'],
      kindConfig: header,
      nodes: ['control-plane' as const],
      disableDefaultCNI: false,
      hostPorts: [],
      throwaway: true,
      readyMs: 1,
    };
    expect(staying(aPlan({ cluster }))).toMatchObject({ suites: [], cluster: { throwaway: false } });
    expect(staying(aPlan({}))).not.toHaveProperty('cluster');
  });
});
