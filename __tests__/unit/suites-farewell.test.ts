import { describe, expect, test } from '@jest/globals';
import { farewellOf } from '../../src/suites/collect/farewell.ts';
import type { Pod } from '../../src/suites/pod/pod-state.ts';
import type { Evidence } from '../../src/suites/verdict/evidence.ts';
import { verdictOf } from '../../src/suites/verdict/verdict.ts';
import { aGreen, aPod, aSuite, ended, nonce, uid } from './support/suites.ts';

/** A pod whose sidecar left this message. */
function left(message: string | undefined, exitCode = 0): Pod {
  const pod = aPod(ended(exitCode), { phase: exitCode === 0 ? 'Succeeded' : 'Failed' });
  const terminated = { exitCode: 3, ...(message === undefined ? {} : { message }) };
  const sidecar = { ...pod.status?.initContainerStatuses?.[0], state: { terminated } };
  return { ...pod, status: { ...pod.status, initContainerStatuses: [sidecar] } } as Pod;
}

/** As native/ket-run/src/hold.c writes it. */
const said = (over: object = {}): string =>
  JSON.stringify({
    ...{ v: 1, nonce, acked: false, reason: 'no-contact', record: true, exit_code: 0, duration_ms: 1200 },
    ...{ signal: null, timed_out: false, oom_kills: 0, files: 2, bytes: 2048, manifest_sha256: 'f' },
    names: 'junit.xml\nshots/1.png',
    ...over,
  });

describe('what the sidecar left behind', () => {
  test.each<[string, string | undefined]>([
    ['nothing', undefined],
    ['no JSON', 'OOM'],
    ['a list', '[]'],
    ['another version', said({ v: 2 })],
    ['of another attempt', said({ nonce: 'other' })],
  ])('%s: is no word of it', (_name, message) => expect(farewellOf(left(message), nonce)).toBeUndefined());

  test('while it runs there is none', () => expect(farewellOf(aPod(ended(0)), nonce)).toBeUndefined());

  test.each<[object, string]>([
    [
      {},
      'its command ended with exit code 0, and its sidecar left because no driver asked for its results for too long; gone: 2 files, 2.0 KiB (junit.xml, shots/1.png)',
    ],
    [
      { reason: 'grace', files: 1, bytes: 5, names: 'a' },
      'its command ended with exit code 0, and its sidecar left because the grace of its pod was over; gone: 1 file, 5 B (a)',
    ],
    [
      { reason: 'acked', files: null, bytes: null, names: null },
      'its command ended with exit code 0, and its sidecar left because somebody said that they have its results',
    ],
    [
      { record: false, exit_code: null, names: undefined },
      'no record of the end of its command, and its sidecar left because no driver asked for its results for too long; gone: 2 files, 2.0 KiB',
    ],
  ])('%j', (over, text) => expect(farewellOf(left(said(over)), nonce)?.text).toBe(text));

  test.each<[string, object, number, Partial<Evidence>, object]>([
    ['exit 0', {}, 0, {}, { outcome: 'infra-error', infraClass: 'collection-incomplete' }],
    [
      'exit 0, judged by the exit code alone',
      {},
      0,
      { suite: aSuite({ expectTests: false }) },
      { outcome: 'infra-error', infraClass: 'collection-incomplete' },
    ],
    ['another exit code', { exit_code: 7 }, 7, {}, { outcome: 'failed', cause: 'exit-code' }],
    ['a signal', { exit_code: 139, signal: 11 }, 139, {}, { outcome: 'failed', cause: 'signal' }],
    [
      'its time limit',
      { exit_code: 143, signal: 15, timed_out: true },
      143,
      {},
      { outcome: 'failed', cause: 'timeout' },
    ],
    ['a child killed for memory', { oom_kills: 1 }, 0, {}, { outcome: 'failed', cause: 'memory' }],
    ['the pod says otherwise', {}, 1, {}, { outcome: 'infra-error', infraClass: 'no-proof' }],
    [
      'no record',
      { record: false, exit_code: null },
      0,
      {},
      { outcome: 'infra-error', infraClass: 'no-proof' },
    ],
  ])('the verdict on %s', (_name, over, exitCode, more, verdict) => {
    const pod = left(said(over), exitCode);
    const { record, text = '' } = farewellOf(pod, nonce) ?? {};
    const { record: _record, ...base } = aGreen();
    const junit = {
      ...base.junit,
      state: 'missing' as const,
      counts: { total: 0, passed: 0, failed: 0, errors: 0, skipped: 0 },
    };
    const decided = verdictOf({
      ...{ ...base, pod, uid, nonce, junit, collectError: text },
      ...(record === undefined ? {} : { record }),
      ...more,
    });
    expect(decided).toMatchObject(verdict);
    if (decided.infraClass === 'collection-incomplete' || decided.cause === 'exit-code')
      expect(decided.message).toContain('junit.xml, shots/1.png');
  });
});
