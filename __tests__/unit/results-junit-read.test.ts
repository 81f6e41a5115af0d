import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { caseInfo, durationMs } from '../../src/results/junit-case.ts';
import { readJUnit, readJUnitFrom, type JUnitReading } from '../../src/results/junit-read.ts';

const read = (xml: string | Buffer, pieces = 1): Promise<JUnitReading> => {
  const bytes = Buffer.from(xml);
  const size = Math.max(1, Math.ceil(bytes.length / pieces));
  const list: Buffer[] = [];
  for (let at = 0; at < bytes.length; at += size) list.push(bytes.subarray(at, at + size));
  return readJUnitFrom(list);
};

const brief = (reading: JUnitReading): string[] =>
  reading.cases.map((c) =>
    [
      c.status,
      c.flaky.length > 0 ? `flaky×${c.flaky.length}` : '',
      [...c.suites, c.classname, c.name].filter(Boolean).join('/'),
      c.message ?? '',
    ]
      .filter((part) => part !== '')
      .join(' | '),
  );

describe('dialects', () => {
  test.each([
    [
      'pytest: skip, set-up error, two failures of one case, xfail',
      `<?xml version="1.0" encoding="utf-8"?><testsuites name="pytest tests"><testsuite name="pytest" errors="1" failures="1" skipped="2" tests="15" time="0.5">
        <testcase classname="tests.test_a" name="test_ok" time="0.012"/>
        <testcase classname="tests.test_a" name="test_bad" time="0.1"><failure message="assert 1 == 2">tests/test_a.py:3: AssertionError</failure><error message="failed on teardown">boom</error></testcase>
        <testcase classname="tests.test_a" name="test_x"><skipped type="pytest.xfail" message="later"/></testcase>
        <testcase classname="" name="tests.test_b"><error message="collection failure">ImportError</error></testcase>
      </testsuite></testsuites>`,
      [
        'passed | pytest tests/pytest/tests.test_a/test_ok',
        'error | pytest tests/pytest/tests.test_a/test_bad | failed on teardown\nassert 1 == 2',
        'skipped | pytest tests/pytest/tests.test_a/test_x | later',
        'error | pytest tests/pytest/tests.test_b | collection failure',
      ],
    ],
    [
      'jest-junit: the failure in the text, a suite that could not run',
      `<testsuites name="jest tests" tests="2" failures="1" errors="1"><testsuite name="sum" tests="1"><testcase classname="sum adds" name="sum adds" time="0.003"><failure>Error: expected 3
    at x.js:1</failure></testcase></testsuite><testsuite name="broken.test.js" errors="1" tests="0"><error message="Cannot find module"/></testsuite></testsuites>`,
      [
        'failed | jest tests/sum/sum adds/sum adds | Error: expected 3\n    at x.js:1',
        'error | jest tests/broken.test.js/broken.test.js | Cannot find module',
      ],
    ],
    [
      'mocha: nested suites, CDATA',
      `<testsuites name="Mocha"><testsuite name="Root"><testsuite name="inner"><testcase name="works" classname="inner"/><testcase name="fails" classname="inner"><failure message="no" type="AssertionError"><![CDATA[no <b> & ]]]]><![CDATA[> end]]></failure></testcase></testsuite></testsuite></testsuites>`,
      ['passed | Mocha/Root/inner/inner/works', 'failed | Mocha/Root/inner/inner/fails | no'],
    ],
    [
      'gotestsum: "Failed" says nothing, so the text does',
      `<testsuites><testsuite tests="2" failures="1" name="example/pkg"><properties><property name="go.version" value="go1"/></properties><testcase classname="example/pkg" name="TestA/sub"><failure message="Failed" type="">=== RUN TestA
want 1</failure></testcase><testcase classname="example/pkg" name="TestB"><skipped message="short"/></testcase></testsuite></testsuites>`,
      [
        'failed | example/pkg/example/pkg/TestA/sub | === RUN TestA\nwant 1',
        'skipped | example/pkg/example/pkg/TestB | short',
      ],
    ],
    [
      'surefire: flaky is passed, reruns of a failure are not',
      `<testsuite name="ShopTest" tests="2" failures="2"><testcase name="a" classname="ShopTest"><flakyFailure message="once" type="E"><stackTrace>at A</stackTrace><system-out>x</system-out></flakyFailure></testcase><testcase name="b" classname="ShopTest"><failure message="1st">t</failure><rerunFailure message="2nd"><stackTrace>at B</stackTrace></rerunFailure></testcase></testsuite>`,
      ['passed | flaky×1 | ShopTest/ShopTest/a', 'failed | ShopTest/ShopTest/b | 1st'],
    ],
    [
      'surefire: what the totals count as failed may have passed later',
      '<testsuites failures="1"><testsuite name="S" tests="1" failures="1"><testcase name="a"><flakyFailure message="once"/></testcase></testsuite></testsuites>',
      ['passed | flaky×1 | S/a'],
    ],
    [
      'reruns without a failure are no pass',
      `<testsuite name="s"><testcase name="b"><rerunError message="2nd"/></testcase></testsuite>`,
      ['error | s/b | 2nd'],
    ],
    [
      'gtest: a status that says not run; a failure wins over it',
      `<testsuites><testsuite name="G"><testcase name="off" status="notrun"/><testcase name="on" status="run"/><testcase name="odd" status="disabled"><failure message="x"/></testcase></testsuite></testsuites>`,
      ['skipped | G/off', 'passed | G/on', 'failed | G/odd | x'],
    ],
    [
      'failures that the file claims and does not list',
      `<testsuites><testsuite name="main" tests="3" failures="2"><testcase name="a"/></testsuite></testsuites>`,
      [
        'passed | main/a',
        'error | main/main (failures not listed) | the file claims 2 failed or broken case(s) here, and lists none',
      ],
    ],
    [
      'a namespace',
      '<j:testsuite xmlns:j="urn:x" name="s"><j:testcase name="a"><j:failure message="m"/></j:testcase></j:testsuite>',
      ['failed | s/a | m'],
    ],
  ])('%s', async (_title, xml, expected) => {
    for (const pieces of [1, 7, 10_000]) {
      const reading = await read(xml, pieces);
      expect(reading.end).toBe('ok');
      expect(brief(reading)).toEqual(expected);
      expect(reading.counts.total).toBe(expected.length);
    }
  });

  test('all that is kept of one case', async () => {
    const reading = await read(
      `<testsuite name="s"><testcase name="n" classname="c" file="a/b.py" line="12" time="1,234.5"><properties><property name="k" value="v"/><property name="long">text</property></properties><failure message="m" type="T">detail</failure><system-out>out</system-out><system-err>err</system-err></testcase></testsuite>`,
    );
    expect(reading.cases).toEqual([
      {
        name: 'n',
        classname: 'c',
        file: 'a/b.py',
        line: 12,
        suites: ['s'],
        status: 'failed',
        ms: 1_234_500,
        message: 'm',
        type: 'T',
        detail: 'detail',
        flaky: [],
        reruns: [],
        systemOut: 'out',
        systemErr: 'err',
        properties: [
          { name: 'k', value: 'v' },
          { name: 'long', value: 'text' },
        ],
      },
    ]);
  });

  test('a flaky case is a passed one with a message in the event log', async () => {
    const reading = await read(
      '<testsuite><testcase name="a" time="0.0015"><flakyError message="once"/></testcase></testsuite>',
    );
    expect(reading.flaky).toBe(1);
    expect(reading.cases.map((c) => caseInfo(c, 'api', 2))).toMatchObject([
      { suite: 'api', attempt: 2, name: 'a', status: 'passed', message: 'once' },
    ]);
  });
});

