import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { caseLine } from '../../src/results/junit-retry.ts';
import { execute, root, runShards, type Project, type Shard } from './shards.ts';

/** examples/recipes as it is, with the runners that it is for. */

interface Runner {
  readonly name: string;
  /** Commands without which it cannot be tried. */
  readonly commands: readonly string[];
  /** A file with a test that takes so many seconds, or fails. */
  readonly file: (index: number, seconds: number | 'fails') => readonly [string, string];
  readonly files?: Readonly<Record<string, string>>;
  readonly prepare?: readonly (readonly string[])[];
  readonly env?: (folder: string) => Readonly<Record<string, string>>;
  readonly retry: {
    /** Tests with odd names, and some with names much like them. */
    readonly files: Readonly<Record<string, string>>;
    /** Lines of some of them. */
    readonly lines: readonly string[];
    /** Lines of those that run with them; none where it can tell every test from the others. */
    readonly more?: readonly string[];
    /** Lines that stand for no test that could run alone, and what runs then. */
    readonly inexact?: Readonly<Record<string, RegExp>>;
    /** Of a test, and a file, that are not there. */
    readonly gone: readonly string[];
  };
}

const node = (index: number, body: string): string =>
  `test('case ${String(index)}', async () => { ${body} });`;
const nodeBody = (seconds: number | 'fails'): string =>
  seconds === 'fails'
    ? `throw new Error('meant to fail');`
    : `await new Promise((done) => setTimeout(done, ${String(seconds * 1000)}));`;

/** What cannot be told from a test of another name where a name is taken for a regular expression, or for its part. */
const oddNode = (fn: string): string => String.raw`
${fn}('root v1.0 $& $\' $$', () => {});
${fn}('root v1x0 $& $\' $$', () => {});
${fn}('two\nlines', () => {});
${fn}('${'x'.repeat(1100)}', () => {});
describe('A v1.0', () => {
  for (const name of ['t', 't t', 't (x|y)* [z] ^\\d$ "q" \'r\'', 'ty ^d']) ${fn}(name, () => {});
  describe('B #1/2', () => {
    ${fn}('ünï ✓ 😀 <&> a\\b', () => {});
    ${fn}('ünï ✓ 😀', () => {});
  });
});
`;

const pom = `<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>recipe</groupId><artifactId>recipe</artifactId><version>1</version>
  <properties>
    <maven.compiler.release>17</maven.compiler.release>
    <project.build.sourceEncoding>UTF-8</project.build.sourceEncoding>
  </properties>
  <dependencies>
    <dependency><groupId>org.junit.jupiter</groupId><artifactId>junit-jupiter</artifactId><version>5.11.4</version><scope>test</scope></dependency>
  </dependencies>
  <build><pluginManagement><plugins>
    <plugin><artifactId>maven-surefire-plugin</artifactId><version>3.5.2</version></plugin>
    <plugin><artifactId>maven-compiler-plugin</artifactId><version>3.13.0</version></plugin>
    <plugin><artifactId>maven-resources-plugin</artifactId><version>3.3.1</version></plugin>
  </plugins></pluginManagement></build>
</project>
`;

