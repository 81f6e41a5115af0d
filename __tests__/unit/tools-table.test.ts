import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { sumsOf, tableText, withRelease } from '../../scripts/add-version.ts';
import { problemsOf } from '../../scripts/check-versions.ts';
import {
  compareVersions,
  kubernetesOf,
  listedSum,
  minorOf,
  platformOf,
  type VersionTable,
} from '../../src/tools/table.ts';
import { versions } from '../../src/tools/versions.ts';

const digits = (text: string): string => text.repeat(64).slice(0, 64);
const sources = ['one/a@0123456789ab:x', 'two/b@v1.2.3:y'];
const table: VersionTable = {
  defaults: { kind: 'v0.30.0', kubernetes: '1.34', helm: 'v4.2.0' },
  kind: [
    {
      version: 'v0.30.0',
      sources,
      sha256: { 'linux/amd64': digits('1') },
      images: [
        { kubernetes: 'v1.34.0', image: `kindest/node:v1.34.0@sha256:${digits('a')}`, sources },
        { kubernetes: 'v1.33.4', image: `kindest/node:v1.33.4@sha256:${digits('b')}`, sources },
      ],
    },
  ],
  kubectl: [],
  helm: [{ version: 'v4.2.0', sources, sha256: { 'linux/amd64': digits('2'), 'darwin/arm64': digits('3') } }],
};
/** The table with one release of Helm changed. */
const withHelm = (over: Partial<VersionTable['helm'][number]>): VersionTable => ({
  ...table,
  helm: [{ version: 'v4.2.0', sources, sha256: { 'linux/amd64': digits('2') }, ...over }],
});
const [standard] = table.kind;
if (standard === undefined) throw new Error('the table of the test has no kind');
const withKind = (over: Partial<typeof standard>): VersionTable => ({
  ...table,
  kind: [{ ...standard, ...over }],
});

describe('the form of the version table', () => {
  test('of the one that ket has', () => expect(problemsOf(versions)).toEqual([]));
  test('of the one of these tests', () => expect(problemsOf(table)).toEqual([]));
  test.each<[string, VersionTable, string]>([
    ['one source', withHelm({ sources: sources.slice(0, 1) }), 'not of two owners'],
    [
      'two of one owner',
      withHelm({ sources: ['one/a@0123456789ab:x', 'one/b@0123456789ab:y'] }),
      'two owners',
    ],
    ['a source without a commit', withHelm({ sources: [...sources, 'three/c:z'] }), 'repository@commit:path'],
    ['no sum', withHelm({ sha256: { 'linux/amd64': 'abc' } }), 'no SHA-256'],
    ['no platform', withHelm({ sha256: {} }), 'no platform'],
    ['a sum of another line', withHelm({ sha256: { 'linux/amd64': digits('1') } }), 'stands twice'],
    ['no full version', withHelm({ version: 'v4.2' }), 'no full version'],
    [
      'not newest first',
      { ...table, helm: [...table.helm, ...withHelm({ version: 'v4.3.0' }).helm] },
      'does not stand after',
    ],
    ['a release twice', { ...table, helm: [...table.helm, ...table.helm] }, 'does not stand after'],
    ['a default that is not there', withHelm({ version: 'v4.1.0' }), 'default Helm v4.2.0 is not listed'],
    ['no image', withKind({ images: [] }), 'no node image'],
    [
      'an image without a digest',
      withKind({ images: [{ kubernetes: 'v1.34.0', image: 'kindest/node:v1.34.0', sources }] }),
      'with a digest',
    ],
    [
      'an image of another version',
      withKind({
        images: [{ kubernetes: 'v1.34.1', image: `kindest/node:v1.34.0@sha256:${digits('a')}`, sources }],
      }),
      'not the image of v1.34.1',
    ],
    ['no image of the default', withKind({ images: standard.images.slice(1) }), 'default Kubernetes 1.34'],
  ])('%s', (_what, broken, problem) => expect(problemsOf(broken).join('\n')).toContain(problem));
});

describe('reading it', () => {
  test('the sum of a platform', () => {
    expect(listedSum('helm', 'v4.2.0', 'darwin/arm64', table)).toBe(digits('3'));
    expect(listedSum('helm', 'v4.2.0', 'linux/arm64', table)).toBeUndefined();
    expect(listedSum('helm', 'v4.3.1', 'linux/amd64', table)).toBeUndefined();
    expect(listedSum('helm', 'v4.2.0', undefined, table)).toBeUndefined();
  });
  test.each([
    ['linux', 'x64', 'linux/amd64'],
    ['darwin', 'arm64', 'darwin/arm64'],
    ['win32', 'x64', undefined],
    ['linux', 's390x', undefined],
  ] as const)('%s %s', (system, arch, platform) => expect(platformOf(system, arch)).toBe(platform));
  test.each([
    ['v1.34.0', 'v1.9.9', 1],
    ['v0.30.0', 'v0.30.0', 0],
    ['1.34', 'v1.34.0', 0],
    ['v1.35.0-rc.1', 'v1.35.0', 0],
    ['v0.9.0', 'v0.31.0', -1],
  ])('%s against %s', (a, b, sign) => expect(Math.sign(compareVersions(a, b))).toBe(sign));
  test('minor versions, and those of images', () => {
    expect(minorOf('v1.34.2')).toBe('1.34');
    expect(kubernetesOf('kindest/node:v1.34.0@sha256:abc')).toBe('v1.34.0');
    expect(kubernetesOf('mirror:5000/kindest/node:v1.34.0')).toBe('v1.34.0');
    expect(kubernetesOf('local/node:latest')).toBeUndefined();
  });
});

