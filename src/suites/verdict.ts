import type { Counts, Verdict } from '../model/outcome.ts';
import type { SuitePlan } from '../model/plan.ts';
import { formatMs } from '../model/format.ts';
import { disruption, isOwnStorageLimit, mainStatus, type NeverRan, type Pod } from './pod-state.ts';
import type { RunRecord } from './record.ts';

/** What was found of JUnit in the results. */
export interface JunitProof {
  /** `missing`: no file at all; otherwise the worst of the files. */
  readonly state: 'ok' | 'missing' | 'empty' | 'cut' | 'unreadable' | 'stale';
  readonly counts: Counts;
  /** First words about what is wrong with it, and names of failed cases. */
  readonly detail?: string;
  readonly failedNames: readonly string[];
}

/** All that ket has of an attempt when it decides. */
export interface Evidence {
  readonly suite: SuitePlan;
  /** Who or what stopped it. */
  readonly cancelled?: string;
  /** A release that it needs broke under it. */
  readonly unhealthy?: string;
  /** Set when the pod's main container never ran. */
  readonly neverRan?: Pick<NeverRan, 'infraClass' | 'message'>;
  /** The latest pod; absent when it vanished and nothing of it is known, and in the unit tier. */
  readonly pod?: Pod;
  /** UID of the pod that ket first saw for this attempt, and the nonce that it gave it. */
  readonly uid: string;
  readonly nonce: string;
  /** The pod is no longer there. */
  readonly podGone: boolean;
  /** ket waited until its own backstop and gave up. */
  readonly gaveUp?: string;
  readonly record?: RunRecord;
  readonly junit: JunitProof;
  /** Why results are missing or incomplete. */
  readonly collectError?: string;
  /** Last lines of the log, for messages. */
  readonly lastLines: readonly string[];
}

/** The verdict of an attempt: the first row of the design's table that fits. Pure. */
export function verdictOf(e: Evidence): Verdict {
  return (
    cancelled(e) ??
    unhealthy(e) ??
    neverRan(e) ??
    ownLimit(e) ??
    disrupted(e) ??
    unproved(e) ??
    failed(e) ??
    childKilled(e) ??
    collectionFault(e) ??
    withoutTests(e) ??
    passed(e)
  );
}

type Row = (e: Evidence) => Verdict | undefined;

const cancelled: Row = (e) =>
  e.cancelled === undefined ? undefined : { outcome: 'cancelled', message: e.cancelled };

/** What it was to test had broken: nothing that it says is about the code under test. */
const unhealthy: Row = (e) =>
  e.unhealthy === undefined
    ? undefined
    : { outcome: 'infra-error', infraClass: 'unhealthy', message: e.unhealthy };

const neverRan: Row = (e) => {
  if (e.neverRan === undefined) return undefined;
  const { infraClass, message } = e.neverRan;
  return { outcome: 'infra-error', infraClass, message };
};

const ownLimit: Row = (e) => {
  const ended = e.pod === undefined ? undefined : mainStatus(e.pod)?.state?.terminated;
  const memory = e.suite.resources.limits['memory'];
  const killed = (e.record?.oom_kills ?? 0) > 0 && e.record?.signal === 9;
  if (killed || (ended?.reason === 'OOMKilled' && ended.exitCode !== 0))
    return {
      outcome: 'failed',
      cause: 'memory',
      message: `killed for memory: the suite used more than its limit${memory === undefined ? '' : ` of ${memory}`}${peak(e.record)}`,
    };
  if (e.record?.timed_out === true || (e.record === undefined && ranBeyondLimit(e)))
    return {
      outcome: 'failed',
      cause: 'timeout',
      message: `stopped after its time limit of ${formatMs(e.suite.limitMs)}${running(e.record)}${lastLine(e)}`,
    };
  if (e.pod !== undefined && isOwnStorageLimit(e.pod))
    return {
      outcome: 'failed',
      cause: 'storage',
      message: `broke its storage limit: ${e.pod.status?.message ?? ''}`,
    };
  return undefined;
};

const overDeadline = (e: Evidence): boolean => e.pod?.status?.reason === 'DeadlineExceeded';

/** The deadline of a pod ended it while its command ran, which it had done for longer than the suite may. */
function ranBeyondLimit(e: Evidence): boolean {
  const ended = e.pod === undefined ? undefined : mainStatus(e.pod)?.state?.terminated;
  if (!overDeadline(e) || ended?.startedAt === undefined || ended.finishedAt === undefined) return false;
  return Date.parse(ended.finishedAt) - Date.parse(ended.startedAt) >= e.suite.limitMs;
}

const disrupted: Row = (e) => {
  const found = e.pod === undefined ? undefined : disruption(e.pod);
  if (found !== undefined) return { outcome: 'infra-error', ...found };
  if (e.podGone)
    return {
      outcome: 'infra-error',
      infraClass: 'deleted',
      message: 'the pod was deleted before its results were safe',
    };
  if (e.pod !== undefined && e.pod.metadata?.uid !== e.uid)
    return { outcome: 'infra-error', infraClass: 'deleted', message: 'the pod was replaced by another one' };
  if (e.gaveUp !== undefined)
    return { outcome: 'infra-error', infraClass: 'lost-contact', message: e.gaveUp };
  if (e.record === undefined && overDeadline(e))
    return {
      outcome: 'infra-error',
      infraClass: 'lost-contact',
      message: "the pod's deadline was over before the suite had used up its time",
    };
  return undefined;
};

