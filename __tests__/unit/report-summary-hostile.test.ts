import { describe, expect, test } from '@jest/globals';
import type { EventBody } from '../../src/model/events.ts';
import { viewOf } from '../../src/report/model.ts';
import { summaryMarkdown } from '../../src/report/summary-markdown.ts';
import { runEvents } from './support/run-events.ts';

const counts = { total: 1, passed: 0, failed: 1, errors: 0, skipped: 0 };

/** A run in which one text stands wherever a stranger can put one. */
const everywhere = (evil: string): readonly (readonly [number, EventBody])[] => [
  [0, { type: 'run-started', run: 'r', tier: evil, suites: [evil], ket: '1' }],
  [
    1,
    {
      ...{ type: 'case', suite: evil, attempt: 1, status: 'failed', caseMs: 1 },
      ...{ name: evil, classname: `c ${evil}`, file: evil, message: evil },
    },
  ],
  [
    2,
    {
      ...{ type: 'attempt-ended', suite: evil, attempt: 1, outcome: 'failed', attemptMs: 1, counts },
      ...{ message: evil, lastLines: [evil, `last ${evil}`] },
    },
  ],
  [
    3,
    { type: 'suite-ended', suite: evil, outcome: 'failed', message: evil, counts, attempts: 1, suiteMs: 1 },
  ],
  [4, { type: 'task-started', task: 't', phase: 'tools', title: evil, limitMs: 1 }],
  [
    90,
    {
      ...{ type: 'task-ended', task: 't', phase: 'tools', outcome: 'failed', taskMs: 86 },
      error: { code: 'KET_TOOL', message: evil, next: evil, where: evil, details: [evil] },
    },
  ],
  [91, { type: 'notice', level: 'error', text: evil }],
  [92, { type: 'leftover', what: evil, why: evil, cure: evil }],
  [93, { type: 'kept', what: evil, until: evil, how: [evil] }],
  [94, { type: 'run-ended', outcome: 'failed', exitCode: 1, counts, runMs: 94 }],
];

