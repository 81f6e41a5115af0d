import type { InfraClass } from '../model/outcome.ts';
import type { SuitePlan } from '../model/plan.ts';
import type { AttemptResult } from './verdict/attempt-result.ts';

/** What the decision rests on; attempts in their order. */
type Tried = Pick<AttemptResult, 'verdict' | 'started'> & {
  readonly results: { readonly proof: Pick<AttemptResult['results']['proof'], 'counts'> };
};

/** Attempts beyond `retries`, after infrastructure errors. */
export const infraRetries = 1;

/** With more failed cases than this, chance is no explanation. */
const mostFailed = 10;
/** A share of failed cases says so too, in a suite that is large enough for a share to mean something. */
const mostShare = 0.2;
const shareFrom = 20;

/** What takes a pod away or keeps it from starting, and may not do so again. */
const passing: readonly InfraClass[] = [
  'evicted',
  'deleted',
  'preempted',
  'node-lost',
  'lost-contact',
  'quota',
  'collection-incomplete',
];
const registryTrouble = /\b(429|50[0-4]|toomanyrequests|timeout|timed out|i\/o|EOF|reset|refused|TLS)\b/i;

/**
 * Whether another attempt is worth a Job: after a failure as often as the suite says, unless too much failed to be
 * chance; after an infrastructure error once, if no test can have run or the suite may run twice. `why` says what
 * speaks against an attempt that would be left.
 */
export function anotherAttempt(
  suite: Pick<SuitePlan, 'retries' | 'idempotent'>,
  tried: readonly Tried[],
): { readonly again: boolean; readonly why?: string } {
  const last = tried.at(-1);
  if (last === undefined) return { again: true };
  const { verdict, results } = last;
  const times = (outcome: string): number => tried.filter((one) => one.verdict.outcome === outcome).length;
  if (verdict.outcome === 'infra-error') {
    const mayPass =
      verdict.infraClass !== undefined &&
      (passing.includes(verdict.infraClass) ||
        (verdict.infraClass === 'image-pull' && registryTrouble.test(verdict.message)));
    if (!mayPass || times('infra-error') > infraRetries) return { again: false };
    if (!last.started || suite.idempotent) return { again: true };
    return { again: false, why: 'tests may have run, and the suite is not `idempotent: true`' };
  }
  if (verdict.outcome !== 'failed' || times('failed') > suite.retries) return { again: false };
  const { failed, errors, total } = results.proof.counts;
  const bad = failed + errors;
  if (bad > mostFailed) return { again: false, why: `more than ${String(mostFailed)} tests failed` };
  if (total >= shareFrom && bad > total * mostShare)
    return { again: false, why: `more than ${String(mostShare * 100)} % of the tests failed` };
  return { again: true };
}