const runners: readonly Runner[] = [
  {
    name: 'pytest',
    commands: ['python3'],
    file: (index, seconds) => [
      `tests/test_${String(index)}.py`,
      seconds === 'fails'
        ? 'def test_it():\n    assert 1 == 2\n'
        : `import time\n\n\ndef test_it():\n    time.sleep(${String(seconds)})\n`,
    ],
    prepare: [
      ['python3', '-m', 'venv', 'venv'],
      [
        'venv/bin/pip',
        'install',
        '--quiet',
        '--disable-pip-version-check',
        'pytest==9.2.0',
        'pytest-timeout==2.4.0',
      ],
    ],
    env: (folder) => ({ PATH: `${folder}/venv/bin:${process.env['PATH'] ?? ''}` }),
    retry: {
      files: {
        'tests/test_odd.py':
          'import pytest\n\n\n@pytest.mark.parametrize("text", ["a b", "a", "x.y", "(x|y)* \'q\' #/ü"])\ndef test_odd(text):\n    pass\n',
      },
      lines: ['tests.test_odd.test_odd[a b]', 'tests.test_odd.test_odd[x.y]', 'tests.test_0.test_it'],
      gone: ['tests.test_0.test_gone', 'tests.test_gone.test_it'],
    },
  },
  {
    name: 'jest',
    commands: ['npm'],
    file: (index, seconds) => [`src/case ${String(index)}.test.js`, node(index, nodeBody(seconds))],
    prepare: [['npm', 'install', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error']],
    retry: {
      files: {
        'src/odd v1.0 (x).test.js': oddNode('test'),
        'src/odd.test.js': oddNode('test'),
      },
      lines: [
        ...[
          "root v1.0 $& $' $$",
          'two\ufffdlines',
          'A v1.0 t',
          'A v1.0 t (x|y)* [z] ^\\d$ "q" \'r\'',
          'A v1.0 B #1/2 ünï ✓ 😀 <&> a\\b',
        ].map((name) => `src/odd v1.0 (x).test.js.${name}`),
        'src/case 0.test.js.case 0',
        'src/case 1.test.js.case 1',
      ],
      inexact: {
        "src/case 0.test.js.Test execution failure: could be caused by test hooks like 'afterAll'.":
          /^src\/case 0\.test\.js\.case 0$/,
        [`src/odd.test.js.${'x'.repeat(1000)} …`]: /^src\/odd\.test\.js\./,
      },
      gone: ['src/case 0.test.js.gone', 'src/gone.test.js.case 0'],
    },
  },
  {
    name: 'mocha',
    commands: ['npm'],
    file: (index, seconds) => [
      `test/case ${String(index)}.test.js`,
      node(index, nodeBody(seconds)).replace('test(', 'it('),
    ],
    prepare: [['npm', 'install', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error']],
    retry: {
      files: { 'test/odd v1.0 (x).test.js': oddNode('it').replace('two\\nlines', 'two lines') },
      lines: [
        "root v1.0 $& $' $$",
        'two lines',
        'A v1.0.t',
        'A v1.0.t (x|y)* [z] ^\\d$ "q" \'r\'',
        'A v1.0 B #1/2.ünï ✓ 😀 <&> a\\b',
        'case 0',
      ],
      inexact: {
        'A v1.0 B #1/2."after all" hook: bye for "ünï"': /^A v1\.0 B/,
        '"before all" hook in "{root}"': /^/,
        [`${'x'.repeat(1000)} …`]: /^x/,
      },
      gone: ['gone', 'A v1.0.gone'],
    },
  },
  {
    name: 'go',
    commands: ['go'],
    file: (index, seconds) => [
      `pkg${String(index % 3)}/case_${String(index)}_test.go`,
      `package pkg\n\nimport (\n\t"testing"\n\t"time"\n)\n\nfunc TestCase${String(index)}(t *testing.T) {\n${
        seconds === 'fails'
          ? '\tt.Fatal(time.Now())'
          : `\ttime.Sleep(${String(seconds * 1000)} * time.Millisecond)`
      }\n}\n`,
    ],
    files: {
      'go.mod': 'module example.com/recipe\n\ngo 1.22\n',
      'main.go': 'package main\n\nfunc main() {}\n',
    },
    prepare: [['go', 'install', 'gotest.tools/gotestsum@v1.13.0']],
    env: (folder) => ({ GOBIN: `${folder}/bin`, PATH: `${folder}/bin:${process.env['PATH'] ?? ''}` }),
    retry: {
      files: {
        'odd.v2/odd_test.go': `package odd

import "testing"

func TestOdd(t *testing.T) {
	for _, name := range []string{"a b", "x.y/z (|", "ünï"} {
		t.Run(name, func(*testing.T) {})
	}
}

func TestOddToo(*testing.T) {}

func TestÄ(*testing.T) {}
`,
      },
      lines: [
        'example.com/recipe/odd.v2.TestOdd/x.y/z_(|',
        'example.com/recipe/odd.v2.TestÄ',
        'example.com/recipe/pkg0.TestCase0',
        'example.com/recipe/pkg1.TestCase1',
      ],
      more: ['', '/a_b', '/ünï'].map((name) => `example.com/recipe/odd.v2.TestOdd${name}`),
      inexact: { TestMain: /^/ },
      gone: ['example.com/recipe/pkg0.TestGone', 'example.com/recipe/gone.TestCase0'],
    },
  },
  {
    name: 'maven',
    commands: ['mvn', 'javac'],
    file: (index, seconds) => [
      `src/test/java/recipe/Case${String(index)}Test.java`,
      `package recipe;\n\nimport org.junit.jupiter.api.Test;\n\nclass Case${String(index)}Test {\n  @Test void it() throws Exception {\n    ${
        seconds === 'fails'
          ? 'throw new Exception("meant to fail");'
          : `Thread.sleep(${String(seconds * 1000)});`
      }\n  }\n}\n`,
    ],
    files: { 'pom.xml': pom },
    env: (folder) => ({ MAVEN_ARGS: `-Dmaven.repo.local=${folder}/repo` }),
    retry: {
      files: {
        'src/test/java/recipe/OddTest.java': `package recipe;

import org.junit.jupiter.api.*;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class OddTest {
  @Test void it() {}
  @Test void items() {}
  @Test void tést() {}
  @Test void a$1() {}
  @ParameterizedTest @ValueSource(strings = {"a b", "x,y#z"}) void odd(String text) {}
  @Nested class Inner {
    @Test void it() {}
    @Test void items() {}
  }
}
`,
      },
      lines: [
        'recipe.OddTest.it',
        'recipe.OddTest.tést',
        'recipe.OddTest.a$1',
        'recipe.OddTest.odd(String)[2]',
        'recipe.OddTest$Inner.items',
        'recipe.Case0Test.it',
        'recipe.Case1Test.it',
      ],
      more: ['recipe.OddTest.odd(String)[1]'],
      inexact: { 'recipe.OddTest.': /^recipe\.OddTest/ },
      gone: ['recipe.OddTest.gone', 'recipe.GoneTest.it'],
    },
  },
];

const seconds = [0.9, 0.05, 0.3, 0.1, 0.6, 0.2, 0.45, 0.05, 0.15];
const shards = 3;

const lacking = (runner: Runner): string[] =>
  runner.commands.filter((command) => spawnSync('which', [command]).status !== 0);

for (const runner of runners) {
  const lacks = lacking(runner);
  const title = lacks.length === 0 ? runner.name : `${runner.name} (not here: ${lacks.join(', ')})`;
  (lacks.length === 0 ? describe : describe.skip)(title, () => {
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), `ket-recipe-${runner.name}-`));
    const project: Project = { folder, ...(runner.env === undefined ? {} : { env: runner.env(folder) }) };
    const write = ([name, text]: readonly [string, string]): void => {
      fs.mkdirSync(path.dirname(path.join(folder, name)), { recursive: true });
      fs.writeFileSync(path.join(folder, name), text);
    };
    const files = seconds.map((s, index) => runner.file(index, s));
    const codes = (all: readonly Shard[]): unknown => all.map(({ code }) => code);

    beforeAll(async () => {
      fs.cpSync(path.join(root, 'examples', 'recipes', runner.name), folder, { recursive: true });
      for (const file of [...files, ...Object.entries(runner.files ?? {})]) write(file);
      for (const argv of runner.prepare ?? [])
        expect(await execute(argv, project)).toMatchObject({ code: 0 });
    }, 300_000);
    afterAll(() => fs.rmSync(folder, { recursive: true, force: true }));

    test('each test in exactly one shard; after one run they end together', async () => {
      const first = await runShards(project, shards, 1);
      expect({ codes: codes(first), said: first.map(({ said }) => said) }).toMatchObject({
        codes: [0, 0, 0],
      });
      const names = first.flatMap((shard) => shard.names);
      expect(names).toHaveLength(seconds.length);
      expect(new Set(names).size).toBe(seconds.length);
      for (const { said } of first) expect(said).toContain(`how long ${String(seconds.length)} of them take`);

      const second = await runShards(project, shards, 2);
      expect(codes(second)).toEqual([0, 0, 0]);
      expect(second.flatMap((shard) => shard.names).sort()).toEqual([...names].sort());
      for (const { said } of second) expect(said).toContain('how long 0 of them take');
      const mean = second.reduce((sum, shard) => sum + shard.seconds, 0) / shards;
      expect(Math.max(...second.map((shard) => shard.seconds)) / mean).toBeLessThan(1.2);
    }, 300_000);

    test('a failed test fails its shard, and no other', async () => {
      const [name, text] = runner.file(0, 'fails');
      write([name, text]);
      try {
        const all = await runShards(project, shards, 3);
        const failed = all.map(
          ({ cases }) => cases.filter(({ status }) => /^(failed|error)$/.test(status)).length,
        );
        expect(failed.toSorted()).toEqual([0, 0, 1]);
        for (const [index, { code }] of all.entries()) expect(code === 0).toBe(failed[index] === 0);
      } finally {
        write(runner.file(0, seconds[0] ?? 0));
      }
    }, 300_000);

    test('a shard for which no test is left ends well, with a skipped case that says so', async () => {
      for (const [name] of files.slice(2)) fs.rmSync(path.join(folder, name));
      try {
        const all = await runShards(project, shards, 4);
        expect({ codes: codes(all), said: all.map(({ said }) => said) }).toMatchObject({ codes: [0, 0, 0] });
        const statuses = all.map(({ cases }) => cases.map(({ status }) => status).join());
        expect(statuses.toSorted()).toEqual(['passed', 'passed', 'skipped']);
        expect(all.flatMap((shard) => shard.names)).toContain('ket.shard 2');
      } finally {
        for (const file of files) write(file);
      }
    }, 300_000);

    const { retry } = runner;
    const again = (run: number, count: number, lines: readonly string[]): Promise<Shard[]> => {
      const list = path.join(folder, 'retry.txt');
      fs.writeFileSync(list, lines.map((line) => `${line}\n`).join(''));
      return runShards(project, count, run, { KET_RETRY_CASES: list });
    };
    const ran = (all: readonly Shard[]): string[] =>
      all.flatMap(({ cases }) => cases.filter(({ status }) => status !== 'skipped').map(caseLine)).sort();

    test('with a list of cases to be retried only these run, shared like all', async () => {
      for (const file of Object.entries(retry.files)) write(file);
      const all = ran(await runShards(project, 1, 6));
      expect(all).toEqual(expect.arrayContaining([...retry.lines]));

      const shared = await again(7, shards, retry.lines);
      expect({ codes: codes(shared), said: shared.map(({ said }) => said) }).toMatchObject({
        codes: [0, 0, 0],
      });
      expect(ran(shared)).toEqual([...retry.lines, ...(retry.more ?? [])].sort());
      for (const shard of shared) expect(ran([shard])).not.toEqual([]);

      const two = retry.lines.slice(-2);
      const few = await again(8, shards, two);
      expect(codes(few)).toEqual([0, 0, 0]);
      expect(ran(few)).toEqual(two.toSorted());
      expect(few.flatMap(({ names }) => names)).toContain('ket.shard 2');
    }, 600_000);

    test('a case to be retried that is not there is an error when no other is; what is no test is all around it', async () => {
      for (const file of Object.entries(retry.files)) write(file);
      const all = ran(await runShards(project, 1, 9));
      for (const [index, line] of retry.gone.entries()) {
        const [none] = await again(10 + index, 1, [line]);
        expect(none?.code).not.toBe(0);
        expect(none?.said).toMatch(/none of (the|them)/);
        expect(ran(none === undefined ? [] : [none])).toEqual([]);
      }
      const [line = ''] = retry.lines;
      const some = await again(12, 1, [...retry.gone, line]);
      expect(codes(some)).toEqual([0]);
      expect(ran(some)).toContain(line);
      expect(ran(some)).not.toHaveLength(all.length);
      for (const [index, [inexact, runs]] of Object.entries(retry.inexact ?? {}).entries()) {
        const found = await again(13 + index, 1, [inexact]);
        expect(codes(found)).toEqual([0]);
        expect(ran(found)).toEqual(all.filter((one) => runs.test(one)));
      }
    }, 600_000);

    test('no test at all is an error in every shard', async () => {
      for (const name of [...files.map(([file]) => file), ...Object.keys(retry.files)])
        fs.rmSync(path.join(folder, name), { force: true });
      // Classes that are left of sources that are gone.
      fs.rmSync(path.join(folder, 'target'), { recursive: true, force: true });
      try {
        for (const { code, said, cases } of await runShards(project, shards, 5)) {
          expect(code).not.toBe(0);
          expect(said).toMatch(/there is no name on stdin/);
          expect(cases).toEqual([]);
        }
      } finally {
        for (const file of files) write(file);
      }
    }, 300_000);
  });
}
