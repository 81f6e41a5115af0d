import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { readJUnit, readJUnitFrom } from '../../src/results/junit-read.ts';
import { read } from './support/junit.ts';

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
