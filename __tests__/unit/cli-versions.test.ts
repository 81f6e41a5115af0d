import { describe, expect, test } from '@jest/globals';
import { parse } from 'yaml';
import { withVersions } from '../../src/cli/versions.ts';
import { resolvePlan } from '../../src/config/plan.ts';
import { KetError } from '../../src/model/errors.ts';
import { versions } from '../../src/tools/versions.ts';
import { folderWith, goodFiles } from './config-cases.ts';

const own = (...images: readonly string[]): string =>
  `${goodFiles['kind.yaml'] ?? ''}nodes:\n${images.map((image, i) => `- {role: ${i === 0 ? 'control-plane' : 'worker'}${image}}\n`).join('')}`;
const files = {
  ...goodFiles,
  'own.yaml': own(', image: "mine/node:v1.33.1"'),
  'half.yaml': own(', image: "mine/node:v1.33.1"', ''),
};

/** The versions of a ket.yaml with this cluster, beside the images that kind's nodes have of their own. */
function settled(
  cluster: string,
  env: Readonly<Record<string, string>> = {},
): ReturnType<typeof withVersions> {
  const cwd = folderWith({
    ...files,
    'ket.yaml': `tiers: {t: {cluster: ${cluster}, suites: [{name: s, image: "i:1"}]}}`,
  });
  return withVersions(resolvePlan({ env, isTTY: false, ci: false, cwd }));
}
const chosen = (...given: Parameters<typeof settled>): [kind: string, image: string | undefined] => {
  const { plan } = settled(...given);
  return [plan.tools.kind, plan.cluster?.nodeImage];
};
const listed = (kind: string, kubernetes: string): [string, string | undefined] => [
  kind,
  versions.kind
    .find(({ version }) => version === kind)
    ?.images.find((image) => image.kubernetes === kubernetes)?.image,
];

describe('the same Kubernetes as elsewhere, by one option', () => {
  test.each([
    ['a minor version: the node image of the table, by its digest', '1.33', 'v0.30.0', 'v1.33.4'],
    ['one that only a newer kind has: that kind', '1.35', 'v0.32.0', 'v1.35.5'],
    ['a full version', '1.34.3', 'v0.31.0', 'v1.34.3'],
  ])('%s', (_, kubernetes, kind, version) => {
    const found = chosen(`{config: kind.yaml, kubernetes: ${kubernetes}}`);
    expect(found).toEqual(listed(kind, version));
    expect(found[1]).toMatch(/@sha256:[0-9a-f]{64}$/);
    expect(chosen('{config: kind.yaml}', { KET_KUBERNETES_VERSION: kubernetes })).toEqual(found);
  });

  test('with a kind that is asked for, its own image of that version', () => {
    const found = chosen('{config: kind.yaml, kubernetes: 1.34}', { KET_KIND_VERSION: 'v0.32.0' });
    expect(found).toEqual(listed('v0.32.0', 'v1.34.8'));
  });

  test('an image with a digest is taken as it is', () => {
    const image = `kindest/node:v1.40.0@sha256:${'a'.repeat(64)}`;
    expect(chosen(`{config: kind.yaml, nodeImage: "${image}"}`)).toEqual(['v0.30.0', image]);
  });

  test.each([
    ['the image of that minor version', '{config: kind.yaml, kubernetes: 1.29}', 'mine/node:v1.29.15'],
    ['of that full version', '{config: kind.yaml, kubernetes: 1.29.15}', 'mine/node:v1.29.15'],
    ['without a version: that of the default', '{config: kind.yaml}', 'kindest/node:v1.34.4'],
    ['an image that is named goes before it', '{config: kind.yaml, nodeImage: "a/b:v1.29.1"}', 'a/b:v1.29.1'],
  ])('KET_NODE_IMAGES goes before the table, %s', (_, cluster, image) =>
    expect(chosen(cluster, { KET_NODE_IMAGES: 'mine/node:v1.29.15, kindest/node:v1.34.4' })).toEqual([
      'v0.30.0',
      image,
    ]),
  );

  test('KET_NODE_IMAGES without the asked version: that of the table', () => {
    const env = { KET_NODE_IMAGES: 'mine/node:v1.29.15' };
    expect(chosen('{config: kind.yaml, kubernetes: 1.33}', env)).toEqual(listed('v0.30.0', 'v1.33.4'));
    expect(chosen('{config: kind.yaml, kubernetes: 1.29.14}', env)).toEqual(listed('v0.27.0', 'v1.29.14'));
    expect(chosen('{config: kind.yaml}', { ...env, KET_KIND_VERSION: 'v0.31.0' })[0]).toBe('v0.31.0');
  });

  test.each([
    ['no image', 'mine/Node:v1.29.15', 'KET_NODE_IMAGES: "mine/Node:v1.29.15" is not an image reference'],
    [
      'an image without a version',
      'mine/node:old',
      'KET_NODE_IMAGES: "mine/node:old" names no version of Kubernetes',
    ],
  ])('KET_NODE_IMAGES with %s is refused', (_, KET_NODE_IMAGES, message) =>
    expect(() => chosen('{config: kind.yaml}', { KET_NODE_IMAGES })).toThrow(message),
  );

  test('images of the Kind config stay, and the other nodes get that of the option', () => {
    expect(chosen('{config: own.yaml}')[1]).toBeUndefined();
    expect(chosen('{config: half.yaml, kubernetes: 1.33}')).toEqual(listed('v0.30.0', 'v1.33.4'));
  });

  test.each([
    [
      'a version that no kind has: those of the table',
      '{config: kind.yaml, kubernetes: 1.99}',
      {},
      "Kubernetes v1.99 is not in ket's version table",
      versions.kind.flatMap(({ images }) => images.map(({ kubernetes }) => kubernetes)),
    ],
    [
      'one that the asked kind has not: those of that kind, and which has it',
      '{config: kind.yaml, kubernetes: 1.36}',
      { KET_KIND_VERSION: 'v0.31.0' },
      'kind v0.31.0 has no listed node image of Kubernetes v1.36; kind v0.32.0 has it',
      ['v1.35.0', 'v1.34.3', 'v1.33.7', 'v1.32.11', 'v1.31.14'],
    ],
    [
      'one that contradicts the images of the Kind config',
      '{config: own.yaml, kubernetes: 1.34}',
      {},
      'Kubernetes v1.34 is asked for, and the node image is of v1.33.1',
      [],
    ],
  ])('%s', (_, cluster, env, message, all) => {
    let thrown: unknown;
    try {
      settled(cluster, env);
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toBeInstanceOf(KetError);
    const { code, message: said, details } = thrown as KetError;
    expect(code).toBe('KET_CONFIG');
    expect(said.replace(/ \(did you mean .*/, '')).toBe(message);
    for (const version of all) expect(details.join()).toContain(version);
  });
});

test('what kind gets names the images of its own nodes only', () => {
  const { plan } = settled('{config: half.yaml, kubernetes: 1.33}');
  expect(plan.cluster?.kindConfig).toEqual(parse(files['half.yaml']));
});