/** The blocks of code of a page, by their info, and the lines outside of them, by CommonMark's rules for fences. */
function parts(page: string): { readonly infos: string[]; readonly rest: string[]; readonly open: boolean } {
  const infos: string[] = [];
  const rest: string[] = [];
  let fence = '';
  for (const line of page.split('\n')) {
    const found = /^ {0,3}(`{3,}|~{3,})(.*)$/.exec(line);
    const [, run = '', info = ''] = found ?? [];
    if (fence !== '') {
      if (run.startsWith(fence) && info.trim() === '') fence = '';
    } else if (run !== '' && !(run.startsWith('`') && info.includes('`'))) {
      fence = run;
      infos.push(info);
    } else rest.push(line);
  }
  return { infos, rest, open: fence !== '' };
}

/** A line without code in it; a backslash makes a backtick plain outside of code only. */
function withoutCode(line: string): string {
  let out = '';
  for (let at = 0; at < line.length;) {
    const run = /^`+/.exec(line.slice(at))?.[0] ?? '';
    const closing =
      run === ''
        ? undefined
        : Array.from(line.slice(at + run.length).matchAll(/`+/g)).find(([found]) => found === run);
    if (closing !== undefined) at += run.length + closing.index + run.length;
    else {
      const taken = line[at] === '\\' ? 2 : Math.max(1, run.length);
      out += line.slice(at, at + taken);
      at += taken;
    }
  }
  return out;
}

/** The page without code, and without the one tag of ket's own. */
const proseOf = (page: string): string =>
  parts(page)
    .rest.map(withoutCode)
    .join('\n')
    .replace('<details><summary>Where the time went</summary>', '')
    .replace('</details>', '');

const misleading =
  // eslint-disable-next-line no-control-regex -- they are what is looked for
  /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/;

const hostile: readonly (readonly [string, string])[] = [
  ['an image', '<img src=x onerror=alert(1)>'],
  ['a script', '</details><script>alert(1)</script>'],
  ['a tag that is cut', '<img src=x onerror='],
  ['a comment', '<!-- '],
  ['an entity', '&lt;b&gt; &#60;b&#62;'],
  ['a link', '[x](javascript:alert(1))'],
  ['a link by reference', '[x]: javascript:alert(1)\n[x]'],
  ['an image of markdown', '![x](https://evil.example/track.png)'],
  ['a link in angle brackets', '<javascript:alert(1)>'],
  ['a bare link', 'https://evil.example www.evil.example'],
  ['a team', '@org/team and @someone'],
  ['an issue', 'fixes #1, org/repo#2'],
  ['cells', 'a | b | c |'],
  ['cells with backslashes', 'a \\| b \\\\| c \\'],
  ['rows', 'a |\n| b | c |\n| --- | --- |'],
  ['headings', '# a\n## b\n==='],
  ['fences', '```\nout of it\n```'],
  ['longer fences', '````` `` ```\n~~~'],
  ['backticks', 'a`b``c```'],
  ['a list', '- a\n* b\n1. c'],
  ['a quotation', '> a'],
  ['a rule', '---'],
  ['emphasis', '**a** _b_ ~~c~~'],
  ['mathematics', '$\\href{javascript:alert(1)}{x}$'],
  ['a diagram', '```mermaid\nclick a href "javascript:alert(1)"'],
  ['marks from right to left', 'a\u202egpj.exe\u202c \u200fb\u2066c\u2069\u061c'],
  ['colours and titles', '\u001b[31mred\u001b[0m\u001b]0;t\u0007'],
  ['control characters', 'a\u0000b\u0008c\u007fd\u009be'],
  ['half a character', 'a\ud800b'],
  ['line separators', 'a\u2028b\u2029c'],
  ['white space alone', ' \n\t '],
];

describe.each(hostile)('%s', (_, evil) => {
  const page = summaryMarkdown(viewOf(runEvents(everywhere(evil))), {
    folder: evil,
    artifact: { name: evil, url: 'https://github.com/o/r/actions/runs/1/artifacts/2' },
  });
  const prose = proseOf(page);

  test('is no markup, no link and no mention', () => {
    const linked = prose.replace(/\[(?:\\.|[^\\\]])*\]\(https:\/\/github\.com\/[\w/]+\)/, '');
    expect(linked).not.toMatch(/</);
    expect(linked).not.toMatch(/(?<!\\)(?:\\\\)*\[/);
    expect(linked.replaceAll('&#8203;', '\u200b')).not.toMatch(/@[\w-]|#\d/);
    expect(linked).not.toMatch(/(?<!\\):\/\/|www\.\w/i);
    expect(linked).not.toMatch(/&(?!amp;|lt;|gt;|#8203;)/);
  });

  test('breaks no table, and begins no part of the page', () => {
    const rows = page.split('\n').filter((row) => row.startsWith('| ') && row.includes('❌'));
    expect(rows).toHaveLength(1);
    expect(rows[0]?.match(/(?<!\\)\|/g)).toHaveLength(9);
    const headings = prose.split('\n').filter((row) => /^ {0,3}(?:#{1,6}\s|=+$|-+$)/.test(row));
    expect(headings.map((row) => row.split(/[:\s]/)[0])).toEqual(['##', '###', '###', '###']);
    // A block that was opened is closed, and none is opened that is not ket's.
    expect(parts(page).open).toBe(false);
    expect(new Set(parts(page).infos)).toEqual(new Set(['text', 'mermaid']));
    expect(parts(page).infos.filter((info) => info === 'mermaid')).toHaveLength(1);
  });

  test('changes neither order nor look of what is around it', () => {
    expect(page).not.toMatch(misleading);
    expect(Buffer.from(page, 'utf8').toString('utf8')).toBe(page.toWellFormed());
  });

  test('leaves the diagram plain', () => {
    const diagram = /^```mermaid\n(gantt\n[^]*?)^```$/m.exec(page)?.[1] ?? '';
    for (const row of diagram.trimEnd().split('\n').slice(3))
      expect(row).toMatch(/^ {4}(?:section tools|[\p{L}\p{N} ._/()-]+ :crit, 4, 90)$/u);
  });
});

describe('a link to the artifact', () => {
  const view = viewOf(runEvents(everywhere('x')));
  const results = (url?: string): string | undefined =>
    summaryMarkdown(view, { folder: 'f', artifact: { name: 'a_b', ...(url === undefined ? {} : { url }) } })
      .split('\n')
      .findLast((line) => line.startsWith('Results: '));

  test.each([
    ['https://github.com/o/r/x', 'Results: artifact [a_b](https://github.com/o/r/x), `f`'],
    ['https://h/a)b(c', 'Results: artifact [a_b](https://h/a)b(c), `f`'.replace('a)b(c', 'a)b(c')],
    ['javascript:alert(1)', 'Results: artifact `a_b`, `f`'],
    ['http://h/', 'Results: artifact `a_b`, `f`'],
    ['no address', 'Results: artifact `a_b`, `f`'],
    [undefined, 'Results: artifact `a_b`, `f`'],
  ])('%p', (url, expected) => {
    expect(results(url)).toBe(expected);
  });
});

describe('5 MiB of failures', () => {
  const evil = '@org/team | <img src=x onerror=1> [x](javascript:1) ';
  const big = (suites: number, cases: number, bytes: number) =>
    viewOf(
      runEvents([
        [0, { type: 'run-started', run: 'r', tier: 't', suites: [], ket: '1' }],
        ...Array.from({ length: suites }, (_, s) => `suite-${s}`).flatMap(
          (suite): (readonly [number, EventBody])[] => [
            ...Array.from({ length: cases }, (_, i): readonly [number, EventBody] => [
              1,
              {
                ...{
                  type: 'case',
                  suite,
                  attempt: 1,
                  name: `case ${i} ${evil}`,
                  status: 'failed',
                  caseMs: 1,
                },
                message: `message ${i} ${evil.repeat(Math.ceil(bytes / evil.length)).slice(0, bytes)}`,
              },
            ]),
            [
              2,
              {
                ...{ type: 'attempt-ended', suite, attempt: 1, outcome: 'failed', attemptMs: 1, counts },
                ...{ message: evil, lastLines: Array.from({ length: 20 }, (_, i) => `${i} ${evil}`) },
              },
            ],
            [
              3,
              {
                ...{ type: 'suite-ended', suite, outcome: 'failed', counts, attempts: 1, suiteMs: 1 },
                message: evil.repeat(20),
              },
            ],
          ],
        ),
        [9, { type: 'task-ended', task: 'p', phase: 'tools', outcome: 'done', taskMs: 9 }],
        [9, { type: 'run-ended', outcome: 'failed', exitCode: 1, counts, runMs: 9 }],
      ]),
    );

  test.each([
    ['one suite, long messages', 1, 1300, 4000],
    ['one suite, many cases', 1, 20_000, 200],
    ['many suites', 400, 20, 600],
    ['one case each of very many suites', 3000, 1, 1700],
    ['one message', 1, 1, 5_000_000],
  ])('%s: under 1 MiB, verdict and suites first, failures next', (_, suites, cases, bytes) => {
    const page = summaryMarkdown(big(suites, cases, bytes));
    expect(Buffer.byteLength(page)).toBeLessThan(1024 * 1024);
    expect(page).toMatch(/^## ❌ failed: tier t\n\n[^\n]+\n\n\| suite \| outcome/);
    expect(page).toContain('| `suite-0` | ❌ failed |');
    expect(page).toContain('### What went wrong');
    expect(page).toContain('case 0 @org');
    expect(proseOf(page)).not.toMatch(/</);
    if (suites === 1) expect(page).toContain('message 0 @org');
  });

  test.each([
    [1_000_000, 'message 199 '],
    [130_000, 'message 199 '],
    [65_535, 'message 99 '],
    [35_000, 'message 49 '],
    [15_000, 'message 19 '],
    [8_000, 'case 49 '],
    [2_000, 'cases; they are in junit.xml'],
  ])('in %i bytes it still has: %s', (limit, expected) => {
    const page = summaryMarkdown(big(1, 1300, 4000), { limit });
    expect(Buffer.byteLength(page)).toBeLessThanOrEqual(limit);
    expect(page).toContain(expected);
  });

  test('one name of 2 MiB takes no room from the other tests', () => {
    const named = (name: string): readonly [number, EventBody] => [
      1,
      {
        type: 'case',
        suite: 's',
        attempt: 1,
        name,
        status: 'failed',
        caseMs: 1,
        message: `of ${name.slice(0, 9)}`,
      },
    ];
    const view = viewOf(runEvents([named('x'.repeat(2 * 1024 * 1024)), named('other')]));
    expect(summaryMarkdown(view)).toContain('`other` failed\n\n```text\nof other\n```');
  });
});
