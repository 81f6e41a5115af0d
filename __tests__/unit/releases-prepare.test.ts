import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { ReleasePlan } from '../../src/model/plan.ts';
import { asksCluster } from '../../src/releases/asks-cluster.ts';
import { objectsOf, prepareRelease, type PreparedRelease } from '../../src/releases/prepare.ts';
import { aRelease, failedWith, fakeDeps, ok, said, type Answer } from './support/phases.ts';

let folder: string;
beforeEach(() => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), 'ket-prepare-'));
});
afterEach(() => fs.rmSync(folder, { recursive: true, force: true }));

/** A chart in the folder, with these templates. */
function chart(templates: Readonly<Record<string, string>>): string {
  const at = path.join(folder, 'shop');
  fs.mkdirSync(path.join(at, 'templates'), { recursive: true });
  fs.writeFileSync(path.join(at, 'Chart.yaml'), 'name: shop');
  for (const [name, text] of Object.entries(templates))
    fs.writeFileSync(path.join(at, 'templates', name), text);
  return at;
}

const prepare = (
  over: Partial<ReleasePlan>,
  answers: readonly (readonly [string, ReturnType<typeof failedWith> | Answer])[],
  kubernetes?: string,
): { readonly work: Promise<PreparedRelease>; readonly deps: ReturnType<typeof fakeDeps> } => {
  const deps = fakeDeps(answers);
  const work = prepareRelease(deps, {
    helm: 'helm',
    release: { ...aRelease, ...over },
    folder: path.join(folder, 'own'),
    ...(kubernetes === undefined ? {} : { kubernetes }),
    limitMs: 1000,
    signal: new AbortController().signal,
    awaiting: () => undefined,
  });
  return { work, deps };
};

describe('rendering', () => {
  test('a chart of this machine as an install would, with the version that the cluster will have', async () => {
    const { work, deps } = prepare(
      { set: { a: 'b' }, inline: { c: 1 } },
      [['template', said('kind: A\n---\n# nothing\n---\nkind: List\nitems: [{kind: B}, {kind: C}]\n')]],
      'v1.34.0',
    );
    expect(await work).toEqual({
      chart: '/repo/charts/shop',
      objects: [{ kind: 'A' }, { kind: 'B' }, { kind: 'C' }],
    });
    expect(deps.commands).toEqual([
      'helm template shop /repo/charts/shop --namespace shop --include-crds --values /repo/values.yaml --values - --set a=b --kube-version v1.34.0',
    ]);
    expect(fs.existsSync(path.join(folder, 'own'))).toBe(false);
  });

  test('asks no cluster, whatever the environment says', async () => {
    const { work } = prepare({}, [
      [
        'template',
        ({ env }) => {
          expect(env?.['KUBECONFIG']).toBe('/dev/null');
          return ok;
        },
      ],
    ]);
    expect(await work).toEqual({ chart: '/repo/charts/shop', objects: [] });
  });

  test.each([
    ['found in Chart.yaml, but missing in charts/ directory: postgresql', 'helm dependency build'],
    ['parse error at (shop/templates/a.yaml:3): unclosed action', 'helm template'],
    ['execution error at (shop/templates/a.yaml:1:4): a password is required', 'helm template'],
    ["values don't meet the specifications of the schema(s)", '/repo/values.yaml'],
  ])('what is wrong is told in its words: %s', async (text, cure) => {
    const at = chart({ 'a.yaml': '{{ required "a password is required" .Values.password }}' });
    const { work } = prepare({ chart: at }, [['template', failedWith(`Error: ${text}`)]]);
    await expect(work).rejects.toMatchObject({
      code: 'KET_RELEASE',
      message: 'release shop does not render',
      where: at,
      details: [`Error: ${text}`],
      next: expect.stringContaining(cure),
    });
  });

  test.each([
    ['{{ if not (lookup "v1" "Secret" "shop" "db") }}{{ fail "no db" }}{{ end }}', true],
    ['{{ if .Capabilities.APIVersions.Has "a/v1" }}{{ else }}{{ fail "no a" }}{{ end }}', true],
    ['{{ fail "never" }}', false],
  ])('a chart that asks the cluster has the last word there: %s', async (template, unsure) => {
    const at = chart({ 'a.yaml': template });
    const error = 'Error: execution error at (shop/templates/a.yaml:1:2): no';
    const { work } = prepare({ chart: at }, [['template', failedWith(error)]]);
    if (unsure) expect(await work).toEqual({ chart: at, unsure: error });
    else await expect(work).rejects.toThrow('does not render');
  });

  test.each([
    [undefined, true],
    ['v1.34.0', false],
  ])('a chart for another Kubernetes, where that of the cluster is %s', async (kubernetes, unsure) => {
    const error = 'Error: chart requires kubeVersion: <1.30.0 which is incompatible with Kubernetes v1.36.0';
    const { work } = prepare({}, [['template', failedWith(error)]], kubernetes);
    if (unsure) expect(await work).toMatchObject({ unsure: error });
    else await expect(work).rejects.toThrow('does not render');
  });

  test('over its limit', () =>
    expect(prepare({}, [['template', { ...failedWith(''), timedOut: true }]]).work).rejects.toThrow(
      'release shop does not render within 1 s',
    ));

  test('more than can be known is nothing, and so is what is no YAML', () => {
    expect(objectsOf(`a: ${'x'.repeat(11 * 1024 * 1024)}`)).toBeUndefined();
    expect(objectsOf('a: [')).toBeUndefined();
  });
});

