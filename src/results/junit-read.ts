import { createReadStream } from 'node:fs';
import { noCounts, type Counts } from '../model/outcome.ts';
import { countCase, type JUnitCase } from './junit-case.ts';
import { JUnitParser } from './junit-parse.ts';
import { readXmlFrom, type XmlEnd } from './xml-read.ts';

/** What a JUnit file says. With any `end` but `ok` the cases are those before the fault. */
export interface JUnitReading {
  readonly end: XmlEnd;
  /** All failed cases and the first of the others, within limits; `counts` counts every case. */
  readonly cases: readonly JUnitCase[];
  readonly counts: Counts;
  /** Cases that passed after a failed try. */
  readonly flaky: number;
  /** What was odd, in sentences for people; not the failures of cases. */
  readonly problems: readonly string[];
}

export interface JUnitOptions {
  /** Called with every case, also with those that `cases` does not keep. */
  readonly onCase?: (found: JUnitCase) => void;
  /** Most cases to keep in `cases`: so many failed or flaky ones, and as many others. */
  readonly keep?: number;
}

/** How much text of cases is kept in all; beyond it cases are kept without detail and output. */
const textBudget = 32 * 1024 * 1024;

const sizeOf = (found: JUnitCase): number =>
  (found.detail?.length ?? 0) +
  (found.message?.length ?? 0) +
  (found.systemOut?.length ?? 0) +
  (found.systemErr?.length ?? 0);

type Draft = { -readonly [K in keyof JUnitCase]: JUnitCase[K] };

/** The case without what it printed: that is in its file, and reports show it of failed cases only. */
function quiet(found: JUnitCase): Draft {
  const copy: Draft = { ...found };
  delete copy.systemOut;
  delete copy.systemErr;
  return copy;
}

/** The case with no more than a line of message. */
function bare(found: JUnitCase): JUnitCase {
  const copy = quiet(found);
  delete copy.detail;
  if (copy.message !== undefined) copy.message = copy.message.slice(0, 200);
  return { ...copy, properties: [] };
}

/** Reads JUnit XML from pieces of bytes. Never rejects. */
export async function readJUnitFrom(
  source: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  options: JUnitOptions = {},
): Promise<JUnitReading> {
  const keep = options.keep ?? 50_000;
  const kept = { failed: 0, other: 0, text: 0 };
  const cases: JUnitCase[] = [];
  const failedBefore = new Set<string>();
  let counts: Counts = noCounts;
  let flaky = 0;
  let repeated = 0;
  const parser = new JUnitParser((found) => {
    counts = countCase(counts, found.status);
    if (found.flaky.length > 0) flaky++;
    options.onCase?.(found);
    const bad = found.status === 'failed' || found.status === 'error';
    const key = JSON.stringify([found.suites, found.classname, found.name, found.file]);
    if (bad && failedBefore.size < keep) failedBefore.add(key);
    else if (found.status === 'passed' && failedBefore.has(key)) repeated++;
    const group = bad || found.flaky.length > 0 ? 'failed' : 'other';
    if (kept[group] >= keep) return;
    kept[group]++;
    const shown: JUnitCase = bad ? found : quiet(found);
    kept.text += sizeOf(shown);
    cases.push(kept.text > textBudget ? bare(shown) : shown);
  });
  const reading = await readXmlFrom(source, parser);
  const problems = [...reading.problems, ...parser.problems.slice(0, 20)];
  if (repeated > 0)
    problems.push(
      `${repeated} case(s) are listed as failed and again as passed; each listing counts as a case of its own`,
    );
  if (cases.length < counts.total) problems.push(`${cases.length} of ${counts.total} cases are listed`);
  return { end: reading.end, cases, counts, flaky, problems };
}

/** Reads a JUnit file as a stream, in bounded memory. Never rejects. */
export function readJUnit(path: string, options: JUnitOptions = {}): Promise<JUnitReading> {
  return readJUnitFrom(createReadStream(path, { highWaterMark: 64 * 1024 }), options);
}
