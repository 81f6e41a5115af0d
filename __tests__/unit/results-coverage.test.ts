import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { readCobertura } from '../../src/results/coverage-cobertura.ts';
import { percent } from '../../src/results/coverage-data.ts';
import { readLcov } from '../../src/results/coverage-lcov.ts';
import { findCoverage, mergeCoverage } from '../../src/results/coverage.ts';

let folder = '';
beforeEach(() => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), 'ket-coverage-'));
});
afterEach(() => fs.rmSync(folder, { recursive: true, force: true }));

function put(name: string, text: string): string {
  const file = path.join(folder, name);
  fs.mkdirSync(path.dirname(file), { recursive: true });
  fs.writeFileSync(file, text);
  return file;
}

const cobertura = (lines: string, source = '/app'): string =>
  `<?xml version="1.0" ?><!DOCTYPE coverage SYSTEM "http://example.invalid/coverage-04.dtd"><coverage line-rate="0.5"><sources><source>${source}</source></sources><packages><package name="shop"><classes><class name="main.py" filename="shop/main.py" line-rate="1"><methods><method name="f"><lines><line number="1" hits="1"/></lines></method></methods><lines>${lines}</lines></class></classes></package></packages></coverage>`;

test('several reports of each format become one: the most hits count', async () => {
  put(
    'suites/a/coverage.xml',
    cobertura(
      '<line number="1" hits="1"/><line number="2" hits="0"/><line number="3" hits="4" branch="true" condition-coverage="50% (1/2)"/>',
    ),
  );
  put(
    'suites/b/cobertura.xml',
    cobertura(
      '<line number="2" hits="3"/><line number="4" hits="0"/><line number="3" hits="0" branch="true" condition-coverage="0% (0/2)"/>',
    ),
  );
  put(
    'suites/a/lcov.info',
    'TN:\nSF:/src/a.js\nFN:1,f\nFNDA:0,f\nDA:1,1\nDA:2,0\nBRDA:2,0,0,-\nBRDA:2,0,1,1\nLF:2\nLH:1\nend_of_record\n',
  );
  put(
    'suites/b/x.info',
    'SF:/src/a.js\r\nFN:1,9,f\r\nFNDA:2,f\r\nDA:2,5,checksum\r\nBRDA:2,0,0,3\r\nend_of_record\r\nSF:b.js\nDA:1,0\nend_of_record',
  );
  const files = await findCoverage(folder);
  expect(files.map((f) => [path.relative(folder, f.path), f.format])).toEqual([
    ['suites/a/coverage.xml', 'cobertura'],
    ['suites/a/lcov.info', 'lcov'],
    ['suites/b/cobertura.xml', 'cobertura'],
    ['suites/b/x.info', 'lcov'],
  ]);
  const { merged, problems } = await mergeCoverage(files, folder, 1_700_000_000_000);
  expect(problems).toEqual([]);
  expect(merged).toMatchObject([
    {
      format: 'cobertura',
      reports: 2,
      files: 1,
      lines: { covered: 3, total: 4 },
      branches: { covered: 1, total: 2 },
    },
    {
      format: 'lcov',
      reports: 2,
      files: 2,
      lines: { covered: 2, total: 3 },
      branches: { covered: 2, total: 2 },
    },
  ]);
  expect(fs.readFileSync(path.join(folder, 'coverage.xml'), 'utf8'))
    .toBe(`<?xml version="1.0" encoding="UTF-8"?>
<coverage line-rate="0.7500" branch-rate="0.5000" lines-covered="3" lines-valid="4" branches-covered="1" branches-valid="2" complexity="0" version="1" timestamp="1700000000000">
  <sources><source>/app</source></sources>
  <packages>
    <package name="shop" line-rate="0.7500" branch-rate="0.5000" complexity="0">
      <classes>
        <class name="main.py" filename="shop/main.py" line-rate="0.7500" branch-rate="0.5000" complexity="0">
          <methods/>
          <lines>
            <line number="1" hits="1"/>
            <line number="2" hits="3"/>
            <line number="3" hits="4" branch="true" condition-coverage="50% (1/2)"/>
            <line number="4" hits="0"/>
          </lines>
        </class>
      </classes>
    </package>
  </packages>
</coverage>
`);
  expect(fs.readFileSync(path.join(folder, 'lcov.info'), 'utf8')).toBe(
    'TN:\nSF:/src/a.js\nFN:1,f\nFNDA:2,f\nFNF:1\nFNH:1\nBRDA:2,0,0,3\nBRDA:2,0,1,1\nBRF:2\nBRH:2\nDA:1,1\nDA:2,5\nLF:2\nLH:2\nend_of_record\n' +
      'TN:\nSF:b.js\nDA:1,0\nLF:1\nLH:0\nend_of_record\n',
  );
  // What was written is read as it was.
  const again = await readCobertura(path.join(folder, 'coverage.xml'));
  expect([again.end, again.data.totals()]).toEqual([
    'ok',
    { files: 1, lines: { covered: 3, total: 4 }, branches: { covered: 1, total: 2 } },
  ]);
  const lcov = await readLcov(path.join(folder, 'lcov.info'));
  expect([lcov.end, lcov.data.totals().lines]).toEqual(['ok', { covered: 2, total: 3 }]);
});

test('equal names in two source folders stay two files', async () => {
  put('a/coverage.xml', cobertura('<line number="1" hits="1"/>', '/app'));
  put('b/coverage.xml', cobertura('<line number="1" hits="0"/>', '/tests'));
  const { merged } = await mergeCoverage(await findCoverage(folder), folder, 0);
  expect(merged[0]?.files).toBe(2);
  expect(fs.readFileSync(path.join(folder, 'coverage.xml'), 'utf8')).toMatch(
    /<sources><\/sources>[^]*filename="\/app\/shop\/main.py"[^]*filename="\/tests\/shop\/main.py"/,
  );
});

describe('what is not whole is left out and told', () => {
  test.each([
    ['coverage.xml', cobertura('<line number="1" hits="1"/>').slice(0, -20), /ends before its root/],
    ['coverage.xml', '', /empty/],
    ['coverage.xml', '<!DOCTYPE coverage [<!ENTITY a "b">]><coverage line-rate="1"/>', /DOCTYPE/],
    ['lcov.info', 'SF:a.js\nDA:1,1\n', /within a record/],
    ['lcov.info', 'Usage: info\n', /no lcov/],
    ['lcov.info', `SF:${'a'.repeat(200_000)}`, /too long/],
    ['lcov.info', '', /empty/],
  ])('%s: %#', async (name, text, problem) => {
    put(`s/${name}`, text);
    const { merged, problems } = await mergeCoverage(await findCoverage(folder), folder, 0);
    expect(merged).toEqual([]);
    expect(problems).toEqual([expect.stringMatching(problem)]);
  });

  test('a JaCoCo or JUnit file is no Cobertura report', async () => {
    put('jacoco.xml', '<!DOCTYPE report PUBLIC "a" "b"><report name="x"/>');
    put('junit.xml', '<testsuite/>');
    expect(await findCoverage(folder)).toEqual([]);
  });
});

test.each([
  [{ covered: 0, total: 0 }, undefined],
  [{ covered: 9999, total: 10_000 }, 99.9],
  [{ covered: 1, total: 3 }, 33.3],
  [{ covered: 3, total: 3 }, 100],
])('percent of %j is %j', (part, expected) => {
  expect(percent(part)).toBe(expected);
});