const noProof = (message: string): Verdict => ({ outcome: 'infra-error', infraClass: 'no-proof', message });

const unproved: Row = (e) => {
  const { record } = e;
  if (record === undefined)
    return noProof(
      `no record of how the command ended${e.collectError === undefined ? '' : ` (${e.collectError})`}`,
    );
  if (record.nonce !== e.nonce || record.uid !== e.uid)
    return noProof('the record found in the pod is not the one of this attempt');
  // Only the unit tier has no pod.
  if (e.pod === undefined && e.suite.image !== undefined)
    return noProof('nothing is known of the pod that the record tells of');
  const status = e.pod === undefined ? undefined : mainStatus(e.pod)?.state?.terminated?.exitCode;
  if (e.pod !== undefined && status === undefined)
    return noProof('the record says that the command has ended, but the pod does not');
  if (status !== undefined && status !== record.exit_code)
    return noProof(`the record says exit code ${record.exit_code}, the pod says ${status}`);
  return undefined;
};

/** What the test cases alone say. */
type Cases = Pick<Evidence, 'suite' | 'junit'>;

/** The verdict on the cases of several pods, each of which has one of its own. Pure. */
export const verdictOnCases = (e: Cases): Verdict => failedCases(e) ?? withoutTests(e) ?? passed(e);

function failedCases({ junit }: Cases): Verdict | undefined {
  const bad = junit.counts.failed + junit.counts.errors;
  if (bad === 0) return undefined;
  const shown = junit.failedNames.slice(0, 3).join(', ');
  return {
    outcome: 'failed',
    cause: 'cases',
    message: `${bad} of ${junit.counts.total} tests failed: ${shown}`,
  };
}

const failed: Row = (e) => {
  const code = e.record?.exit_code ?? 0;
  const cases = failedCases(e);
  if (cases !== undefined) return cases;
  if (code === 0) return undefined;
  const exec = e.record?.exec_error;
  if (exec !== undefined && exec !== null)
    return { outcome: 'failed', cause: 'exit-code', message: `the command could not be started: ${exec}` };
  const signal = e.record?.signal;
  if (signal !== undefined && signal !== null)
    return {
      outcome: 'failed',
      cause: 'signal',
      message: `died by signal ${signalName(signal)}${lastLine(e)}`,
    };
  return {
    outcome: 'failed',
    cause: 'exit-code',
    message:
      e.collectError !== undefined && e.junit.state === 'missing'
        ? `exit code ${code}, and its results are not here: ${e.collectError}${lastLine(e)}`
        : `exit code ${code}, and no failed test in its JUnit${lastLine(e)}`,
  };
};

/** By the counter of the cgroup, or by what the container runtime saw. */
const hadOom = (e: Evidence): boolean =>
  (e.record?.oom_kills ?? 0) > 0 ||
  (e.pod !== undefined && mainStatus(e.pod)?.state?.terminated?.reason === 'OOMKilled');

const childKilled: Row = (e) =>
  hadOom(e) && !e.suite.allowChildOom
    ? {
        outcome: 'failed',
        cause: 'memory',
        message: `exit code 0, but a process of it was killed for memory${peak(e.record)}; \`allowChildOom: true\` accepts that`,
      }
    : undefined;

/** Before what its JUnit lacks: that may be in what did not come. */
const collectionFault: Row = (e) =>
  e.collectError === undefined
    ? undefined
    : {
        outcome: 'infra-error',
        infraClass: 'collection-incomplete',
        message: `results are incomplete: ${e.collectError}`,
      };

const withoutTests = (e: Cases): Verdict | undefined => {
  const expected = e.suite.expectTests;
  if (expected === false) return undefined;
  const { junit } = e;
  if (junit.state !== 'ok') return noProof(`exit code 0, but ${junitFault(junit)}; ${junitCure(e.suite)}`);
  if (junit.counts.total === 0)
    return noProof(`exit code 0, but its JUnit has no test; ${junitCure(e.suite)}`);
  if (junit.counts.total < expected)
    return noProof(`exit code 0, but only ${junit.counts.total} of at least ${expected} expected tests`);
  if (junit.counts.skipped === junit.counts.total)
    return { outcome: 'skipped', message: `all ${junit.counts.total} tests were skipped` };
  return undefined;
};

const passed = (e: Cases): Verdict => {
  const { counts } = e.junit;
  if (e.suite.expectTests === false && counts.total === 0)
    return { outcome: 'passed', message: 'exit code 0 (judged by the exit code alone)' };
  const skipped = counts.skipped > 0 ? `, ${counts.skipped} skipped` : '';
  return { outcome: 'passed', message: `${counts.passed} tests passed${skipped}` };
};

function junitFault(junit: JunitProof): string {
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

const signalName = (signal: number): string =>
  signals[signal] === undefined ? String(signal) : `SIG${signals[signal]}`;

const peak = (record: RunRecord | undefined): string =>
  record?.memory_peak_bytes === null || record?.memory_peak_bytes === undefined
    ? ''
    : ` (peak ${Math.round(record.memory_peak_bytes / 1048576)} MiB)`;

/** What the command itself had started last; the words of its shell tell nothing more. */
const running = (record: RunRecord | undefined): string =>
  typeof record?.running === 'string' ? ` while it ran \`${record.running.slice(0, 120)}\`` : '';

const lastLine = (e: Evidence): string => {
  const line = e.lastLines.findLast((l) => l.trim() !== '');
  return line === undefined ? '' : `; last line: ${line.slice(0, 200)}`;
};
