import { isXmlChar, replacement } from './xml-decode.ts';

const entities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&apos;',
  // As references: a parser turns the plain characters into spaces in attributes, and CR into LF anywhere.
  '\t': '&#9;',
  '\n': '&#10;',
  '\r': '&#13;',
};

/** Text for an XML element or a quoted attribute; characters that XML cannot hold become U+FFFD. */
export function escapeXml(text: string): string {
  return text
    .toWellFormed()
    .replace(/[&<>"'\t\n\r]/g, (char) => entities[char] ?? char)
    .replace(/[^\u0020-\ud7ff]/gu, (char) => (isXmlChar(char.codePointAt(0) ?? 0) ? char : replacement));
}

/** Text for an XML element, with its line breaks as they are: longer texts stay readable in the file. */
export function escapeXmlText(text: string): string {
  return escapeXml(text.replace(/\r\n?/g, '\n')).replaceAll('&#10;', '\n').replaceAll('&#9;', '\t');
}
