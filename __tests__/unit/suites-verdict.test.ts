import { describe, expect, test } from '@jest/globals';
import { noCounts, type Counts, type Verdict } from '../../src/model/outcome.ts';
import type { Evidence } from '../../src/suites/verdict/evidence.ts';
import { verdictOf } from '../../src/suites/verdict/verdict.ts';
import { junitCure } from '../../src/suites/verdict/words.ts';
import { aGreen, aPod, aProcessSuite, aProof, aRecord, aSuite, ended } from './support/suites.ts';

const ranFor = (seconds: number): ReturnType<typeof ended> => ({
  terminated: {
    exitCode: 137,
    startedAt: '2026-11-21T12:00:00Z',
    finishedAt: new Date(Date.parse('2026-11-21T12:00:00Z') + seconds * 1000).toISOString(),
  },
});

const counts = (over: Partial<Counts>): Counts => ({ ...noCounts, ...over });
const oneFailed = aProof({
  counts: counts({ total: 3, passed: 2, failed: 1 }),
  failedNames: ['test_total'],
});
const noProof = { outcome: 'infra-error', infraClass: 'no-proof' } as const;
const evicted = (message: string) => aPod(ended(137), { phase: 'Failed', reason: 'Evicted', message });
const target = (reason: string) =>
  aPod(ended(137), {
    conditions: [{ type: 'DisruptionTarget', status: 'True', reason, message: 'why' }],
  });

/** `undefined`: taken away. */
type Change = { readonly [K in keyof Evidence]?: Evidence[K] | undefined };
type Row = [name: string, evidence: Change, verdict: Omit<Verdict, 'message'>, message: RegExp];

