import type { CaseInfo } from '../model/events.ts';
import type { Counts } from '../model/outcome.ts';
import { clip } from './text.ts';

/** A failed try of a case that passed in the end, or a further failed try of one that failed. */
export interface JUnitTry {
  readonly kind: 'failure' | 'error';
  readonly message?: string;
  readonly type?: string;
  readonly detail?: string;
}

/** One `<testcase>`, whichever runner wrote it. */
export interface JUnitCase {
  readonly name: string;
  readonly classname?: string;
  readonly file?: string;
  readonly line?: number;
  /** Names of the suites around it, outermost first. */
  readonly suites: readonly string[];
  readonly status: CaseInfo['status'];
  /** Undefined when the file does not say, or says nonsense. */
  readonly ms?: number;
  /** At most 4 KiB. */
  readonly message?: string;
  /** Type of the failure, error or skip. */
  readonly type?: string;
  /** The text of the failure, e.g. a stack trace, beyond its message. */
  readonly detail?: string;
  /** Failed tries that were followed by a pass: not empty means flaky. */
  readonly flaky: readonly JUnitTry[];
  /** Further failed tries of a case that failed. */
  readonly reruns: readonly JUnitTry[];
  readonly systemOut?: string;
  readonly systemErr?: string;
  readonly properties: readonly { readonly name: string; readonly value: string }[];
}

export const messageLimit = 4096;

/** The case as the event log tells it. */
export function caseInfo(found: JUnitCase, suite: string, attempt: number): CaseInfo {
  const message = found.message ?? found.flaky[0]?.message;
  const { classname, file, line } = found;
  return {
    suite,
    attempt,
    name: found.name,
    ...(classname === undefined ? {} : { classname }),
    ...(file === undefined ? {} : { file }),
    ...(line === undefined ? {} : { line }),
    status: found.status,
    caseMs: Math.round(found.ms ?? 0),
    ...(message === undefined ? {} : { message: clip(message, messageLimit) }),
  };
}

/** Counts with one more case. */
export function countCase(counts: Counts, status: CaseInfo['status']): Counts {
  return {
    total: counts.total + 1,
    passed: counts.passed + (status === 'passed' ? 1 : 0),
    failed: counts.failed + (status === 'failed' ? 1 : 0),
    errors: counts.errors + (status === 'error' ? 1 : 0),
    skipped: counts.skipped + (status === 'skipped' ? 1 : 0),
  };
}

/**
 * Milliseconds of a `time` attribute, which is in seconds. Some writers group thousands (`1,234.5`), some use their
 * locale's decimal comma (`0,25`); what is no duration is unknown, not 0.
 */
export function durationMs(time: string | undefined): number | undefined {
  const text = time?.trim() ?? '';
  const grouped = /^\d{1,3}(,\d{3})+\.\d+$/.test(text)
    ? text.replaceAll(',', '')
    : text.replace(/^(\d+),(\d+)$/, '$1.$2');
  if (!/^\d+(\.\d*)?(e[+-]?\d+)?$|^\.\d+$/i.test(grouped)) return undefined;
  const ms = Number(grouped) * 1000;
  return Number.isFinite(ms) && ms < 1e12 ? ms : undefined;
}

/** The same for the same test in other files and attempts. */
export const caseKey = (found: { name: string; classname?: string; file?: string }): string =>
  JSON.stringify([found.classname ?? '', found.name, found.file ?? '']);