describe('fetching', () => {
  const bring: Answer = ({ argv, env }) => {
    expect(env?.['HELM_REPOSITORY_CACHE'] ?? '').not.toContain('/nowhere');
    const at = path.join(argv[argv.indexOf('--untardir') + 1] ?? '', 'redis');
    fs.mkdirSync(at, { recursive: true });
    fs.writeFileSync(path.join(at, 'Chart.yaml'), 'name: redis');
    return ok;
  };
  test.each([
    [
      { chart: 'redis', repo: 'https://charts.test', version: '1.2.x' },
      '--repo https://charts.test --version 1.2.x',
    ],
    [{ chart: 'oci://registry.test/redis', version: '1.2.3' }, '--version 1.2.3'],
    [{ chart: 'oci://127.0.0.1:5000/redis' }, '--plain-http'],
    [{ chart: 'https://charts.test/redis-1.tgz' }, ''],
  ])('%j, and that is what is rendered and installed', async (over, options) => {
    const { work, deps } = prepare(over, [
      ['pull', bring],
      ['template', said('kind: A\n')],
    ]);
    const own = path.join(folder, 'own', 'chart');
    expect(await work).toEqual({ chart: path.join(own, 'redis'), objects: [{ kind: 'A' }] });
    expect(deps.commands[0]).toBe(
      `helm pull ${over.chart} --untar --untardir ${own} --destination ${own}${options === '' ? '' : ` ${options}`}`,
    );
    expect(deps.commands[1]).toContain(`helm template shop ${path.join(own, 'redis')} `);
  });

  test('a chart that is not there is told with the address', () =>
    expect(
      prepare({ chart: 'redis', repo: 'https://charts.test', version: '9' }, [
        ['pull', failedWith('Error: chart "redis" version "9" not found in https://charts.test repository')],
      ]).work,
    ).rejects.toMatchObject({
      message: 'release shop has a chart that could not be fetched',
      where: 'redis 9 from https://charts.test',
      details: ['Error: chart "redis" version "9" not found in https://charts.test repository'],
    }));
});

describe('plain manifests', () => {
  const text = 'kind: ConfigMap\ndata: { a: "{{ .Values.x }} {{- y -}}" }\n---\nkind: Secret\n';
  const plain = (over: Partial<ReleasePlan> = {}): Promise<PreparedRelease> => {
    const file = path.join(folder, 'web.yml');
    fs.writeFileSync(file, text);
    const { chart: _chart, ...release } = { ...aRelease, values: [], manifests: [file], ...over };
    return prepareRelease(fakeDeps([['template', failedWith('Error: YAML parse error on x')]]), {
      helm: 'helm',
      release,
      folder: path.join(folder, 'own'),
      limitMs: 1000,
      signal: new AbortController().signal,
      awaiting: () => undefined,
    });
  };
  test('are a chart of ket, in which they stand as they are', async () => {
    await expect(plain()).rejects.toMatchObject({
      details: ['Error: YAML parse error on x'],
      where: path.join(folder, 'web.yml'),
      next: expect.stringContaining('the manifests of the release'),
    });
    const read = (name: string): string => fs.readFileSync(path.join(folder, 'own', 'chart', name), 'utf8');
    expect(read('Chart.yaml')).toBe('apiVersion: v2\nname: shop\nversion: 0.0.0\n');
    expect(fs.readdirSync(path.join(folder, 'own', 'chart', 'templates'))).toEqual(['001-web.yaml']);
    // What a template makes of it is the text as it was.
    expect(read('templates/001-web.yaml').replaceAll('{{ "{{" }}', '{{')).toBe(text);
    expect(read('templates/001-web.yaml')).not.toContain('{{ .Values');
  });
  test('of a copy have no namespace of their own', async () => {
    const file = path.join(folder, 'own.yaml');
    fs.writeFileSync(file, 'kind: A\n---\nkind: B\nmetadata: {namespace: shop}\n');
    const copyOf = { release: 'shop', suite: 'own' };
    await expect(plain({ manifests: [file], copyOf })).rejects.toMatchObject({
      code: 'KET_RELEASE',
      where: file,
      next: expect.stringContaining('isolation: shared'),
    });
  });
});

test('an archive is looked into, and one with archives in it is taken to ask', () => {
  const write = (name: string, text: string): string => {
    const file = path.join(folder, name);
    fs.writeFileSync(file, gzipSync(text));
    return file;
  };
  expect(asksCluster(write('a.tgz', 'shop/templates/a.yaml\0 {{ lookup "v1" }}'))).toBe(true);
  expect(asksCluster(write('b.tgz', 'shop/templates/a.yaml\0 {{ fail "x" }}'))).toBe(false);
  expect(asksCluster(write('c.tgz', 'shop/charts/db-1.tgz\0\0'))).toBe(true);
  const at = chart({ 'a.yaml': 'x' });
  fs.mkdirSync(path.join(at, 'charts'));
  expect(asksCluster(at)).toBe(false);
  fs.copyFileSync(path.join(folder, 'a.tgz'), path.join(at, 'charts', 'a.tgz'));
  expect(asksCluster(at)).toBe(true);
});