/** Each row of the table in docs/design.md, in its order. */
const rows: readonly Row[] = [
  ['cancelled', { cancelled: 'cancelled' }, { outcome: 'cancelled' }, /^cancelled$/],
  [
    'a release that broke under it, whatever the tests said of that',
    { unhealthy: 'release shop broke', junit: oneFailed, record: aRecord({ exit_code: 1 }) },
    { outcome: 'infra-error', infraClass: 'unhealthy' },
    /^release shop broke$/,
  ],
  [
    'nor a pass on one that broke',
    { unhealthy: 'release shop broke' },
    { outcome: 'infra-error', infraClass: 'unhealthy' },
    /^release shop broke$/,
  ],
  [
    'cancelled, whatever else there is',
    { cancelled: 'cancelled', junit: oneFailed, podGone: true, record: aRecord({ exit_code: 1 }) },
    { outcome: 'cancelled' },
    /^cancelled$/,
  ],
  ...(['image-pull', 'unschedulable', 'denied', 'quota', 'configuration'] as const).map((infraClass): Row => [
    `never ran: ${infraClass}`,
    { neverRan: { infraClass, message: 'the reason' } },
    { outcome: 'infra-error', infraClass },
    /^the reason$/,
  ]),
  [
    'its time limit, as ket-run tells',
    {
      record: aRecord({ timed_out: true, running: 'pytest tests/slow.py', exit_code: 143, signal: 15 }),
      pod: aPod(ended(143)),
    },
    { outcome: 'failed', cause: 'timeout' },
    /time limit of 1 min while it ran `pytest tests\/slow\.py`; last line: the last words$/,
  ],
  [
    'its time limit, by the deadline of the pod, without a record',
    { record: undefined, pod: aPod(ranFor(60), { phase: 'Failed', reason: 'DeadlineExceeded' }) },
    { outcome: 'failed', cause: 'timeout' },
    /time limit/,
  ],
  [
    'the deadline of the pod, before the suite had its time',
    { record: undefined, pod: aPod(ranFor(59), { phase: 'Failed', reason: 'DeadlineExceeded' }) },
    { outcome: 'infra-error', infraClass: 'lost-contact' },
    /deadline was over before/,
  ],
  [
    'the deadline of the pod, after the command had ended by itself',
    { pod: aPod(ended(0), { phase: 'Failed', reason: 'DeadlineExceeded' }), collectError: 'cut' },
    { outcome: 'infra-error', infraClass: 'collection-incomplete' },
    /cut/,
  ],
  [
    'main container killed for memory, without a record',
    { record: undefined, pod: aPod(ended(137, 'OOMKilled')) },
    { outcome: 'failed', cause: 'memory' },
    /more than its limit of 256Mi$/,
  ],
  [
    'its command killed for memory, as the record tells',
    { record: aRecord({ exit_code: 137, signal: 9, oom_kills: 1 }), pod: aPod(ended(137)) },
    { outcome: 'failed', cause: 'memory' },
    /limit of 256Mi \(peak 50 MiB\)/,
  ],
  [
    'its own volume full',
    { record: undefined, pod: evicted('Usage of EmptyDir volume "results" exceeds the limit "2Gi".') },
    { outcome: 'failed', cause: 'storage' },
    /exceeds the limit "2Gi"/,
  ],
  [
    'evicted by the node',
    { pod: evicted('The node was low on resource: memory.') },
    { outcome: 'infra-error', infraClass: 'evicted' },
    /low on resource/,
  ],
  [
    'preempted',
    { pod: target('PreemptionByScheduler') },
    { outcome: 'infra-error', infraClass: 'preempted' },
    /why/,
  ],
  [
    'node lost',
    { pod: target('DeletionByTaintManager') },
    { outcome: 'infra-error', infraClass: 'node-lost' },
    /why/,
  ],
  [
    'deleted while it ran, though all of it passed',
    { pod: aPod(ended(0), {}, { deletionTimestamp: '2026-11-21T12:00:00Z' }) },
    { outcome: 'infra-error', infraClass: 'deleted' },
    /was deleted/,
  ],
  [
    'gone',
    { podGone: true },
    { outcome: 'infra-error', infraClass: 'deleted' },
    /before its results were safe/,
  ],
  [
    'another pod in its place',
    { pod: aPod(ended(0), {}, { uid: 'another' }) },
    { outcome: 'infra-error', infraClass: 'deleted' },
    /replaced/,
  ],
  [
    'given up',
    { gaveUp: 'its pod no longer reports' },
    { outcome: 'infra-error', infraClass: 'lost-contact' },
    /no longer reports/,
  ],
  ['no record', { record: undefined, collectError: 'exec: 500' }, noProof, /no record.*\(exec: 500\)/],
  ['a record of another attempt', { record: aRecord({ nonce: 'f'.repeat(32) }) }, noProof, /not the one/],
  ['a record of another pod', { record: aRecord({ uid: 'other' }) }, noProof, /not the one/],
  ['a record that contradicts the pod', { pod: aPod(ended(1)) }, noProof, /exit code 0, the pod says 1/],
  ['a record before the pod has ended', { pod: aPod({ running: {} }) }, noProof, /but the pod does not/],
  ['no pod, though it ran in one', { pod: undefined }, noProof, /nothing is known of the pod/],
  [
    'a failed case',
    { junit: oneFailed, record: aRecord({ exit_code: 1 }), pod: aPod(ended(1)) },
    { outcome: 'failed', cause: 'cases' },
    /^1 of 3 tests failed: test_total$/,
  ],
  ['a failed case, exit code 0', { junit: oneFailed }, { outcome: 'failed', cause: 'cases' }, /test_total/],
  [
    'an error counts like a failure',
    { junit: aProof({ counts: counts({ total: 2, passed: 1, errors: 1 }), failedNames: ['x'] }) },
    { outcome: 'failed', cause: 'cases' },
    /1 of 2/,
  ],
  [
    'a failed case in a file that is cut',
    { junit: { ...oneFailed, state: 'cut' } },
    { outcome: 'failed', cause: 'cases' },
    /test_total/,
  ],
  [
    'an exit code other than 0, no failed case',
    { record: aRecord({ exit_code: 3 }), pod: aPod(ended(3)) },
    { outcome: 'failed', cause: 'exit-code' },
    /exit code 3, and no failed test in its JUnit; last line: the last words/,
  ],
  [
    'died by a signal',
    { record: aRecord({ exit_code: 139, signal: 11 }), pod: aPod(ended(139)) },
    { outcome: 'failed', cause: 'signal' },
    /SIGSEGV; last line/,
  ],
  [
    'a command that is not there',
    {
      record: aRecord({ exit_code: 127, exec_error: 'no-such: not found' }),
      pod: aPod(ended(127)),
    },
    { outcome: 'failed', cause: 'exit-code' },
    /could not be started: no-such/,
  ],
  [
    'exit 0, but a process was killed for memory',
    { record: aRecord({ oom_kills: 2 }) },
    { outcome: 'failed', cause: 'memory' },
    /`allowChildOom: true` accepts/,
  ],
  [
    'exit 0, but the runtime saw a kill that the cgroup does not tell',
    { record: aRecord({ oom_kills: null }), pod: aPod(ended(0, 'OOMKilled')) },
    { outcome: 'failed', cause: 'memory' },
    /killed for memory/,
  ],
  [
    'exit 0, a process killed for memory, accepted',
    { record: aRecord({ oom_kills: 2 }), suite: aSuite({ allowChildOom: true }) },
    { outcome: 'passed' },
    /3 tests passed/,
  ],
  ...(['missing', 'empty', 'cut', 'unreadable', 'stale'] as const).map((state): Row => [
    `JUnit is ${state}`,
    { junit: aProof({ state, detail: 'junit.xml' }) },
    noProof,
    /exit code 0, but .*add --junitxml=\/results\/junit.xml, or set `expectTests: false`/,
  ]),
  ['JUnit without a case', { junit: aProof({ counts: noCounts }) }, noProof, /has no test; add/],
  [
    'fewer cases than expected',
    { suite: aSuite({ expectTests: 4 }) },
    noProof,
    /only 3 of at least 4 expected/,
  ],
  [
    'judged by the exit code alone',
    { suite: aSuite({ expectTests: false }), junit: aProof({ state: 'missing', counts: noCounts }) },
    { outcome: 'passed' },
    /judged by the exit code alone/,
  ],
  [
    'judged by the exit code alone, which is not 0',
    {
      suite: aSuite({ expectTests: false }),
      junit: aProof({ state: 'missing', counts: noCounts }),
      record: aRecord({ exit_code: 1 }),
      pod: aPod(ended(1)),
    },
    { outcome: 'failed', cause: 'exit-code' },
    /exit code 1/,
  ],
  [
    'all cases skipped',
    { junit: aProof({ counts: counts({ total: 2, skipped: 2 }) }) },
    { outcome: 'skipped' },
    /all 2 tests were skipped/,
  ],
  [
    'results that could not be brought home whole',
    { collectError: 'results/a.png: it changed while it was read' },
    { outcome: 'infra-error', infraClass: 'collection-incomplete' },
    /incomplete: results\/a.png/,
  ],
  ...(
    [
      ['no JUnit', aProof({ state: 'missing', counts: counts({}) })],
      ['skipped cases only', aProof({ counts: counts({ total: 2, skipped: 2 }) })],
    ] as const
  ).map(([what, junit]): Row => [
    `${what} in results that are not whole: the rest may have more`,
    { junit, collectError: 'the pod is gone' },
    { outcome: 'infra-error', infraClass: 'collection-incomplete' },
    /incomplete: the pod is gone/,
  ]),
  ['passed', {}, { outcome: 'passed' }, /^3 tests passed$/],
  [
    'passed, some skipped',
    { junit: aProof({ counts: counts({ total: 3, passed: 2, skipped: 1 }) }) },
    { outcome: 'passed' },
    /^2 tests passed, 1 skipped$/,
  ],
];

