import type { SuitePlan } from '../../model/plan.ts';
import type { Evidence, JunitProof } from './evidence.ts';
import type { RunRecord } from './record.ts';

/** What is wrong with the JUnit that was found. */
export function junitFault(junit: JunitProof): string {
  const detail = junit.detail === undefined ? '' : ` (${junit.detail})`;
  switch (junit.state) {
    case 'missing':
      return 'no JUnit file was found in its results';
    case 'empty':
      return `its JUnit file is empty${detail}`;
    case 'cut':
      return `its JUnit file is cut off${detail}`;
    case 'stale':
      return `its JUnit file is older than the run${detail}`;
    case 'unreadable':
    case 'ok':
      return `its JUnit file cannot be read${detail}`;
  }
}

/** The line to add for the test runner that the command names. */
export function junitCure(suite: SuitePlan): string {
  const text = typeof suite.command === 'string' ? suite.command : (suite.command ?? []).join(' ');
  const where = suite.image === undefined ? 'reports/junit.xml' : '/results/junit.xml';
  const known: readonly [RegExp, string][] = [
    [/\bpytest\b/, `add --junitxml=${where}`],
    [/\bjest\b/, `add the reporter jest-junit with JEST_JUNIT_OUTPUT_FILE=${where}`],
    [/\bmocha\b/, `add --reporter mocha-junit-reporter --reporter-options mochaFile=${where}`],
    [/\bgotestsum\b/, `add --junitfile ${where}`],
    [/\bgo test\b/, `run it as gotestsum --junitfile ${where} --`],
    [/\b(mvn|mvnw)\b/, `copy target/surefire-reports to ${where.replace(/\/[^/]*$/, '')}`],
    [/\bvitest\b/, `add --reporter=junit --outputFile=${where}`],
  ];
  const cure = known.find(([runner]) => runner.test(text))?.[1] ?? `let the command write JUnit to ${where}`;
  return `${cure}, or set \`expectTests: false\` to judge it by its exit code alone`;
}

const signals: Readonly<Record<number, string>> = {
  4: 'ILL',
  6: 'ABRT',
  7: 'BUS',
  8: 'FPE',
  9: 'KILL',
  11: 'SEGV',
  15: 'TERM',
};

/** A signal as people call it. */
export const signalName = (signal: number): string =>
  signals[signal] === undefined ? String(signal) : `SIG${signals[signal]}`;

/** The memory it used at most, for a message. */
export const peak = (record: RunRecord | undefined): string =>
  record?.memory_peak_bytes === null || record?.memory_peak_bytes === undefined
    ? ''
    : ` (peak ${Math.round(record.memory_peak_bytes / 1048576)} MiB)`;

/** What the command itself had started last; the words of its shell tell nothing more. */
export const running = (record: RunRecord | undefined): string =>
  typeof record?.running === 'string' ? ` while it ran \`${record.running.slice(0, 120)}\`` : '';

/** What it said last, for a message. */
export const lastLine = (e: Evidence): string => {
  const line = e.lastLines.findLast((l) => l.trim() !== '');
  return line === undefined ? '' : `; last line: ${line.slice(0, 200)}`;
};
