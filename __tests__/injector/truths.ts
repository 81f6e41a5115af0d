import type { FailureCause, InfraClass, Outcome } from '../../src/model/outcome.ts';

/** How a suite of project/ket.yaml ends when nothing disturbs it. */
export interface Truth {
  readonly suite: string;
  readonly outcome: Outcome;
  /** Of the last attempt. */
  readonly attempt: Outcome;
  readonly cause?: FailureCause;
  readonly infraClass?: InfraClass;
  /** Words of its last attempt's message. */
  readonly says: RegExp;
  /** Of each attempt. */
  readonly lines: number;
  readonly attempts: number;
  /** It leaves a JUnit file. */
  readonly junit: boolean;
}

const truth = (
  suite: string,
  outcome: Outcome,
  lines: number,
  says: RegExp,
  more: Partial<Truth> = {},
): Truth => ({
  suite,
  outcome,
  attempt: outcome,
  says,
  lines,
  attempts: 1,
  junit: true,
  ...more,
});

export const truths: readonly Truth[] = [
  truth('passes', 'passed', 60, /^2 tests passed, 1 skipped$/),
  truth('passes-long', 'passed', 120, /^1 test passed$/),
  truth('case-fails', 'failed', 60, /^2 of 3 tests failed: b, c$/, { cause: 'cases' }),
  truth('case-fails-exit-0', 'failed', 60, /^1 of 2 tests failed: b$/, { cause: 'cases' }),
  truth('exits-3', 'failed', 60, /^exit code 3, .*last line: line 60$/, { cause: 'exit-code' }),
  truth('crashes', 'failed', 60, /SIGSEGV/, { cause: 'signal' }),
  truth('hangs', 'failed', 40, /time limit of 7 s .*last line: line 40$/, { cause: 'timeout' }),
  truth('skips', 'skipped', 60, /^all 2 tests were skipped$/),
  truth('flaky', 'flaky', 40, /^2 tests passed$/, { attempt: 'passed', attempts: 2 }),
  truth('no-proof', 'infra-error', 60, /^exit code 0, but no JUnit/, {
    infraClass: 'no-proof',
    junit: false,
  }),
  truth('too-few', 'infra-error', 60, /^exit code 0, but only 2 of/, { infraClass: 'no-proof' }),
];

/** The lines 1 to n, each with its end: what `seq 1 n` prints. */
const upTo = (n: number): string => Array.from({ length: n }, (_, i) => `${i + 1}\n`).join('');

/** Files that every suite leaves before its first line, below its results. */
export const knownFiles: ReadonlyMap<string, string> = new Map([
  ['big.txt', upTo(600_000)],
  ...Array.from({ length: 8 }, (_, i): [string, string] => [`small/${i + 1}.txt`, upTo(i + 1)]),
]);

export const knownLines = (n: number): string[] => Array.from({ length: n }, (_, i) => `line ${i + 1}`);
