import fs from 'node:fs';
import path from 'node:path';
import type { RunEvent } from '../model/events.ts';
import { mergeCoverage, findCoverage } from '../results/coverage.ts';
import { mergeJUnit, type EarlierFailure, type MergeSuite } from '../results/junit-merge.ts';
import {
  countedAttempts,
  decidingAttempts,
  lastAttempt,
  viewOf,
  type RunView,
  type SuiteView,
} from './model.ts';
import { soakJson } from './soak-json.ts';
import { summaryMarkdown, type SummaryOptions } from './summary-markdown.ts';
import { timingsOf } from './timings.ts';

export interface WriteOptions {
  /** The folder as people should read it. */
  readonly shownAs?: string;
  /** What was uploaded of it. */
  readonly artifact?: SummaryOptions['artifact'];
}

/**
 * Writes summary.md, junit.xml, timings.json, soak.json of a soak, and merged coverage into a run's folder, from nothing but the folder and
 * its events; so they can be written again at any time. Returns what was odd.
 */
export async function writeReports(
  folder: string,
  events: Iterable<RunEvent>,
  options: WriteOptions = {},
): Promise<readonly string[]> {
  const view = viewOf(events);
  const suites = [...view.suites.values()].map((suite) => mergeSuite(view, suite, folder));
  const run = view.started?.run ?? 'ket';
  const junit = await mergeJUnit(path.join(folder, 'junit.xml'), run, view.ended?.runMs ?? view.ms, suites);
  const reports = (await findCoverage(folder)).filter((file) =>
    counts(view, path.relative(folder, file.path)),
  );
  const coverage = await mergeCoverage(reports, folder, Date.parse(view.startedAt ?? '') || 0);
  const write = (name: string, text: string): void =>
    fs.writeFileSync(path.join(folder, name), text, { mode: 0o600 });
  write('timings.json', `${JSON.stringify(timingsOf(view), undefined, 2)}\n`);
  if (view.soak !== undefined)
    write('soak.json', `${JSON.stringify(soakJson(view, view.soak), undefined, 2)}\n`);
  write(
    'summary.md',
    summaryMarkdown(view, {
      coverage: coverage.merged,
      folder: options.shownAs ?? folder,
      ...(options.artifact === undefined ? {} : { artifact: options.artifact }),
    }),
  );
  return [...junit.problems, ...coverage.problems];
}

/** Coverage of an attempt that was repeated as a whole does not count, nor do the merged files themselves. */
function counts(view: RunView, relative: string): boolean {
  const [top, suite, attempt] = relative.split(path.sep);
  if (attempt === undefined && suite === undefined) return false;
  if (top !== 'suites') return top !== 'cluster';
  const known = suite === undefined ? undefined : view.suites.get(suite);
  if (known === undefined || known.attempts.length === 0) return true;
  return decidingAttempts(known).some((one) => attempt === `attempt-${one.attempt}`);
}

/** A path from the event log, only if it stays in the folder. */
function inside(folder: string, relative: string): string[] {
  const full = path.resolve(folder, relative);
  return full.startsWith(path.resolve(folder) + path.sep) ? [full] : [];
}

function mergeSuite(view: RunView, suite: SuiteView, folder: string): MergeSuite {
  const { ended } = suite;
  const last = lastAttempt(suite);
  const [whole, ...retries] = decidingAttempts(suite);
  const junitOf = (attempt: typeof last): string[] =>
    (attempt?.ended?.junit ?? []).flatMap((file) => inside(folder, file.path));
  const task = view.tasks.get(`suite ${suite.name}`);
  const allowed = ended === undefined && view.ended?.exitCode === 0;
  const type = ended?.infraClass ?? last?.ended?.cause;
  return {
    name: suite.name,
    // A suite that did not run is no pass; where the run passed all the same, it was allowed to be skipped.
    outcome: ended?.outcome ?? (allowed ? 'skipped' : undefined),
    ...(type === undefined ? {} : { type }),
    message: ended?.message ?? `the suite did not run${task?.reason === undefined ? '' : `: ${task.reason}`}`,
    ms: ended?.suiteMs ?? 0,
    files: junitOf(whole),
    retries: retries.map((attempt) => ({
      cases: attempt.ended?.retriedCases ?? [],
      files: junitOf(attempt),
    })),
    lastLines: last?.ended?.lastLines ?? [],
    earlier: countedAttempts(suite)
      .slice(0, -1)
      .flatMap((attempt) => attempt.bad.flatMap(earlierFailure)),
    properties: [
      { name: 'ket.outcome', value: ended?.outcome ?? 'not-run' },
      ...countedAttempts(suite)
        .slice(0, -1)
        .map((attempt) => ({
          name: `ket.attempt.${attempt.attempt}`,
          value: `${attempt.ended?.outcome ?? 'unknown'}: ${attempt.ended?.message ?? ''}`,
        })),
    ],
  };
}

function earlierFailure(found: SuiteView['attempts'][number]['bad'][number]): EarlierFailure[] {
  const { attempt, name, classname, file, status, message } = found;
  if (status !== 'failed' && status !== 'error') return [];
  return [
    {
      attempt,
      name,
      status,
      ...(classname === undefined ? {} : { classname }),
      ...(file === undefined ? {} : { file }),
      ...(message === undefined ? {} : { message }),
    },
  ];
}
