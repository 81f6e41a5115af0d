import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { stringify } from 'yaml';
import { checkConfig, loadConfig, validateSource } from '../../src/config/load.ts';
import { nearest, renderProblems } from '../../src/config/problems.ts';
import { parseSource } from '../../src/config/source.ts';
import { KetError } from '../../src/model/errors.ts';
import { folderWith, goodFiles, placed, said, unmarked } from './config-cases.ts';

const problemsOf = (text: string): ReturnType<typeof validateSource>['problems'] =>
  validateSource(parseSource(text, 'ket.yaml')).problems;

const good = 'tiers: {unit: {suites: [{name: u, command: c}]}}';

describe('bad YAML', () => {
  test.each([
    ['tiers:\n«\tunit: {}', 'bad YAML: Tabs are not allowed as indentation'],
    [`version: 1\n«version: 1\n${good}`, 'bad YAML: the key "version" is there twice'],
    [`${good}\n«---\n${good}`, 'bad YAML: a second document begins here; only one is read'],
    [
      'tiers: {unit: [«',
      'bad YAML: Flow sequence in block collection must be sufficiently indented and end with a ]',
    ],
    [`? «[a]\n: b\n${good}`, 'bad YAML: a key is a plain text here'],
    [`«__proto__: 1\n${good}`, 'bad YAML: a key is a plain text here'],
    ['tiers: «*nowhere', 'bad YAML: there is no anchor "&nowhere" before this'],
    ['tiers: "open«', 'bad YAML: Missing closing "quote'],
    ['«', 'the file is empty; `ket init` writes one to start from'],
    ['«# only a comment', 'the file is empty; `ket init` writes one to start from'],
  ])('%j', (marked, problem) => {
    const { text, places } = unmarked(marked);
    const found = problemsOf(text);
    expect(found.map(said)).toContain(problem);
    expect(found.filter((one) => said(one) === problem).map(placed)).toEqual(places);
  });

  test('a duplicate key hides none of the other problems', () => {
    expect(problemsOf(`version: 2\nversion: 2\n${good}`).map(said)).toEqual([
      'bad YAML: the key "version" is there twice',
      '"version" must be 1, not the number 2',
    ]);
  });

  test('what is not text, too large, or a folder', () => {
    const folder = folderWith({ ...goodFiles, 'large.yaml': '#'.repeat(2 ** 20 + 1) });
    writeFileSync(path.join(folder, 'latin.yaml'), Buffer.from([0x61, 0x3a, 0x20, 0xe9]));
    mkdirSync(path.join(folder, 'ket.yaml'));
    const first = (file: string): string | undefined => renderProblems(checkConfig(file, folder).problems)[0];
    expect(first('large.yaml')).toBe('large.yaml:1:1: has 1048577 bytes; at most 1048576 are read');
    expect(first('latin.yaml')).toBe('latin.yaml:1:1: is not UTF-8 text');
    expect(first('ket.yaml')).toMatch(/^ket\.yaml:1:1: cannot be read: .*EISDIR/);
    expect(first('none.yaml')).toMatch(/^none\.yaml:1:1: cannot be read: .*ENOENT/);
  });

  test('aliases that grow without end, and nesting without end, are problems and not crashes', () => {
    const bomb = Array.from({ length: 12 }, (_, i) =>
      i === 0 ? 'x0: &x0 [a, a, a]' : `x${i}: &x${i} [*x${i - 1}, *x${i - 1}, *x${i - 1}, *x${i - 1}]`,
    ).join('\n');
    expect(problemsOf(bomb).map(said).join()).toMatch(/alias/);
    expect(problemsOf('['.repeat(50_000)).length).toBeGreaterThan(0);
  });

  test('Windows line ends and a byte order mark change no place', () => {
    expect(problemsOf('\uFEFFversion: 1\r\nfoo: 1\r\n' + good).map(placed)).toEqual(['2:1']);
  });
});

describe('places through aliases and merges', () => {
  test('a slip in an anchor is placed where it is written', () => {
    const text = 'tiers:\n  u:\n    suites:\n      - &a {name: u, command: c, timeout: 5}\n      - *a\n';
    expect([...new Set(problemsOf(text).map(placed))]).toEqual(['4:43']);
  });

  test('one that came by a merge is placed at what merges it', () => {
    const text =
      'tiers:\n  u:\n    suites:\n      - &a {name: u, command: c, zzz: 5}\n      - {<<: *a, name: v}\n';
    expect(problemsOf(text).map(placed)).toEqual(['4:34', '5:9']);
  });
});

