import { afterEach, beforeEach, expect, test } from '@jest/globals';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import fc from 'fast-check';
import { findJUnit } from '../../src/results/junit-find.ts';
import { mergeJUnit, type MergeSuite } from '../../src/results/junit-merge.ts';
import { readJUnit, readJUnitFrom } from '../../src/results/junit-read.ts';
import { junitCase } from '../../src/results/junit-write.ts';

let folder = '';
beforeEach(() => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), 'ket-merge-'));
});
afterEach(() => fs.rmSync(folder, { recursive: true, force: true }));

function put(name: string, text: string): string {
  const file = path.join(folder, name);
  fs.mkdirSync(path.dirname(file), { recursive: true });
  fs.writeFileSync(file, text);
  return file;
}

const suite = (name: string, more: Partial<MergeSuite>): MergeSuite => ({
  name,
  outcome: 'passed',
  message: 'm',
  ms: 1500,
  files: [],
  retries: [],
  lastLines: [],
  earlier: [],
  properties: [],
  ...more,
});

async function merge(suites: readonly MergeSuite[]): Promise<string> {
  const out = path.join(folder, 'merged.xml');
  await mergeJUnit(out, 'run-1', 2000, suites);
  return fs.readFileSync(out, 'utf8');
}

test('cases of all files, flaky ones of an earlier attempt, totals that fit', async () => {
  const a = put(
    'a.xml',
    '<testsuite name="A"><testcase name="one" time="0.5"/><testcase name="two" classname="c"><failure message="&lt;m&gt;" type="T">de]]&gt;tail</failure><system-out>o</system-out></testcase></testsuite>',
  );
  const b = put(
    'b.xml',
    '<testsuite name="B"><testcase name="three"><skipped message="why"/></testcase></testsuite>',
  );
  const c = put('c.xml', '<testsuite name="C"><testcase name="four" classname="k"/></testsuite>');
  expect(
    await merge([
      suite('api', {
        outcome: 'failed',
        files: [a, b],
        properties: [{ name: 'ket.outcome', value: 'failed' }],
      }),
      suite('db', {
        outcome: 'flaky',
        files: [c],
        earlier: [{ attempt: 1, name: 'four', classname: 'k', status: 'error', message: 'lock' }],
      }),
    ]),
  ).toBe(`<?xml version="1.0" encoding="UTF-8"?>
<testsuites name="run-1" tests="4" failures="1" errors="0" skipped="1" time="2.000">
  <testsuite name="api" tests="3" failures="1" errors="0" skipped="1" time="1.500">
    <properties>
      <property name="ket.outcome" value="failed"/>
    </properties>
    <testcase name="one" classname="A" time="0.500"/>
    <testcase name="two" classname="c">
      <failure message="&lt;m&gt;" type="T">de]]&gt;tail</failure>
      <system-out>o</system-out>
    </testcase>
    <testcase name="three" classname="B">
      <skipped message="why"/>
    </testcase>
  </testsuite>
  <testsuite name="db" tests="1" failures="0" errors="0" skipped="0" time="1.500">
    <testcase name="four" classname="k">
      <flakyError message="attempt 1: lock"/>
    </testcase>
  </testsuite>
</testsuites>
`);
});