describe('ends', () => {
  test.each([
    ['', 'empty'],
    ['\ufeff \n', 'empty'],
    ['<testsuites/>', 'ok'],
    ['\n<?xml version="1.0"?><testsuites/>\n', 'ok'],
    ['<?xml version="1.0"?>', 'cut'],
    ['<testsuite><testcase name="a"/>', 'cut'],
    ['<testsuite><testcase name="a"/></testsuite><!-- ', 'cut'],
    ['<html><body/></html>', 'unreadable'],
    ['<coverage line-rate="1"/>', 'unreadable'],
    ['no xml at all', 'unreadable'],
    ['{"tests": 3}', 'unreadable'],
    ['<testsuite><testcase name="a"></testsuite>', 'unreadable'],
    ['<testsuite><testcase name="a & b"/></testsuite>', 'unreadable'],
    ['<testsuite>a && b <testcase name="a"/></testsuite>', 'unreadable'],
    ['<testsuite>&nbsp;<testcase name="a"/></testsuite>', 'unreadable'],
    ['<testsuite/><testsuite/>', 'unreadable'],
    ['<testsuite>testcase name="a"/></testsuite>', 'unreadable'],
    ['<!DOCTYPE testsuite><testsuite/>', 'unreadable'],
    ['<!DOCTYPE t [<!ENTITY a "b">]><testsuite>&a;</testsuite>', 'unreadable'],
  ])('%j is %s', async (xml, end) => {
    const reading = await read(xml);
    expect(reading.end).toBe(end);
    if (end !== 'ok') expect(reading.problems).not.toEqual([]);
  });

  test('missing, and a folder', async () => {
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'ket-junit-'));
    expect((await readJUnit(path.join(folder, 'none.xml'))).end).toBe('missing');
    expect((await readJUnit(folder)).end).toBe('unreadable');
    fs.rmSync(folder, { recursive: true });
  });

  const valid =
    '<?xml version="1.0" encoding="UTF-8"?>\n<!-- made -->\n<testsuites><testsuite name="é" tests="3"><properties><property name="a" value="b"/></properties>' +
    '<testcase name="one" time="0.1"/><testcase name="two"><failure message="a &lt; b &#233;"><![CDATA[x ]] > <testcase/>]]></failure></testcase>' +
    '<testcase name="three"><skipped/></testcase><system-out>text &amp; more</system-out></testsuite></testsuites>';

  test('no cut of a valid file is ok', async () => {
    const bytes = Buffer.from(valid);
    expect((await read(bytes)).counts).toEqual({ total: 3, passed: 1, failed: 1, errors: 0, skipped: 1 });
    for (let length = 0; length < bytes.length; length++) {
      const reading = await read(bytes.subarray(0, length), 3);
      expect([length, reading.end]).toEqual([
        length,
        length === 0 ? 'empty' : expect.stringMatching(/^(cut|unreadable)$/),
      ]);
      expect(reading.counts.total).toBeLessThanOrEqual(3);
    }
  });

  test('a byte changed in a valid file never loses a case without a word', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.nat(Buffer.byteLength(valid) - 1),
        fc.integer({ min: 0, max: 255 }),
        async (at, byte) => {
          const bytes = Buffer.from(valid);
          bytes[at] = byte;
          const reading = await read(bytes, 5);
          if (reading.end === 'ok' && reading.counts.total < 3) expect(reading.problems).not.toEqual([]);
        },
      ),
      { numRuns: 2000 },
    );
  });

  test('never throws on anything', async () => {
    const piece = fc.constantFrom(
      '<testsuites>',
      '<testsuite name="a">',
      '<testcase name="b">',
      '</testcase>',
      '</testsuite>',
      '</testsuites>',
      '<failure message="m">',
      '</failure>',
      '<![CDATA[',
      ']]>',
      '<!--',
      '-->',
      '&amp;',
      '&#27;',
      '&',
      '<',
      '>',
      '"',
      '<?',
      '?>',
      '\u0000',
      'x',
      'é',
      '<!DOCTYPE a>',
    );
    await fc.assert(
      fc.asyncProperty(
        fc.oneof(
          fc.uint8Array({ maxLength: 200 }).map((b) => Buffer.from(b)),
          fc.array(piece, { maxLength: 30 }).map((p) => Buffer.from(p.join(''))),
        ),
        async (bytes) => {
          const reading = await read(bytes, 3);
          expect(['ok', 'empty', 'cut', 'unreadable']).toContain(reading.end);
          expect(reading.cases.length).toBe(reading.counts.total);
        },
      ),
      { numRuns: 3000 },
    );
  });
});

