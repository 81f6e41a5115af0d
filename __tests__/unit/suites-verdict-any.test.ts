import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { Counts } from '../../src/model/outcome.ts';
import type { Evidence } from '../../src/suites/verdict/evidence.ts';
import { verdictOf } from '../../src/suites/verdict/verdict.ts';
import { aGreen, aPod, aProcessSuite, aProof, aRecord, aSuite, ended, uid } from './support/suites.ts';

const greenCounts = fc
  .record({ passed: fc.integer({ min: 1, max: 50 }), skipped: fc.nat(5) })
  .map(({ passed, skipped }): Counts => ({ total: passed + skipped, passed, failed: 0, errors: 0, skipped }));

/** Everything that a pass may look like, in a pod. */
const greens: fc.Arbitrary<Evidence> = fc
  .record({
    counts: greenCounts,
    share: fc.double({ min: 0.01, max: 1, noNaN: true }),
    byExitCode: fc.boolean(),
    peak: fc.option(fc.nat()),
    oom: fc.constantFrom<[number | null, boolean]>([0, false], [null, false], [3, true], [null, true]),
    lastLines: fc.array(fc.string(), { maxLength: 3 }),
  })
  .map(({ counts, share, byExitCode, peak, oom, lastLines }) =>
    aGreen({
      suite: aSuite({
        expectTests: byExitCode ? false : Math.max(1, Math.floor(counts.total * share)),
        allowChildOom: oom[1],
      }),
      record: aRecord({ memory_peak_bytes: peak, oom_kills: oom[0] }),
      junit: aProof({ counts }),
      lastLines,
    }),
  );

const { pod: _none, ...podless } = aGreen();
const code = fc.integer({ min: 1, max: 255 });
const other = fc.string().filter((text) => text !== uid);

/** One aspect of a proof, spoilt. Each gives evidence that must never be a pass. */
const spoils: Readonly<Record<string, fc.Arbitrary<(e: Evidence) => Evidence>>> = {
  cancelled: fc.constant((e) => ({ ...e, cancelled: 'by SIGINT' })),
  'never ran': fc.constant((e) => ({
    ...e,
    neverRan: { infraClass: 'image-pull' as const, message: '' },
  })),
  'no record': fc.constant(({ record: _record, ...e }) => e),
  'no pod': fc.constant(({ pod: _pod, ...e }) => e),
  'another nonce': other.map((text) => (e) => ({ ...e, record: aRecord({ ...e.record, nonce: text }) })),
  'another uid in the record': other.map((text) => (e) => ({
    ...e,
    record: aRecord({ ...e.record, uid: text }),
  })),
  'another pod': other.map((text) => (e) => ({ ...e, pod: aPod(ended(0), {}, { uid: text }) })),
  'no uid known': fc.constant((e) => ({ ...e, uid: '' })),
  'exit code of the record': code.map((n) => (e) => ({
    ...e,
    record: aRecord({ ...e.record, exit_code: n }),
  })),
  'exit code of the pod': code.map((n) => (e) => ({ ...e, pod: aPod(ended(n)) })),
  'exit code of both': code.map((n) => (e) => ({
    ...e,
    record: aRecord({ ...e.record, exit_code: n }),
    pod: aPod(ended(n)),
  })),
  'timed out': fc.constant((e) => ({ ...e, record: aRecord({ ...e.record, timed_out: true }) })),
  'the pod still runs': fc.constant((e) => ({ ...e, pod: aPod({ running: {} }) })),
  'memory, by the cgroup': fc.integer({ min: 1, max: 9 }).map((n) => (e) => ({
    ...e,
    suite: { ...e.suite, allowChildOom: false },
    record: aRecord({ ...e.record, oom_kills: n }),
  })),
  'memory, by the runtime': fc.constant((e) => ({
    ...e,
    suite: { ...e.suite, allowChildOom: false },
    pod: aPod(ended(0, 'OOMKilled')),
  })),
  'a failed case': fc.integer({ min: 1, max: 9 }).map((n) => (e) => ({
    ...e,
    junit: { ...e.junit, counts: { ...e.junit.counts, failed: n, total: e.junit.counts.total + n } },
  })),
  'an error': fc.integer({ min: 1, max: 9 }).map((n) => (e) => ({
    ...e,
    junit: { ...e.junit, counts: { ...e.junit.counts, errors: n, total: e.junit.counts.total + n } },
  })),
  'JUnit not whole': fc
    .constantFrom<Evidence['junit']['state'][]>('missing', 'empty', 'cut', 'unreadable', 'stale')
    .map((state) => (e) => ({ ...counted(e), junit: { ...e.junit, state } })),
  'fewer cases than expected': fc.integer({ min: 1, max: 9 }).map((more) => (e) => ({
    ...e,
    suite: { ...e.suite, expectTests: e.junit.counts.total + more },
  })),
  'no case': fc.constant((e) => ({ ...counted(e), junit: aProof({ counts: aProofOfNothing }) })),
  'all skipped': fc.integer({ min: 1, max: 9 }).map((n) => (e) => ({
    ...counted(e),
    junit: aProof({ counts: { ...aProofOfNothing, total: n, skipped: n } }),
  })),
  'a disruption': fc
    .constantFrom(
      'PreemptionByScheduler',
      'DeletionByTaintManager',
      'EvictionByEvictionAPI',
      'DeletionByPodGC',
      'New',
    )
    .map((reason) => (e) => ({
      ...e,
      pod: aPod(ended(0), { conditions: [{ type: 'DisruptionTarget', status: 'True', reason }] }),
    })),
  evicted: fc.string().map((message) => (e) => ({
    ...e,
    pod: aPod(ended(0), { phase: 'Failed', reason: 'Evicted', message }),
  })),
  'the pod is deleted': fc.constant((e) => ({
    ...e,
    pod: aPod(ended(0), {}, { deletionTimestamp: '2026-11-21T12:00:00Z' }),
  })),
  'the pod is gone': fc.constant((e) => ({ ...e, podGone: true })),
  'given up': fc.string().map((gaveUp) => (e) => ({ ...e, gaveUp })),
  'not collected': fc.string().map((collectError) => (e) => ({ ...e, collectError })),
};

