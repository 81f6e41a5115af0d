import type { Outcome, Verdict } from '../../model/outcome.ts';
import type { SuitePlan } from '../../model/plan.ts';
import { caseKey } from '../../results/junit-case.ts';
import type { AttemptResult, PodResult } from './attempt-result.ts';
import { addProofs, type ResultsReading } from './proof.ts';
import type { RunRecord } from './record.ts';
import type { JunitProof } from './evidence.ts';
import { verdictOnCases } from './verdict.ts';

/** Set by the Job controller on the pods of an Indexed Job. */
export const indexLabel = 'batch.kubernetes.io/job-completion-index';

export interface Pods {
  readonly count: number;
  /** What one of several is called. */
  readonly word: 'shard' | 'replica';
}

/** How many pods a suite is made of: that share its tests, or that are all the same. */
export const podsOf = ({ shards, replicas }: Pick<SuitePlan, 'shards' | 'replicas'>): Pods =>
  replicas === undefined ? { count: shards ?? 1, word: 'shard' } : { count: replicas, word: 'replica' };

/** Its few failed cases need no shards, and one of these could be left without any. */
export function inOnePod(suite: SuitePlan): SuitePlan {
  const { shards: _shards, ...rest } = suite;
  return rest;
}

/** Folder of one of several pods, within that of the attempt. */
export const podFolder = (suite: SuitePlan, index: number): string =>
  `${podsOf(suite).word}-${String(index)}`;

/** A shard has some test; whether all of them are enough is asked of all shards together. */
export const verdictOnOne = (suite: SuitePlan): SuitePlan =>
  suite.expectTests === false || suite.shards === undefined ? suite : { ...suite, expectTests: 1 };

/** Of several ends, the first of these is that of the whole: what a test said counts before what nobody knows. */
const order: readonly Outcome[] = ['cancelled', 'failed', 'infra-error', 'flaky', 'passed', 'skipped'];

/** What the pods of an attempt come to. Pure. */
export function together(suite: SuitePlan, pods: readonly PodResult[]): Omit<AttemptResult, 'ms' | 'kept'> {
  const deciding = pods.toSorted((a, b) => rank(a) - rank(b))[0];
  if (deciding === undefined) throw new Error(`suite ${suite.name} has no pod`);
  const { kept: _kept, told: _told, ...only } = deciding;
  if (pods.length === 1) return only;
  const results = resultsOf(suite, pods);
  const record = recordOf(pods, deciding.record);
  const collectError = pods.find((pod) => pod.collectError !== undefined)?.collectError;
  return {
    verdict: verdictOn(suite, pods, deciding, results.proof),
    results,
    ...(record === undefined ? {} : { record }),
    ...(collectError === undefined ? {} : { collectError }),
    lastLines: deciding.lastLines,
    started: pods.some((pod) => pod.started),
    ...(pods.some((pod) => pod.logComplete === undefined)
      ? {}
      : { logComplete: pods.every((pod) => pod.logComplete === true) }),
    pods,
  };
}

const rank = ({ verdict }: PodResult): number => order.indexOf(verdict.outcome);

function verdictOn(
  suite: SuitePlan,
  pods: readonly PodResult[],
  { verdict }: PodResult,
  junit: JunitProof,
): Verdict {
  if (verdict.outcome === 'cancelled') return verdict;
  const { word } = podsOf(suite);
  const bad = pods.flatMap(({ verdict }, index) =>
    verdict.outcome === 'passed' || verdict.outcome === 'skipped' ? [] : [{ index, verdict }],
  );
  if (bad.length === 0) {
    const whole = verdictOnCases({ suite, junit });
    const message = `${whole.message}, in ${String(pods.length)} ${word}s`;
    return whole.outcome === 'passed' ? { ...whole, message } : whole;
  }
  // Failed cases are counted over all of them; what else happened is said of each.
  const counted = verdict.cause === 'cases' ? verdictOnCases({ suite, junit }) : undefined;
  const told = bad.filter((one) => counted === undefined || one.verdict.cause !== 'cases');
  const parts = told.slice(0, 3).map((one) => `${word} ${String(one.index)}: ${one.verdict.message}`);
  const more = told.length > parts.length ? [`${String(told.length - parts.length)} more`] : [];
  return {
    ...verdict,
    message: [...(counted === undefined ? [] : [counted.message]), ...parts, ...more].join('; '),
  };
}

function resultsOf(suite: SuitePlan, pods: readonly PodResult[]): ResultsReading {
  const all = pods.map((pod) => pod.results);
  return {
    proof: addProofs(all.map((one) => one.proof)),
    cases: all.flatMap((one) => one.cases),
    files: all.flatMap((one) => one.files),
    problems: [...all.flatMap((one) => one.problems), ...(suite.shards === undefined ? [] : ranTwice(all))],
  };
}

/** Shards that run the same tests do the work twice, and mostly because the command does not look at its shard. */
function ranTwice(shards: readonly ResultsReading[]): string[] {
  const of = new Map<string, number>();
  for (const { cases } of shards)
    for (const key of new Set(cases.map(caseKey))) of.set(key, (of.get(key) ?? 0) + 1);
  const twice = [...of.values()].filter((count) => count > 1).length;
  if (twice === 0) return [];
  return [
    `${String(twice)} of ${String(of.size)} tests ran in more than one shard; choose them by KET_SHARD and KET_SHARDS`,
  ];
}

/**
 * The end of the pod that decides, with what all of them used: the processor time together, and the largest sum of the
 * memory of those that ran at once.
 */
function recordOf(pods: readonly PodResult[], deciding: RunRecord | undefined): RunRecord | undefined {
  if (deciding === undefined) return undefined;
  const known = (read: (record: RunRecord) => number | null): number[] =>
    pods.flatMap(({ record }) => (record === undefined ? [] : (read(record) ?? [])));
  const cpu = known((record) => record.cpu_usec);
  return {
    ...deciding,
    memory_peak_bytes: peakTogether(pods.flatMap(({ record }) => record ?? [])),
    cpu_usec: cpu.length === 0 ? null : cpu.reduce((sum, one) => sum + one, 0),
  };
}

/** By when their commands ran, on the clocks of their nodes; the sum only grows where one begins. */
function peakTogether(records: readonly RunRecord[]): number | null {
  const spans = records.flatMap(({ started_ms: from, ended_ms: to, memory_peak_bytes: bytes }) =>
    bytes === null ? [] : [{ from, to, bytes }],
  );
  if (spans.length === 0) return null;
  return Math.max(
    ...spans.map(({ from }) =>
      spans.filter((span) => span.from <= from && from <= span.to).reduce((sum, { bytes }) => sum + bytes, 0),
    ),
  );
}
