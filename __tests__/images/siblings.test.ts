import fs from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import {
  baseFor,
  build,
  docker,
  folderWith,
  isThere,
  printed,
  removeFolders,
  removeImages,
  root,
  run,
  shardOptions,
  shownDockerfile,
  sizeOf,
  type Ran,
} from './docker.ts';

/** images/test-runner-node and -go, on their published bases or on stand-ins of the same programs. */

interface Sibling {
  readonly name: string;
  readonly base: string;
  /** Where the stand-in's programs are on this machine; one that is not there leaves nothing to try. */
  readonly programs: Readonly<Record<string, string>>;
  readonly entryPoint: readonly string[];
  readonly project: Readonly<Record<string, string>>;
  /** The command of a suite with shards. */
  readonly inShards: readonly string[];
  readonly versions: readonly [command: readonly string[], said: RegExp][];
}

/** A package that needs no other, as this repository has it locked. */
const needed = 'fastest-levenshtein';
const { packages } = JSON.parse(fs.readFileSync(path.join(root, 'package-lock.json'), 'utf8')) as {
  readonly packages: Readonly<Record<string, { readonly version: string }>>;
};
const locked = { [needed]: packages[`node_modules/${needed}`] };
const dependencies = { [needed]: locked[needed]?.version };

const goTest = (name: string, body: string): string =>
  `package shop\n\nimport (\n\t"os"\n\t"testing"\n)\n\nfunc Test${name}(t *testing.T) {\n\t_ = os.Args\n${body}}\n`;

const siblings: readonly Sibling[] = [
  {
    name: 'node',
    base: 'node:24-slim',
    programs: {
      node: path.dirname(fs.realpathSync(process.execPath)),
      npm: path.join(printed('npm', 'root', '--global'), 'npm'),
    },
    entryPoint: ['jest', '--reporters=default', '--reporters=jest-junit'],
    project: {
      'package.json': `${JSON.stringify({ name: 'shop', dependencies })}\n`,
      'package-lock.json': `${JSON.stringify({
        name: 'shop',
        lockfileVersion: 3,
        packages: { '': { name: 'shop', dependencies }, [`node_modules/${needed}`]: locked[needed] },
      })}\n`,
      'tests/good.test.js': `const { test: again } = require('@jest/globals');
const { mkdtempSync } = require('node:fs');
require('${needed}');
again('passes', () => void mkdtempSync(require('node:os').tmpdir() + '/a'));\n`,
      'tests/bad.test.js': `test('fails', () => expect(1).toBe(2));\n`,
    },
    inShards: [
      ...['jest', '--reporters=default', '--reporters=jest-junit'],
      ...['--filter=/opt/runner/ket-filter.cjs', '--passWithNoTests'],
    ],
    versions: [
      [['jest', '--version'], /^30\.5\.2$/m],
      [['node', '--version'], /^v24\./],
    ],
  },
  {
    name: 'go',
    base: 'golang:1.26',
    programs: { go: printed('go', 'env', 'GOROOT') },
    entryPoint: ['gotestsum'],
    project: {
      'go.mod': 'module example.com/shop\n\ngo 1.24\n',
      'go.sum': '',
      'good_test.go': goTest(
        'Good',
        '\tif _, err := os.MkdirTemp("", "a"); err != nil {\n\t\tt.Fatal(err)\n\t}\n',
      ),
      'bad_test.go': goTest('Bad', '\tt.Fatal("meant to fail")\n'),
    },
    inShards: ['sh', '/opt/runner/ket.sh'],
    versions: [
      [['gotestsum', '--version'], /^gotestsum version v1\.13\.0$/m],
      [['go', 'version'], /go1\./],
    ],
  },
];

afterAll(async () => {
  removeFolders();
  await removeImages();
}, 120_000);

/** What is missing to try it: nothing where Docker has the published base. */
const lacking = ({ base, programs }: Sibling): string[] =>
  isThere(base) ? [] : Object.keys(programs).filter((name) => !fs.existsSync(programs[name] || 'none'));

for (const sibling of siblings) {
  const lacks = lacking(sibling);
  const title = `test-runner-${sibling.name}`;
  (lacks.length === 0 ? describe : describe.skip)(
    `${title}${lacks.map((l) => ` (not here: ${l})`).join('')}`,
    () => {
      let image = '';
      let suite = '';

      beforeAll(async () => {
        const standIns = path.join('__tests__', 'images', 'stand-ins');
        const base = await baseFor(sibling.base, () =>
          build(`base-${sibling.name}`, {
            context: standIns,
            file: path.join(standIns, `${sibling.name}.Dockerfile`),
            contexts: sibling.programs,
          }),
        );
        image = await build(title, { file: `images/${title}/Dockerfile`, args: { BASE: base } });
        const dockerfile = shownDockerfile(title, { [title]: image, [sibling.base]: base });
        const folder = folderWith({ ...sibling.project, Dockerfile: dockerfile });
        suite = await build(`suite-${sibling.name}`, {
          context: folder,
          file: path.join(folder, 'Dockerfile'),
        });
        const [mine, other] = [await sizeOf(image), await sizeOf(base)];
        process.stderr.write(`${title}: ${((mine - other) / 1e6).toFixed(1)} MB above its base\n`);
      }, 20 * 60_000);

      const options = ['--memory', '2g'];
      const ends = ({ cases }: Ran): string[] => cases.map(({ status }) => status).sort();

      test('it says what it runs, and its user is not root', async () => {
        const { said } = await docker(['image', 'inspect', '--format', '{{json .Config}}', image]);
        expect(JSON.parse(said)).toMatchObject({ User: '10001:10001', Entrypoint: sibling.entryPoint });
        for (const [[program = '', ...args], expected] of sibling.versions) {
          const ended = await run({ image, options: ['--entrypoint', program], args });
          expect(ended).toMatchObject({ code: 0, said: expect.stringMatching(expected) });
        }
      }, 60_000);

      test.each([undefined, 4711])(
        'as user %p and restricted: the truth, and JUnit in /results',
        async (user) => {
          const ran = await run({ image: suite, options, ...(user === undefined ? {} : { user }) });
          expect({ ...ran, ends: ends(ran) }).toMatchObject({ code: 1, ends: ['failed', 'passed'] });
          expect(ran.results).toEqual({ 'junit.xml': user ?? 10001 });
        },
        300_000,
      );

      test('each shard has its own part', async () => {
        const all: Ran[] = [];
        const [entryPoint = '', ...args] = sibling.inShards;
        for (const shard of [0, 1])
          all.push(
            await run({
              image: suite,
              options: [...options, ...shardOptions(shard, 2), '--entrypoint', entryPoint],
              args,
            }),
          );
        expect(all.map(({ code, said, cases }) => [code, said, cases.length])).toEqual(
          expect.arrayContaining([
            [0, expect.anything(), 1],
            [1, expect.anything(), 1],
          ]),
        );
        expect(all.flatMap(ends).sort()).toEqual(['failed', 'passed']);
      }, 300_000);
    },
  );
}
