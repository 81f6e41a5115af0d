import type { Counts } from '../model/outcome.ts';
import type { JUnitCase, JUnitTry } from './junit-case.ts';
import { escapeXml, escapeXmlText } from './xml-escape.ts';

/**
 * JUnit XML in the dialect that most readers know (Surefire's), piece by piece. junit-report-builder, which would be
 * the ready-made way, has no flaky tries and no message of a skip, and holds the whole document in memory.
 */

type Attributes = Readonly<Record<string, string | number | undefined>>;

function tag(name: string, attributes: Attributes, text?: string): string {
  const written = Object.entries(attributes)
    .filter(([, value]) => value !== undefined)
    .map(([key, value]) => ` ${key}="${escapeXml(String(value))}"`);
  const open = `<${name}${written.join('')}`;
  return text === undefined || text === '' ? `${open}/>` : `${open}>${escapeXmlText(text)}</${name}>`;
}

const seconds = (ms: number): string => (ms / 1000).toFixed(3);

const totals = (counts: Counts): Attributes => ({
  tests: counts.total,
  failures: counts.failed,
  errors: counts.errors,
  skipped: counts.skipped,
});

export function junitHead(name: string, counts: Counts, ms: number): string {
  const root = tag('testsuites', { name, ...totals(counts), time: seconds(ms) }).replace(/\/>$/, '>');
  return `<?xml version="1.0" encoding="UTF-8"?>\n${root}\n`;
}

export const junitEnd = '</testsuites>\n';

export interface SuiteHead {
  readonly name: string;
  readonly counts: Counts;
  readonly ms: number;
  /** ISO 8601. */
  readonly timestamp?: string;
  readonly properties: readonly { readonly name: string; readonly value: string }[];
}

export function junitSuiteHead(suite: SuiteHead): string {
  const { name, counts, ms, timestamp, properties } = suite;
  const head = tag('testsuite', { name, ...totals(counts), time: seconds(ms), timestamp }).replace(
    /\/>$/,
    '>',
  );
  const listed = properties.map((property) => `      ${tag('property', { ...property })}\n`).join('');
  return `  ${head}\n${listed === '' ? '' : `    <properties>\n${listed}    </properties>\n`}`;
}

export const junitSuiteEnd = '  </testsuite>\n';

function tries(element: (kind: JUnitTry['kind']) => string, list: readonly JUnitTry[]): string[] {
  return list.map(({ kind, message, type, detail }) =>
    // The text beside the message stands in an element of its own, as Surefire has it.
    detail === undefined
      ? tag(element(kind), { message, type })
      : `${tag(element(kind), { message, type }).replace(/\/>$/, '>')}${tag('stackTrace', {}, detail)}</${element(kind)}>`,
  );
}

/** One case; `classname` stands in where the case has none, since readers group by it. */
export function junitCase(found: JUnitCase, classname: string): string {
  const { name, file, line, ms, status, message, type, detail } = found;
  const inside: string[] = [];
  if (found.properties.length > 0)
    inside.push(
      `<properties>${found.properties.map((p) => tag('property', { ...p })).join('')}</properties>`,
    );
  if (status === 'failed' || status === 'error')
    inside.push(tag(status === 'failed' ? 'failure' : 'error', { message: message ?? '', type }, detail));
  else if (status === 'skipped') inside.push(tag('skipped', { message, type }));
  inside.push(...tries((kind) => (kind === 'error' ? 'flakyError' : 'flakyFailure'), found.flaky));
  inside.push(...tries((kind) => (kind === 'error' ? 'rerunError' : 'rerunFailure'), found.reruns));
  if (found.systemOut !== undefined) inside.push(tag('system-out', {}, found.systemOut));
  if (found.systemErr !== undefined) inside.push(tag('system-err', {}, found.systemErr));
  const time = ms === undefined ? undefined : seconds(ms);
  const head = tag('testcase', { name, classname: found.classname ?? classname, file, line, time });
  if (inside.length === 0) return `    ${head}\n`;
  return `    ${head.replace(/\/>$/, '>')}\n${inside.map((element) => `      ${element}\n`).join('')}    </testcase>\n`;
}
