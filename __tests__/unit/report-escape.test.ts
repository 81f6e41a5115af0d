import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import {
  defuseCommands,
  escapeCommandData,
  escapeCommandProperty,
  escapeHtml,
  escapeMarkdown,
  escapeTerminal,
  markdownBlock,
  markdownCode,
} from '../../src/report/escape.ts';

/* eslint-disable no-control-regex -- control characters are what is looked for */

const special = fc.constantFrom(
  '<',
  '>',
  '&',
  '"',
  "'",
  '`',
  '``',
  '```',
  '````',
  '|',
  '\\',
  '\\|',
  '*',
  '**',
  '_',
  '[a](b)',
  '![',
  ']',
  '(',
  ')',
  '~~',
  '$',
  '#',
  '@me',
  '\n',
  '\r',
  '\r\n',
  '\t',
  '\u001b[31m',
  '\u001b[2J',
  '\u001b]0;t\u0007',
  '\u001b',
  '\u009b1m',
  '\u0007',
  '\b',
  '\u202e',
  '\u2028',
  '\u0000',
  '::error::',
  '::',
  '##[error]',
  '%',
  '%0A',
  ':',
  ',',
  'https://x.example',
  'www.x.example',
  '<!--',
  '</details>',
  '- ',
  '1. ',
  '---',
  '😀',
  '\ud800',
  'a',
  ' ',
);
const text = fc
  .array(fc.oneof(special, fc.string({ maxLength: 3 })), { maxLength: 12 })
  .map((parts) => parts.join(''));
const many = { numRuns: 5000 };

describe('terminal', () => {
  test('no control character is left, whatever comes in', () => {
    fc.assert(
      fc.property(text, (input) => {
        expect(escapeTerminal(input)).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069]/);
      }),
      many,
    );
  });

  test.each([
    ['\u001b[31mred\u001b[0m', 'red'],
    ['a\u001b[2Jb\u001b]0;owned\u0007c', 'abc'],
    ['\u001b]8;;http://x\u001b\\link\u001b]8;;\u001b\\', 'link'],
    ['10%\r100%', '100%'],
    ['line\r', 'line'],
    ['a\tb', 'a    b'],
    ['bell\u0007', 'bell\\x07'],
    ['half \u001b[31', 'half \\x1b[31'],
    ['\u202egnp.exe', '\\u202egnp.exe'],
    ['日本 é 😀', '日本 é 😀'],
  ])('%j becomes %j', (input, expected) => {
    expect(escapeTerminal(input)).toBe(expected);
  });
});

describe('workflow commands', () => {
  const decode = (data: string): string =>
    data
      .replaceAll('%2C', ',')
      .replaceAll('%3A', ':')
      .replaceAll('%0A', '\n')
      .replaceAll('%0D', '\r')
      .replaceAll('%25', '%');

  test('are one line, and the runner reads back what was meant', () => {
    fc.assert(
      fc.property(text, (input) => {
        expect(escapeCommandData(input)).not.toMatch(/[\r\n]/);
        expect(escapeCommandProperty(input)).not.toMatch(/[\r\n:,]/);
        expect(decode(escapeCommandProperty(input))).toBe(input);
        expect(decode(escapeCommandData(input))).toBe(input.replaceAll('%2C', '%2C'));
      }),
      many,
    );
  });

  test('a log line is none', () => {
    fc.assert(
      fc.property(text, (input) => {
        const line = defuseCommands(escapeTerminal(input));
        expect(line.trimStart().startsWith('::')).toBe(false);
        expect(line).not.toContain('##[');
      }),
      many,
    );
    expect(defuseCommands('  ::add-mask::x')).toBe('  :\u200b:add-mask::x');
    expect(defuseCommands('a :: b')).toBe('a :: b');
  });
});

describe('HTML', () => {
  test('holds no tag and no quote, and is read back as it was', () => {
    const decode = (html: string): string =>
      html
        .replaceAll('&lt;', '<')
        .replaceAll('&gt;', '>')
        .replaceAll('&quot;', '"')
        .replaceAll('&#39;', "'")
        .replaceAll('&#96;', '`')
        .replaceAll('&amp;', '&');
    fc.assert(
      fc.property(
        text.filter((t) => !t.includes('\u001b')),
        (input) => {
          const html = escapeHtml(input);
          expect(html).not.toMatch(/[<>"'`]/);
          expect(html.replace(/&(lt|gt|quot|#39|#96|amp);/g, '')).not.toContain('&');
          expect(decode(html)).toBe(
            input.toWellFormed().replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f]/g, '\ufffd'),
          );
        },
      ),
      many,
    );
  });
});

describe('markdown', () => {
  test('a line stays a line without markup', () => {
    fc.assert(
      fc.property(text, (input) => {
        const out = escapeMarkdown(input);
        expect(out).not.toMatch(/[\n\r<>]/);
        // Every character that begins markup has an odd number of backslashes before it.
        for (const match of out.matchAll(/(\\*)[`*[\]|~$]/g))
          expect([out, (match[1] ?? '').length % 2]).toEqual([out, 1]);
        expect(out).not.toMatch(/(?<!\\):\/\/|www\.|@(?!&#8203;)|&(?!amp;|lt;|gt;|#8203;)/i);
        expect(out).not.toMatch(/^([-+] |--|[#=]|\d+[.)]( |$))/);
      }),
      many,
    );
  });

  test('a block is closed by its own fence only', () => {
    fc.assert(
      fc.property(text, (input) => {
        const lines = markdownBlock(input).split('\n');
        const fence = /^`+/.exec(lines[0] ?? '')?.[0] ?? '';
        expect(fence.length).toBeGreaterThanOrEqual(3);
        const closing = lines.flatMap((line, i) =>
          i > 0 && new RegExp(`^ {0,3}\`{${fence.length},}\\s*$`).test(line) ? [i] : [],
        );
        expect(closing).toEqual([lines.length - 1]);
      }),
      many,
    );
  });

  test('code in a line ends where it should, in a table too', () => {
    fc.assert(
      fc.property(text, (input) => {
        const code = markdownCode(input, true);
        if (code === '') return;
        const fence = /^`+/.exec(code)?.[0] ?? '';
        const inside = code.slice(fence.length, -fence.length);
        expect(code.endsWith(fence)).toBe(true);
        expect(Array.from(inside.matchAll(/`+/g), (run) => run[0].length)).not.toContain(fence.length);
        expect(code).not.toMatch(/[\n\r]/);
        for (const bar of inside.matchAll(/(\\*)\|/g))
          expect([code, (bar[1] ?? '').length % 2]).toEqual([code, 1]);
      }),
      many,
    );
  });

  test.each([
    ['test_total', 'test_total'],
    ['_x_ __init__', '\\_x\\_ \\_\\_init\\_\\_'],
    ['54.2 s', '54.2 s'],
    ['1. a', '1\\. a'],
    ['a*b* <b> & [l](http://x) @me', 'a\\*b\\* &lt;b&gt; &amp; \\[l\\](http\\://x) @&#8203;me'],
  ])('%j becomes %j', (input, expected) => {
    expect(escapeMarkdown(input)).toBe(expected);
  });
});
