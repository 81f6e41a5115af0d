import { checkRunEnd, checkRunStart, type EndOptions } from '../report/check-run.ts';
import type { RunView } from '../report/model.ts';
import { checkTarget, endCheckRun, startCheckRun, type CheckTarget } from './check-run.ts';
import type { Step } from './read-step.ts';

/** A check run that was asked for; without an id there is none, and the notice says why. */
export interface Check {
  readonly target?: CheckTarget;
  readonly id?: number;
  readonly notice?: string;
}

/** Begins the check run of a tier, where one is wanted and the token may. Never rejects. */
export async function beginCheck({ inputs, plan }: Step, runId: string): Promise<Check> {
  const { target, notice } = checkTarget(inputs['check-run'], inputs.token ?? '', process.env);
  if (target === undefined) return notice === undefined ? {} : { notice };
  const startedAt = new Date().toISOString();
  const { detailsUrl } = target;
  const start = checkRunStart({
    name: `ket / ${plan.tier}`,
    headSha: target.headSha,
    runId,
    startedAt,
    ...(detailsUrl === undefined ? {} : { detailsUrl }),
  });
  return { target, ...(await startCheckRun(target, start)) };
}

/** Ends it with what came of the run. Gives what the user should know. */
export async function endCheck(
  check: Check,
  view: RunView,
  options: Omit<EndOptions, 'completedAt'>,
): Promise<string | undefined> {
  const { target, id, notice } = check;
  if (target === undefined || id === undefined) return notice;
  const completedAt = new Date().toISOString();
  const end = checkRunEnd(view, { ...options, completedAt });
  return (await endCheckRun(target, id, end)).notice;
}