test.each<[string, Partial<MergeSuite>, string | undefined]>([
  [
    'failed without a failed case',
    { outcome: 'failed', type: 'exit-code', message: 'exit code 3', lastLines: ['a', 'b'] },
    '<failure message="exit code 3" type="exit-code">a\nb</failure>',
  ],
  [
    'an infra-error',
    { outcome: 'infra-error', type: 'no-proof', message: 'no JUnit' },
    '<error message="no JUnit" type="no-proof"/>',
  ],
  [
    'did not run',
    { outcome: undefined, message: 'release failed' },
    '<error message="release failed" type="not-run"/>',
  ],
  [
    'cancelled',
    { outcome: 'cancelled', message: 'cancelled' },
    '<error message="cancelled" type="cancelled"/>',
  ],
  [
    'allowed to be skipped',
    { outcome: 'skipped', message: 'off' },
    '<skipped message="off" type="skipped"/>',
  ],
  ['passed', { outcome: 'passed' }, undefined],
])('a suite that %s', async (_what, more, element) => {
  const ok = put('ok.xml', '<testsuite><testcase name="fine"/></testsuite>');
  const text = await merge([suite('s', { files: more.outcome === 'skipped' ? [] : [ok], ...more })]);
  if (element === undefined) expect(text).not.toContain('classname="ket"');
  else {
    expect(text).toContain(`<testcase name="suite s" classname="ket">\n      ${element}\n`);
    const read = await readJUnit(path.join(folder, 'merged.xml'));
    expect(read.end).toBe('ok');
    expect(text).toContain(
      `tests="${read.counts.total}" failures="${read.counts.failed}" errors="${read.counts.errors}"`,
    );
  }
});

test('a cut file gives its cases, a problem, and no broken merge', async () => {
  const cut = put('cut.xml', '<testsuite><testcase name="one"/><testcase na');
  const out = path.join(folder, 'merged.xml');
  const merged = await mergeJUnit(out, 'r', 0, [suite('s', { outcome: 'infra-error', files: [cut] })]);
  expect(merged.problems).toEqual(['s: a JUnit file is cut; its cases end there']);
  expect((await readJUnit(out)).counts).toMatchObject({ total: 2, errors: 1 });
  expect(fs.readdirSync(folder).sort()).toEqual(['cut.xml', 'merged.xml']);
});

test('whatever a case holds, it is read again as it was, but for what XML cannot hold', async () => {
  const text = fc.string({
    unit: fc.oneof(
      fc.constantFrom(
        '<',
        '>',
        '&',
        '"',
        "'",
        ']]>',
        '\n',
        '\t',
        '\r',
        '\u0000',
        '\u0008',
        '\u000b',
        '\ufffe',
        '\ud800',
        '😀',
        '&amp;',
        '<!--',
        '--',
        '?>',
      ),
      fc.string({ minLength: 1, maxLength: 1 }),
    ),
    minLength: 1,
    maxLength: 20,
  });
  const clean = (s: string): string =>
    // eslint-disable-next-line no-control-regex -- what XML forbids
    s.toWellFormed().replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/g, '\ufffd');
  await fc.assert(
    fc.asyncProperty(text, text, text, async (name, message, detail) => {
      const xml = junitCase(
        {
          name,
          suites: [],
          status: 'failed',
          message: `m${message}m`,
          detail: `d${detail}d`,
          flaky: [],
          reruns: [],
          properties: [],
        },
        'k',
      );
      expect(clean(xml)).toBe(xml);
      const read = await readJUnitFrom([Buffer.from(`<testsuite>${xml}</testsuite>`)]);
      expect(read.end).toBe('ok');
      expect(read.cases).toMatchObject([
        {
          name: clean(name),
          classname: 'k',
          message: clean(`m${message}m`),
          detail: clean(`d${detail}d`).replace(/\r\n?/g, '\n'),
        },
      ]);
    }),
    { numRuns: 5000 },
  );
}, 60_000);

test('JUnit files are found by their root, and broken ones are not overlooked', async () => {
  put('r/junit.xml', '<testsuites/>');
  put('r/deep/er/anything.xml', '<?xml version="1.0"?><testsuite/>');
  put('r/empty.xml', '');
  put('r/cut.xml', '<?xml version="1.0"?><tests');
  put('r/coverage.xml', '<!DOCTYPE coverage SYSTEM "x.dtd"><coverage line-rate="1"/>');
  put('r/coverage-empty.xml', '');
  put('r/pom.xml', '<project/>');
  put('r/notes.txt', '<testsuites/>');
  fs.symlinkSync('/etc', path.join(folder, 'r/link'));
  const found = await findJUnit(path.join(folder, 'r'));
  expect(found.map((file) => path.relative(path.join(folder, 'r'), file))).toEqual([
    'cut.xml',
    'deep/er/anything.xml',
    'empty.xml',
    'junit.xml',
  ]);
});
