import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import type { EventBody } from '../../src/model/events.ts';
import { finalBlock } from '../../src/report/final.ts';
import { ganttOf } from '../../src/report/gantt.ts';
import { viewOf } from '../../src/report/model.ts';
import { fitSections } from '../../src/report/summary-fit.ts';
import { summaryMarkdown } from '../../src/report/summary-markdown.ts';
import { writeReports } from '../../src/report/write-reports.ts';
import { readJUnit } from '../../src/results/junit-read.ts';
import { mixedRun, runEvents } from './support/run-events.ts';

const events = runEvents(mixedRun);

test('verdict first, then the suites, then what went wrong', () => {
  const page = summaryMarkdown(viewOf(events), {
    folder: 'ket-results/x',
    coverage: [{ format: 'cobertura', lines: { covered: 3, total: 4 }, branches: { covered: 0, total: 0 } }],
  });
  expect(page.split('\n').slice(0, 10)).toEqual([
    '## ❌ failed: tier integration',
    '',
    '4 suites · tests: 1 failed, 4 passed · 54.2 s · exit code 1',
    '',
    '| suite | outcome | passed | failed | errors | skipped | time | why |',
    '| --- | --- | ---: | ---: | ---: | ---: | ---: | --- |',
    '| `api` | ❌ failed | 2 | 1 | 0 | 0 | 4 s | 1 of 3 tests failed: test_total |',
    '| `db` | ⚠️ flaky | 2 | 0 | 0 | 0 | 7 s · 2 attempts | 2 tests passed, after 1 failed attempt (1 of 2 tests failed: test_lock) |',
    expect.stringContaining('| `k8s` | 🛑 infra-error (no-proof) | 0 |'),
    '| `slow` | ⏭️ did not run |  |  |  |  |  | release cache failed |',
  ]);
  expect(page).toContain(
    '`tests.test_orders › test_total` failed\n\n```text\nassert 3 == 4\n +  where 3 = total([1, 2])\n```',
  );
  expect(page).toContain(
    '**release cache** `KET_RELEASE`: pod shop-cache-0: its image cannot be pulled (ErrImagePull)',
  );
  expect(page).toContain('Coverage (cobertura): 75 % of 4 lines\n');
  expect(page).toContain('```mermaid\ngantt');
  expect(page.trimEnd().endsWith('Results: `ket-results/x`')).toBe(true);
});

test('who shares a release stands in a line', () => {
  const names = Array.from({ length: 12 }, (_, i) => `s${i}`);
  const shares = [
    { release: 'shop', suites: ['api', 'db'] },
    { release: 'mail', suites: names },
  ];
  const [first, ...more] = mixedRun;
  if (first?.[1].type !== 'run-started') throw new Error('the run does not begin with its start');
  const view = viewOf(runEvents([[0, { ...first[1], shares }], ...more]));
  const lines = [
    'release shop is shared by api, db',
    `release mail is shared by ${names.slice(0, 10).join(', ')} and 2 more`,
  ];
  expect(summaryMarkdown(view)).toContain(`\n\n${lines.join('  \n')}\n\n`);
  expect(finalBlock(view, { style: (_colour, text) => text })).toEqual(expect.arrayContaining(lines));
  expect(summaryMarkdown(viewOf(events))).not.toContain('shared by');
});