describe('adding a release', () => {
  const wanted = { tool: 'helm', version: 'v4.3.1' } as const;
  const list = (source: string, text: string) => ({ source, text });
  const lines = (more: string): string =>
    `${digits('7')}  helm-v4.3.1-linux-amd64.tar.gz\n${digits('8')}  helm-v4.3.0-linux-amd64.tar.gz\n${more}`;

  test('two lists that agree; only what both have is offered', () => {
    const json = `{"https://get.example/helm-v4.3.1-linux-amd64.tar.gz": "${digits('7')}"}`;
    const next = withRelease(table, wanted, [
      list('one/a@0123456789ab:x', lines(`${digits('9')}  helm-v4.3.1-darwin-arm64.tar.gz`)),
      list('two/b@0123456789ab:y', json),
    ]);
    expect(next.helm[0]).toEqual({
      version: 'v4.3.1',
      sources: ['one/a@0123456789ab:x', 'two/b@0123456789ab:y'],
      sha256: { 'linux/amd64': digits('7') },
    });
  });

  test.each([
    ['disagree', digits('6'), 'disagree on linux/amd64'],
    ['lack it', '', 'not of two owners'],
  ])('lists that %s are refused', (_what, sum, problem) => {
    const other = `${sum}  helm-v4.3.1-linux-amd64.tar.gz`;
    const lists = [list('one/a@0123456789ab:x', lines('')), list('two/b@0123456789ab:y', other)];
    expect(() => withRelease(table, wanted, lists)).toThrow(problem);
  });

  test('a list that disagrees with itself', () =>
    expect(() => sumsOf(lines(`${digits('6')}  helm-v4.3.1-linux-amd64.tar.gz`), wanted)).toThrow('itself'));

  test('a release that is there', () =>
    expect(() => withRelease(table, { tool: 'helm', version: 'v4.2.0' }, [])).toThrow('already'));

  test('kind, whose lists have no version in the names of files, and images', () => {
    const image = (version: string, digit: string): string =>
      `kindest/node:${version}@sha256:${digits(digit)}`;
    const text = (more: string): string =>
      `${digits('4')}  kind-linux-amd64\n${digits('5')}  kind-linux-arm64\n${image('v1.35.0', 'c')}\n${more}`;
    const next = withRelease(table, { tool: 'kind', version: 'v0.31.0' }, [
      list('one/a@0123456789ab:x', text(image('v1.33.7', 'd'))),
      list('two/b@0123456789ab:y', text('')),
    ]);
    expect(next.kind[0]).toMatchObject({
      sha256: { 'linux/amd64': digits('4'), 'linux/arm64': digits('5') },
      images: [{ kubernetes: 'v1.35.0', image: image('v1.35.0', 'c') }],
    });
    expect(next.kind[0]?.images).toHaveLength(1);
    const other = list('two/b@0123456789ab:y', `${text('')}${image('v1.35.0', 'e')}`);
    expect(() =>
      withRelease(table, { tool: 'kind', version: 'v0.31.0' }, [
        list('one/a@0123456789ab:x', text('')),
        other,
      ]),
    ).toThrow('disagree on Kubernetes v1.35.0');
  });

  test('kubectl, which all platforms call the same', () => {
    const text = ['linux/amd64', 'darwin/arm64']
      .map(
        (platform, i) =>
          `"https://dl.example/release/v1.34.4/bin/${platform}/kubectl": "${digits(String(i))}"`,
      )
      .join('\n');
    expect([...sumsOf(text, { tool: 'kubectl', version: 'v1.34.4' }).keys()]).toEqual([
      'linux/amd64',
      'darwin/arm64',
    ]);
  });

  test('the file that is written is the committed one when nothing changes', async () => {
    const file = readFileSync(path.join(import.meta.dirname, '../../src/tools/versions.ts'), 'utf8');
    await expect(tableText(file, versions)).resolves.toBe(file);
  });
});

test('docs/tools.md names what is offered', () => {
  const text = readFileSync(path.join(import.meta.dirname, '../../docs/tools.md'), 'utf8');
  const cell = (first: string): string =>
    (new RegExp(`^\\| ${first.replaceAll('.', '\\.')} +\\|([^|]*)\\|$`, 'm').exec(text)?.[1] ?? '').trim();
  for (const { version, images } of versions.kind)
    expect(cell(version)).toBe(images.map(({ kubernetes }) => kubernetes).join(', '));
  const listed = (tool: 'helm' | 'kubectl'): string =>
    versions[tool].map(({ version }) => version).join(', ');
  expect(cell('Helm')).toBe(listed('helm'));
  expect(cell('kubectl')).toBe(listed('kubectl'));
  const partly = [...versions.kind, ...versions.kubectl, ...versions.helm].filter(
    ({ sha256 }) => Object.keys(sha256).length < 4,
  );
  expect(partly.map(({ version }) => version)).toEqual(['v1.36.4']);
});