describe('characters', () => {
  test('colours go, other characters that XML forbids are replaced, and it is noted', async () => {
    const reading = await read(
      '<testsuite><testcase name="a\u0001&#0;"><failure message="&#27;[31mred&#x1B;[0m \u001b[1mbold">&#8;</failure></testcase></testsuite>',
    );
    expect(reading.end).toBe('ok');
    expect(reading.cases[0]).toMatchObject({ name: 'a\ufffd\ufffd', message: 'red bold' });
    expect(reading.problems).toEqual(['characters that XML or the encoding does not allow were replaced']);
  });

  test.each([
    ['ISO-8859-1', 'latin1', /^the file is encoded in ISO-8859-1/],
    ['UTF-16', 'utf16le', /^the file is encoded in utf-16le/],
  ] as const)('%s is read and noted', async (name, encoding, note) => {
    const reading = await read(
      Buffer.from(
        `<?xml version="1.0" encoding="${name}"?><testsuite><testcase name="caf\u00e9"/></testsuite>`,
        encoding,
      ),
      9,
    );
    expect(reading.end).toBe('ok');
    expect(reading.cases[0]?.name).toBe('café');
    expect(reading.problems).toEqual([expect.stringMatching(note)]);
  });

  test('an encoding nobody knows', async () => {
    const reading = await read(
      '<?xml version="1.0" encoding="x-odd"?><testsuite><testcase name="a"/></testsuite>',
    );
    expect(reading.end).toBe('ok');
    expect(reading.problems).toEqual([
      'the file declares the encoding x-odd, which is not known; read as UTF-8',
    ]);
  });
});