const aProofOfNothing: Counts = { total: 0, passed: 0, failed: 0, errors: 0, skipped: 0 };
/** A suite that is not judged by its exit code alone. */
const counted = (e: Evidence): Evidence => ({ ...e, suite: { ...e.suite, expectTests: 1 } });

describe('never a false green', () => {
  test('the evidence that is spoilt below is green before', () => {
    fc.assert(fc.property(greens, (green) => verdictOf(green).outcome === 'passed'));
  });

  test.each(Object.entries(spoils))('never passed: %s', (_name, spoil) => {
    fc.assert(
      fc.property(greens, spoil, (green, change) => {
        expect(verdictOf(change(green)).outcome).not.toBe('passed');
      }),
    );
  });

  test('nor when more is wrong than one thing', () => {
    const some = fc.array(fc.oneof(...Object.values(spoils)), { minLength: 1, maxLength: 4 });
    // A later change may take an earlier one back (another pod in place of a pod that failed), but never all of them.
    fc.assert(
      fc.property(greens, some, (green, changes) => {
        const last = changes.at(-1);
        const spoilt = last?.(changes.reduce((e, change) => change(e), green)) ?? green;
        expect(verdictOf(spoilt).outcome).not.toBe('passed');
      }),
      { numRuns: 500 },
    );
  });

  test('what ket cannot prove is infra-error, never plain failed: nothing known at all', () => {
    expect(verdictOf({ ...podless, podGone: true }).outcome).toBe('infra-error');
    const { record: _record, ...nothing } = podless;
    expect(verdictOf(nothing)).toMatchObject({ outcome: 'infra-error', infraClass: 'no-proof' });
    expect(verdictOf({ ...nothing, suite: aProcessSuite() })).toMatchObject({ infraClass: 'no-proof' });
  });
});
