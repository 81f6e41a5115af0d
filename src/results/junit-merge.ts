import type { Counts, Outcome } from '../model/outcome.ts';
import { addCounts, noCounts } from '../model/outcome.ts';
import { caseKey, countCase, type JUnitCase, type JUnitTry } from './junit-case.ts';
import { eachCase, type RetriedCases } from './junit-retry.ts';
import { junitCase, junitEnd, junitHead, junitSuiteEnd, junitSuiteHead } from './junit-write.ts';
import { FileWriter } from './write-file.ts';

/** One suite of the run, as its last attempt left it. */
export interface MergeSuite {
  readonly name: string;
  /** Undefined for a suite that did not run. */
  readonly outcome: Outcome | undefined;
  /** `no-proof`, `timeout` …: why, in a word. */
  readonly type?: string;
  readonly message: string;
  readonly ms: number;
  readonly timestamp?: string;
  /** JUnit files of the last attempt that ran the whole suite, absolute. */
  readonly files: readonly string[];
  /** Attempts after that one, which ran failed cases only. */
  readonly retries: readonly RetriedCases[];
  readonly lastLines: readonly string[];
  /** Failed cases of earlier attempts, whose cases in the last attempt are flaky if they passed. */
  readonly earlier: readonly EarlierFailure[];
  readonly properties: readonly { readonly name: string; readonly value: string }[];
}

export interface EarlierFailure {
  readonly attempt: number;
  readonly name: string;
  readonly classname?: string;
  readonly file?: string;
  readonly status: 'failed' | 'error';
  readonly message?: string;
}

export interface Merged {
  readonly counts: Counts;
  readonly problems: readonly string[];
}

/** The case as the run sees it: passed now, but failed in an earlier attempt, is flaky. */
function withEarlier(found: JUnitCase, earlier: ReadonlyMap<string, readonly JUnitTry[]>): JUnitCase {
  const failed = found.status === 'passed' ? earlier.get(caseKey(found)) : undefined;
  return failed === undefined ? found : { ...found, flaky: [...failed, ...found.flaky] };
}

function earlierOf(suite: MergeSuite): Map<string, JUnitTry[]> {
  const map = new Map<string, JUnitTry[]>();
  for (const failure of suite.earlier) {
    const { attempt, status, message } = failure;
    const told = `attempt ${attempt}: ${message ?? 'failed'}`;
    const key = caseKey(failure);
    map.set(key, [
      ...(map.get(key) ?? []),
      { kind: status === 'error' ? 'error' : 'failure', message: told },
    ]);
  }
  return map;
}

/**
 * A case of ket's own where the cases do not tell the suite's end: it failed without a failed case, ket could not
 * prove anything, or it did not run. Without it a reader of the merged file would see green.
 */
function ownCase(suite: MergeSuite, counts: Counts): JUnitCase | undefined {
  const { outcome } = suite;
  const bad = counts.failed + counts.errors > 0;
  if (outcome === 'passed' || outcome === 'flaky' || (outcome === 'failed' && bad)) return undefined;
  if (outcome === 'skipped' && counts.total > 0) return undefined;
  const detail = suite.lastLines.join('\n');
  return {
    name: `suite ${suite.name}`,
    classname: 'ket',
    suites: [],
    status: outcome === 'failed' ? 'failed' : outcome === 'skipped' ? 'skipped' : 'error',
    message: suite.message,
    type: suite.type ?? outcome ?? 'not-run',
    ...(detail === '' ? {} : { detail }),
    flaky: [],
    reruns: [],
    properties: [],
  };
}

/**
 * Writes one JUnit file for the run: a testsuite per suite. The files are read twice, because the totals stand before
 * the cases and the cases may be more than memory holds.
 */
export async function mergeJUnit(
  out: string,
  run: string,
  runMs: number,
  suites: readonly MergeSuite[],
): Promise<Merged> {
  const problems: string[] = [];
  const parts: { suite: MergeSuite; counts: Counts; own: JUnitCase | undefined }[] = [];
  for (const suite of suites) {
    let counts = noCounts;
    const faults = await eachCase(suite.files, suite.retries, ({ status }) => {
      counts = countCase(counts, status);
    });
    problems.push(...faults.map((fault) => `${suite.name}: ${fault}`));
    const own = ownCase(suite, counts);
    parts.push({ suite, counts: own === undefined ? counts : countCase(counts, own.status), own });
  }
  const counts = parts.reduce((sum, part) => addCounts(sum, part.counts), noCounts);
  const writer = new FileWriter(out);
  try {
    writer.write(junitHead(run, counts, runMs));
    for (const { suite, counts: suiteCounts, own } of parts) {
      writer.write(junitSuiteHead({ ...suite, counts: suiteCounts }));
      const earlier = earlierOf(suite);
      await eachCase(suite.files, suite.retries, (found) => {
        const classname = found.suites.join('.') || suite.name;
        writer.write(junitCase(withEarlier(found, earlier), classname));
      });
      if (own !== undefined) writer.write(junitCase(own, 'ket'));
      writer.write(junitSuiteEnd);
    }
    writer.write(junitEnd);
    writer.finish();
  } catch (error) {
    writer.discard();
    throw error;
  }
  return { counts, problems };
}
