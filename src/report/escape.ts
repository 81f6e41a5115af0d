/**
 * One function per sink. Names, messages and log lines come from tests, charts and servers: everything that is not
 * ket's own text goes through the function of the sink that it is written to, and nowhere else.
 */
import { escapeXml, escapeXmlText } from '../results/xml-escape.ts';

export { escapeXml, escapeXmlText };

/* eslint-disable no-control-regex -- control characters are what this file is about */

/** A whole escape sequence of a terminal: colours, cursor movement, title and link texts. */
const sequences =
  /\u001b\[[0-?]{0,64}[ -/]{0,8}[@-~]|\u001b\][^\u0007\u001b]{0,2048}(?:\u0007|\u001b\\)|\u001b[()][0-9A-B]/g;
/** Control characters, and those that reorder or break the line they stand in. */
const controls = /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/g;
/** Those that change the order or the look of a text of several lines. */
const misleading = /[\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/g;
const unprintable = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f]/g;

/* eslint-enable no-control-regex */

/** The text without a terminal's colours and other escape sequences. */
export function stripSequences(text: string): string {
  return text.includes('\u001b') ? text.replace(sequences, '') : text;
}

/** One line for a terminal or a plain log: it can move no cursor, set no title, hide nothing and start no line. */
export function escapeTerminal(text: string): string {
  let line = stripSequences(text).replace(/\r+$/, '');
  // What stands before a CR (a progress bar) would be overwritten.
  if (line.includes('\r') && !line.includes('\n')) line = line.slice(line.lastIndexOf('\r') + 1);
  return line.replaceAll('\t', '    ').replace(controls, (char) => {
    if (char === '\n') return ' ';
    const code = char.charCodeAt(0);
    return code <= 0xff
      ? `\\x${code.toString(16).padStart(2, '0')}`
      : `\\u${code.toString(16).padStart(4, '0')}`;
  });
}

const zeroWidthSpace = '&#8203;';

/**
 * Text within a line of markdown: no markup, no HTML, no link, nobody and no issue mentioned. Only what can begin one
 * of these is escaped, since people read the page's source too.
 */
export function escapeMarkdown(text: string): string {
  return stripSequences(text)
    .replace(/\s+/g, ' ')
    .replace(controls, '\ufffd')
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replace(/[\\`*[\]|~$]/g, '\\$&')
    .replace(/(?<![\p{L}\p{N}])_|_(?![\p{L}\p{N}])/gu, '\\_')
    .replace(/:(?=\/\/)|(?<=www)\./gi, '\\$&')
    .replace(
      /^(?:[-+](?=[\s-]|$)|[#=]|\d+[.)](?=\s|$))/,
      (start) => `${start.slice(0, -1)}\\${start.slice(-1)}`,
    )
    .replace(/@|#(?=\d)/g, `$&${zeroWidthSpace}`);
}

/** The longest run of backticks in a text, which a fence around it must exceed. */
function longestRun(text: string): number {
  return Math.max(0, ...Array.from(text.matchAll(/`+/g), (run) => run[0].length));
}

/** Text as code within a line of markdown. `cell`: within a table, where a bar ends the cell even in code. */
export function markdownCode(text: string, cell = false): string {
  const line = stripSequences(text).replace(/\s+/g, ' ').replace(controls, '\ufffd').trim();
  if (line === '') return '';
  const fence = '`'.repeat(longestRun(line) + 1);
  const pad = line.startsWith('`') || line.endsWith('`') ? ' ' : '';
  return fence + pad + (cell ? escapeBars(line) : line) + pad + fence;
}

/**
 * A table takes a bar for the cell's end unless an odd number of backslashes stands before it, in code as well; of
 * these it removes one.
 */
function escapeBars(line: string): string {
  return line.replace(/\\*\|/g, (found) => `${found.slice(0, -1)}${found.length % 2 === 1 ? '\\' : '\\\\'}|`);
}

/** Lines of text with nothing in them that a terminal or a page would act on or hide. */
export function plainText(text: string): string {
  return stripSequences(text)
    .replace(/\r\n?/g, '\n')
    .replace(unprintable, '\ufffd')
    .replace(misleading, '\ufffd');
}

/** Lines as a block of code in markdown, with a fence that nothing in them closes. */
export function markdownBlock(text: string, language = 'text'): string {
  const body = plainText(text);
  const fence = '`'.repeat(Math.max(3, longestRun(body) + 1));
  return `${fence}${language}\n${body}\n${fence}`;
}

const htmlEntities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
  '`': '&#96;',
};

/** Text for HTML, within an element or a quoted attribute. */
export function escapeHtml(text: string): string {
  return stripSequences(text)
    .toWellFormed()
    .replace(/[&<>"'`]/g, (char) => htmlEntities[char] ?? char)
    .replace(unprintable, '\ufffd');
}

/** The message of a workflow command (`::error::…`), by the runner's own rules. */
export function escapeCommandData(text: string): string {
  return text.replaceAll('%', '%25').replaceAll('\r', '%0D').replaceAll('\n', '%0A');
}

/** A property of a workflow command (`::error file=…::`). */
export function escapeCommandProperty(text: string): string {
  return escapeCommandData(text).replaceAll(':', '%3A').replaceAll(',', '%2C');
}

/**
 * A line of a log that a GitHub runner reads: the runner acts on `::name::` at a line's start (behind whatever .NET
 * takes for white space) and on `##[name]` anywhere in it, so that a test could print commands. A zero-width space ends
 * that and changes no look.
 */
export function defuseCommands(line: string): string {
  return line.replace(/^([\s\u0085\u180e]*):(?=:)/, '$1:\u200b').replaceAll('##[', '##\u200b[');
}

/** What texts become in the sinks above: a secret is looked for in each of these forms too. */
export const escapes: readonly ((text: string) => string)[] = [
  escapeTerminal,
  escapeMarkdown,
  (text) => markdownCode(text, true),
  markdownBlock,
  escapeHtml,
  escapeXml,
  escapeXmlText,
  escapeCommandData,
  escapeCommandProperty,
];
