import type { Verdict } from '../../model/outcome.ts';
import { formatMs, plural } from '../../model/format.ts';
import { disruption, isOwnStorageLimit, mainStatus } from '../pod/pod-state.ts';
import type { Evidence } from './evidence.ts';
import { junitCure, junitFault, lastLine, peak, running, signalName } from './words.ts';

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
  return { outcome: 'passed', message: `${plural(counts.passed, 'test')} passed${skipped}` };
};