test('a log that ends before the run did has no verdict', () => {
  expect(summaryMarkdown(viewOf(events.slice(0, 30)))).toMatch(/^## 🛑 No verdict/);
});

test('names and messages inject nothing', () => {
  const evil = '</details><script>x</script> | ``` \n# head [a](http://x) ![i](http://y)';
  const counts = { total: 1, passed: 0, failed: 1, errors: 0, skipped: 0 };
  const page = summaryMarkdown(
    viewOf(
      runEvents([
        [0, { type: 'run-started', run: 'r', tier: evil, suites: [evil], ket: '1' }],
        [
          1,
          {
            type: 'case',
            suite: evil,
            attempt: 1,
            name: evil,
            classname: evil,
            file: evil,
            status: 'failed',
            caseMs: 1,
            message: evil,
          },
        ],
        [
          2,
          {
            type: 'attempt-ended',
            suite: evil,
            attempt: 1,
            outcome: 'failed',
            message: evil,
            counts,
            attemptMs: 1,
            lastLines: [evil],
          },
        ],
        [
          3,
          {
            type: 'suite-ended',
            suite: evil,
            outcome: 'failed',
            message: evil,
            counts,
            attempts: 1,
            suiteMs: 1,
          },
        ],
        [4, { type: 'task-started', task: 't', phase: 'tools', title: evil, limitMs: 1 }],
        [
          9,
          {
            type: 'task-ended',
            task: 't',
            phase: 'tools',
            outcome: 'failed',
            taskMs: 1,
            error: { code: 'KET_TOOL', message: evil, next: evil, where: evil, details: [evil] },
          },
        ],
        [9, { type: 'notice', level: 'error', text: evil }],
        [9, { type: 'leftover', what: evil, why: evil, cure: evil }],
        [9, { type: 'kept', what: evil, until: evil, how: [evil] }],
        [9, { type: 'run-ended', outcome: 'failed', exitCode: 1, counts, runMs: 9 }],
      ]),
    ),
  );
  const rows = page.split('\n').filter((line) => line.startsWith('| ') && line.includes('❌'));
  expect(rows).toHaveLength(1);
  // Eight cells: no bar of the name or the message ends one.
  expect(rows[0]?.match(/(?<!\\)\|/g)).toHaveLength(9);
  // What is left outside of code holds no tag but ket's own.
  const prose = page.replace(/^(`{3,})[^]*?^\1$/gm, '').replace(/(?<!`)(`+)(?!`)[^\n]*?(?<!`)\1(?!`)/g, '');
  expect(
    prose.replaceAll('<details><summary>Where the time went</summary>', '').replace(/<\/details>\s*$/, ''),
  ).not.toMatch(/<|(?<!\\)\]\(/);
});

describe('size', () => {
  const message = 'é'.repeat(2000);
  const counts = { total: 3000, passed: 0, failed: 3000, errors: 0, skipped: 0 };
  const big = viewOf(
    runEvents([
      [0, { type: 'run-started', run: 'r', tier: 't', suites: ['a', 'b', 'c'], ket: '1' }],
      ...['a', 'b', 'c'].flatMap((suite): (readonly [number, EventBody])[] => [
        ...Array.from({ length: 1000 }, (_, i): readonly [number, EventBody] => [
          1,
          { type: 'case', suite, attempt: 1, name: `case ${i}`, status: 'failed', caseMs: 1, message },
        ]),
        [2, { type: 'suite-ended', suite, outcome: 'failed', message: 'm', counts, attempts: 1, suiteMs: 1 }],
      ]),
      [9, { type: 'run-ended', outcome: 'failed', exitCode: 1, counts, runMs: 9 }],
    ]),
  );

  test.each([1_000_000, 300_000, 50_000, 5_000, 1_000, 300])(
    'is at most %i bytes, verdict first',
    (limit) => {
      const page = summaryMarkdown(big, { limit, folder: 'x' });
      expect(Buffer.byteLength(page)).toBeLessThanOrEqual(limit);
      expect(page).toMatch(/^## ❌ failed/);
      if (limit >= 1000) expect(page).toContain('| `c` |');
      // A fence that was opened is closed.
      expect((page.match(/^`{3,}/gm) ?? []).length % 2).toBe(0);
    },
  );

  test('the least important part gives way first', () => {
    const sections = [
      { keep: 'always', levels: ['V'.repeat(10)] },
      { keep: 2, levels: ['B'.repeat(100), 'B'.repeat(50), 'b'] },
      { keep: 1, levels: ['A'.repeat(100), 'a'] },
    ] as const;
    expect(fitSections(sections, 1000)).not.toContain('shortened');
    expect(fitSections(sections, 210)).toMatch(/^V+\n\nB{100}\n\na\n\nParts/);
    expect(fitSections(sections, 150)).toMatch(/^V+\n\nB{50}\n\na\n\nParts/);
    expect(fitSections(sections, 110)).toMatch(/^V+\n\nb\n\na\n\nParts/);
    expect(fitSections(sections, 60)).toMatch(/^V+\n\nb\n[^]*… cut/);
  });
});

test('the diagram has plain titles only', () => {
  const view = viewOf(
    runEvents([
      [0, { type: 'task-started', task: 't', phase: 'tools', title: 'a:b;c #x\n%% done', limitMs: 1 }],
      [5_000, { type: 'task-ended', task: 't', phase: 'tools', outcome: 'failed', taskMs: 5_000 }],
    ]),
  );
  expect(ganttOf(view)).toBe(
    'gantt\n    dateFormat x\n    axisFormat %M:%S\n    section tools\n    a b c x done :crit, 0, 5000',
  );
});

describe('the files of a run', () => {
  let folder = '';
  beforeEach(() => {
    folder = fs.mkdtempSync(path.join(os.tmpdir(), 'ket-reports-'));
  });
  afterEach(() => fs.rmSync(folder, { recursive: true, force: true }));

  const put = (name: string, text: string): void => {
    fs.mkdirSync(path.dirname(path.join(folder, name)), { recursive: true });
    fs.writeFileSync(path.join(folder, name), text);
  };

  test('are written from the folder and its events, twice the same', async () => {
    put(
      'suites/api/attempt-1/results/junit.xml',
      '<testsuite name="p"><testcase name="a"/><testcase name="test_total"><failure message="m"/></testcase></testsuite>',
    );
    put('suites/api/attempt-1/results/lcov.info', 'SF:a.js\nDA:1,1\nend_of_record\n');
    // Of an attempt that was repeated: it does not count.
    put('suites/db/attempt-1/results/lcov.info', 'SF:b.js\nDA:1,1\nend_of_record\n');
    put('suites/db/attempt-2/results/lcov.info', 'SF:a.js\nDA:1,0\nDA:2,0\nend_of_record\n');
    expect(await writeReports(folder, events, { shownAs: 'ket-results/x' })).toEqual([]);
    const names = ['junit.xml', 'lcov.info', 'summary.md', 'timings.json'];
    const texts = names.map((name) => fs.readFileSync(path.join(folder, name), 'utf8'));
    expect(texts[1]).toBe('TN:\nSF:a.js\nDA:1,1\nDA:2,0\nLF:2\nLH:1\nend_of_record\n');
    expect(texts[2]).toContain('Coverage (lcov): 50 % of 2 lines');
    const junit = await readJUnit(path.join(folder, 'junit.xml'));
    expect(junit.cases.map((c) => [c.suites.at(-1), c.name, c.status])).toEqual([
      ['api', 'a', 'passed'],
      ['api', 'test_total', 'failed'],
      ['k8s', 'suite k8s', 'error'],
      ['slow', 'suite slow', 'error'],
    ]);
    await writeReports(folder, events, { shownAs: 'ket-results/x' });
    expect(names.map((name) => fs.readFileSync(path.join(folder, name), 'utf8'))).toEqual(texts);
    expect(fs.readdirSync(folder).sort()).toEqual([...names, 'suites'].sort());
  });

  test('a path in the events that leads out of the folder is not read', async () => {
    const outside = path.join(path.dirname(folder), 'outside.xml');
    fs.writeFileSync(outside, '<testsuite><testcase name="secret"/></testsuite>');
    const counts = { total: 1, passed: 1, failed: 0, errors: 0, skipped: 0 };
    await writeReports(
      folder,
      runEvents([
        [
          1,
          {
            type: 'attempt-ended',
            suite: 's',
            attempt: 1,
            outcome: 'passed',
            message: '',
            counts,
            attemptMs: 1,
            junit: [{ path: '../outside.xml' }],
          },
        ],
        [
          2,
          {
            type: 'suite-ended',
            suite: 's',
            outcome: 'passed',
            message: '',
            counts,
            attempts: 1,
            suiteMs: 1,
          },
        ],
      ]),
    );
    fs.rmSync(outside);
    expect(fs.readFileSync(path.join(folder, 'junit.xml'), 'utf8')).not.toContain('secret');
  });
});