describe('bounds', () => {
  test('texts are kept within their limits, with beginning and end', async () => {
    const long = `begin ${'é'.repeat(300_000)} end`;
    const reading = await read(
      `<testsuite><testcase name="${long}"><failure message="${long}">${long}</failure><system-out><![CDATA[${long}]]></system-out></testcase><testcase name="after"/></testsuite>`,
      20,
    );
    expect(reading.end).toBe('ok');
    expect(reading.counts.total).toBe(2);
    const [found] = reading.cases;
    expect(Buffer.byteLength(found?.message ?? '')).toBeLessThanOrEqual(4096);
    expect(found?.message).toMatch(/^begin é/);
    expect(Buffer.byteLength(found?.detail ?? '')).toBeLessThanOrEqual(16 * 1024);
    expect(found?.detail).toMatch(/^begin é[^]* bytes left out …[^]* end$/);
    expect(found?.systemOut).toMatch(/^begin é[^]* end$/);
    expect(Buffer.byteLength(found?.systemOut ?? '')).toBeLessThanOrEqual(8 * 1024);
  });

  test.each([
    ['depth', '<testsuite>'.repeat(1000)],
    ['attributes', `<testsuite ${Array.from({ length: 1000 }, (_, i) => `a${i}=""`).join(' ')}>`],
    ['a name', `<${'t'.repeat(600_000)}`],
    ['a reference', `<testsuite>&#${'1'.repeat(600_000)}`],
  ])('%s without end is refused', async (_what, xml) => {
    expect((await read(xml, 10)).end).toBe('unreadable');
  });

  test('more cases than are kept are still counted, and failed ones are kept first', async () => {
    const cases = Array.from({ length: 100 }, (_, i) => `<testcase name="p${i}"/>`).join('');
    const reading = await readJUnitFrom(
      [Buffer.from(`<testsuite>${cases}<testcase name="f"><failure/></testcase></testsuite>`)],
      { keep: 5 },
    );
    expect(reading.counts).toMatchObject({ total: 101, passed: 100, failed: 1 });
    expect(reading.cases.map((c) => c.name)).toEqual(['p0', 'p1', 'p2', 'p3', 'p4', 'f']);
    expect(reading.problems).toEqual(['6 of 101 cases are listed']);
  });

  test('200 MB are read in bounded memory', async () => {
    const line = Buffer.from(`${'0123456789'.repeat(10)} &lt;log&gt;\n`.repeat(600));
    async function* file(): AsyncGenerator<Buffer> {
      yield Buffer.from('<testsuite name="s"><testcase name="noisy"><system-out>');
      for (let size = 0; size < 200_000_000; size += line.length) yield await Promise.resolve(line);
      yield Buffer.from('</system-out></testcase></testsuite>');
    }
    const before = process.memoryUsage().rss;
    const reading = await readJUnitFrom(file());
    expect(reading.end).toBe('ok');
    expect(reading.counts.passed).toBe(1);
    expect(process.memoryUsage().rss - before).toBeLessThan(128 * 1024 * 1024);
  }, 60_000);
});

test.each([
  ['0.25', 250],
  ['1,234.5', 1_234_500],
  ['12,345,678.9', 12_345_678_900],
  ['0,25', 250],
  ['1e-3', 1],
  ['.5', 500],
  ['-1', undefined],
  ['NaN', undefined],
  ['<<computed>>', undefined],
  ['', undefined],
  [undefined, undefined],
  ['1e400', undefined],
])('time %j is %j ms', (time, ms) => {
  expect(durationMs(time)).toBe(ms);
});