test('one error names all problems, the first place, and the next step', () => {
  const folder = folderWith({
    'sub/ket.yaml': 'tiers:\n  unit:\n    suites:\n      - {name: api, comand: c}\n',
  });
  let thrown: unknown;
  try {
    loadConfig('sub/ket.yaml', folder);
  } catch (error) {
    thrown = error;
  }
  expect(thrown).toBeInstanceOf(KetError);
  const { code, message, where, next, details } = thrown as KetError;
  expect({ code, message, where, next }).toEqual({
    code: 'KET_CONFIG',
    message: 'sub/ket.yaml cannot be used: one problem',
    where: 'sub/ket.yaml:4:21',
    next: 'correct the lines named; `ket validate` checks again without running anything',
  });
  expect(details[0]).toBe('sub/ket.yaml:4:21: unknown key "comand" in suite "api" (did you mean "command"?)');
  expect(details[1]).toMatch(/^ {4}allowed: name, command, setup, /);
});

test('text from the file cannot break or steer the output', () => {
  const lines = renderProblems(problemsOf(`"a\\nb\\e[31m": 1\n${good}`));
  expect(lines[0]).toBe('ket.yaml:1:1: unknown key "a b [31m" at the top level');
});

test('nearest: slips, cases, words of other tools; nothing where nothing is near', () => {
  const keys = ['command', 'image', 'needs', 'workingDir', 'timeout', 'env'];
  const found = ['Command', 'imgae', 'need', 'working-dir', 'workdir', 'cmd', 'limit', 'zzz', 'x'.repeat(99)];
  expect(found.map((word) => nearest(word, keys))).toEqual([
    'command',
    'image',
    'needs',
    'workingDir',
    'workingDir',
    'command',
    'timeout',
    undefined,
    undefined,
  ]);
});

describe('for any input', () => {
  const folder = folderWith(goodFiles);
  const survives = (text: string): void => {
    writeFileSync(path.join(folder, 'ket.yaml'), text);
    try {
      loadConfig('ket.yaml', folder);
    } catch (error) {
      if (!(error instanceof KetError)) throw error;
      expect(error.details.length).toBeGreaterThan(0);
    }
    const lines = text.split(/\r\n|\r|\n/).length;
    for (const { line, column } of checkConfig('ket.yaml', folder).problems)
      expect(line >= 1 && line <= lines && column >= 1).toBe(true);
  };

  test('the loader throws nothing but a KetError: any text', () => {
    fc.assert(fc.property(fc.string({ unit: 'grapheme', maxLength: 200 }), survives), { numRuns: 150 });
  });

  test('… text that is made of the words and signs of a ket.yaml', () => {
    const words = [
      'tiers',
      'unit',
      'suites',
      'name',
      'command',
      ':',
      ': ',
      '\n',
      '\n  ',
      '- ',
      '{',
      '}',
      '[',
      ']',
    ];
    const more = [
      '"',
      "'",
      '*a',
      '&a ',
      '<<: ',
      '|',
      '#',
      '5m',
      '0',
      'null',
      '~',
      '!!x ',
      '\t',
      ',',
      '? ',
      '---\n',
    ];
    const text = fc
      .array(fc.constantFrom(...words, ...more), { maxLength: 60 })
      .map((parts) => parts.join(''));
    fc.assert(fc.property(text, survives), { numRuns: 300 });
  });

  test('… any data in the place of any part of a right file', () => {
    const whole = {
      version: 1,
      tools: { kind: 'v0.30.0' },
      tiers: {
        t: {
          cluster: { config: 'kind.yaml', ready: '5m' },
          images: [{ name: 'i:1', build: '.', args: {} }],
          releases: [
            { name: 'r', chart: 'chart', values: ['values.yaml'], collect: [{ from: 'pod/a', path: '/x' }] },
          ],
          suites: [
            { name: 's', image: 'i:1', env: { A: 'b' }, needs: ['r'], resources: { limits: { cpu: 1 } } },
          ],
        },
      },
    };
    const steps = (value: unknown): (string | number)[][] =>
      typeof value === 'object' && value !== null
        ? Object.entries(value).flatMap(([key, inner]) => [
            [key],
            ...steps(inner).map((rest) => [key, ...rest]),
          ])
        : [];
    const put = (at: readonly (string | number)[], value: unknown): unknown => {
      const copy = structuredClone<Record<string | number, unknown>>(whole);
      let parent = copy;
      for (const step of at.slice(0, -1)) parent = parent[step] as typeof copy;
      parent[at.at(-1) ?? ''] = value;
      return copy;
    };
    fc.assert(
      fc.property(fc.constantFrom(...steps(whole)), fc.jsonValue({ maxDepth: 2 }), (at, value) => {
        survives(stringify(put(at, value)));
      }),
      { numRuns: 300 },
    );
  });
});