function evidence(over: Change): Evidence {
  const all = Object.entries({ ...aGreen(), ...over }).filter(([, value]) => value !== undefined);
  return Object.fromEntries(all) as unknown as Evidence;
}

describe('the verdict table', () => {
  test.each(rows)('%s', (_name, over, want, message) => {
    const { message: said, ...got } = verdictOf(evidence(over));
    expect(got).toEqual(want);
    expect(said).toMatch(message);
  });

  test('without a pod in the unit tier, the record is enough', () => {
    const { pod: _pod, ...rest } = aGreen({ suite: aProcessSuite() });
    expect(verdictOf(rest).outcome).toBe('passed');
  });
});

describe('the line that makes a runner write JUnit', () => {
  test.each<[string, RegExp]>([
    ['pytest -q', /^add --junitxml=\/results\/junit.xml, or set `expectTests: false`/],
    ['npx jest --ci', /jest-junit with JEST_JUNIT_OUTPUT_FILE=\/results\/junit.xml/],
    ['mocha', /mocha-junit-reporter --reporter-options mochaFile=\/results/],
    ['go test ./...', /run it as gotestsum --junitfile \/results\/junit.xml --/],
    ['gotestsum', /add --junitfile/],
    ['./mvnw verify', /surefire-reports to \/results/],
    ['vitest run', /--reporter=junit --outputFile=\/results\/junit.xml/],
    ['./own.sh', /let the command write JUnit to \/results\/junit.xml/],
  ])('%s', (command, want) => {
    expect(junitCure(aSuite({ command }))).toMatch(want);
    expect(junitCure(aSuite({ command: command.split(' ') }))).toMatch(want);
  });

  test('in the unit tier it is a file of the repository', () => {
    expect(junitCure(aProcessSuite({ command: 'pytest' }))).toMatch(/--junitxml=reports\/junit.xml/);
  });
});
