import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import type { ExecResult } from '../../src/model/deps.ts';
import type { ReleasePlan } from '../../src/model/plan.ts';
import { inputsOf } from '../../src/releases/inputs.ts';
import { prepareRelease, type PreparedRelease } from '../../src/releases/prepare.ts';
import { findKustomize } from '../../src/tools/kustomize.ts';
import { aRelease, failedWith, fakeDeps, said, type Answer } from './support/phases.ts';

let folder: string;
beforeEach(() => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), 'ket-kustomize-'));
});
afterEach(() => fs.rmSync(folder, { recursive: true, force: true }));

const { chart: _chart, ...withoutChart } = aRelease;
const release: ReleasePlan = { ...withoutChart, values: [], kustomize: '/repo/k8s/test' };
const prepare = (
  built: ExecResult | Answer,
  over: Partial<ReleasePlan> = {},
): { readonly work: Promise<PreparedRelease>; readonly commands: readonly string[] } => {
  const deps = fakeDeps([
    ['kubectl', built],
    ['template', said('kind: A\n')],
  ]);
  const work = prepareRelease(deps, {
    helm: 'helm',
    release: { ...release, ...over },
    folder: path.join(folder, 'own'),
    kustomize: ['/bin/kubectl', 'kustomize'],
    limitMs: 300_000,
    signal: new AbortController().signal,
    awaiting: () => undefined,
  });
  return { work, commands: deps.commands };
};
const configMap = (more = ''): string =>
  `apiVersion: v1\nkind: ConfigMap\nmetadata: { name: note${more} }\ndata: { a: "{{ .Values.x }}" }\n`;

test('what it builds is a chart of ket, in which it stands as it is; no cluster is asked', async () => {
  const { work, commands } = prepare((request) => {
    expect(request.env).toMatchObject({ KUBECONFIG: '/dev/null', GIT_TERMINAL_PROMPT: '0' });
    expect(request.limitMs).toBe(120_000);
    return said(configMap());
  });
  const chart = path.join(folder, 'own', 'chart');
  expect(await work).toEqual({ chart, objects: [{ kind: 'A' }] });
  expect(commands).toEqual([
    '/bin/kubectl kustomize /repo/k8s/test',
    `helm template shop ${chart} --namespace shop --include-crds`,
  ]);
  const file = path.join(chart, 'templates', '001-kustomization.yaml');
  const text = fs.readFileSync(file, 'utf8');
  expect(text).not.toContain('{{ .Values');
  expect(text.replaceAll('{{ "{{" }}', '{{')).toBe(configMap());
  // It may have Secrets in it.
  expect(fs.statSync(file).mode & 0o777).toBe(0o600);
});

test.each<[string, ExecResult, Partial<ReleasePlan>, object]>([
  [
    'does not build',
    failedWith("# Warning: 'bases' is deprecated\nerror: accumulating resources: lstat gone.yaml\n"),
    {},
    {
      message: 'the kustomization of release shop does not build',
      details: ["# Warning: 'bases' is deprecated", 'error: accumulating resources: lstat gone.yaml'],
      next: 'try it alone: /bin/kubectl kustomize /repo/k8s/test',
    },
  ],
  [
    'takes too long',
    { ...failedWith('fetching'), timedOut: true },
    {},
    {
      message: 'the kustomization of release shop did not build within 2 min',
      next: expect.stringContaining('bases that are elsewhere are fetched'),
    },
  ],
  ['is empty', said('# nothing\n'), {}, { message: 'the kustomization of release shop builds nothing' }],
  [
    'is more than is kept',
    said('a'.repeat(10 * 1024 * 1024)),
    {},
    { message: expect.stringContaining('builds more than 10 MiB') },
  ],
  [
    'is for another namespace, or makes its own',
    said(
      `${configMap(', namespace: other')}---\napiVersion: v1\nkind: Namespace\nmetadata: { name: shop }\n`,
    ),
    {},
    {
      message: 'the kustomization of release shop builds what cannot be of this release',
      details: [
        'ConfigMap note is in namespace "other", and its release in shop; leave "namespace" out, or give the release this one',
        'ket makes namespace shop itself; leave this manifest out',
      ],
      next: expect.stringContaining('$patch: delete'),
    },
  ],
  [
    'names the namespace that a copy is not in',
    said(configMap(', namespace: shop')),
    { namespace: 'shop-own', copyOf: { release: 'shop', suite: 'own' } },
    {
      details: ['ConfigMap note names its namespace, shop'],
      next: expect.stringContaining('isolation: shared'),
    },
  ],
])('one that %s is told with its folder and a cure', async (_what, built, over, error) => {
  await expect(prepare(built, over).work).rejects.toMatchObject({
    code: 'KET_RELEASE',
    where: '/repo/k8s/test',
    ...error,
  });
});

test('a namespace that is that of the release is none too many', async () => {
  await expect(prepare(said(configMap(', namespace: shop'))).work).resolves.toMatchObject({
    objects: [{ kind: 'A' }],
  });
});

test('for ket up it is the same as long as it builds the same', async () => {
  const hash = async (text: string): Promise<string | undefined> => {
    const { chart } = await prepare(said(text)).work;
    return inputsOf({ release, helmVersion: 'v4.3.1', env: {}, built: chart, key: Buffer.from('k') });
  };
  const one = await hash(configMap());
  expect(one).toEqual(expect.any(String));
  expect(await hash(configMap())).toBe(one);
  expect(await hash(configMap(', labels: { a: b }'))).not.toBe(one);
});

test('kustomize goes before kubectl, and neither is an error with the cure', () => {
  const program = (name: string): string => {
    const file = path.join(folder, name);
    fs.writeFileSync(file, '', { mode: 0o755 });
    return file;
  };
  const env = { PATH: folder };
  const missing = { code: 'KET_TOOL', next: expect.stringContaining('kubectl') };
  expect(() => findKustomize(env)).toThrow(expect.objectContaining(missing));
  const kubectl = program('kubectl');
  expect(findKustomize(env)).toEqual([kubectl, 'kustomize']);
  const kustomize = program('kustomize');
  expect(findKustomize(env)).toEqual([kustomize, 'build']);
});
