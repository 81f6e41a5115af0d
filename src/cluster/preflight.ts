import { KetError } from '../model/errors.ts';
import type { Deps } from '../model/deps.ts';
import type { Finding } from '../model/finding.ts';
import type { Plan } from '../model/plan.ts';
import { gatherFacts, gatherRoom } from './gather.ts';
import { judgeMachine, judgeRoom } from './judge-machine.ts';

export interface PreflightOptions {
  readonly plan: Plan;
  readonly signal: AbortSignal;
  /** What earlier runs left. */
  readonly leftovers: () => Promise<readonly Finding[]>;
}

const leftoversMs = 1500;

/** What doctor says: everything that was looked at, in under 2 s. */
export async function checkMachine(deps: Deps, options: PreflightOptions): Promise<readonly Finding[]> {
  const [facts, leftovers] = await Promise.all([
    gatherFacts(deps, options.plan, options.signal),
    bounded(options.leftovers(), leftoversMs),
  ]);
  return [...judgeMachine(facts, options.plan), ...leftovers];
}

/** What may be short for a run on a cluster that is there. What that cluster has already is not asked for again. */
export async function checkRoom(deps: Deps, plan: Plan, signal: AbortSignal): Promise<readonly Finding[]> {
  return judgeRoom(await gatherRoom(deps, plan, signal), plan);
}

async function bounded(work: Promise<readonly Finding[]>, ms: number): Promise<readonly Finding[]> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<readonly Finding[]>((resolve) => {
    const finding: Finding = {
      level: 'warning',
      title: 'leftovers',
      detail: `could not be looked up within ${String(ms)} ms`,
      cure: 'ket status',
    };
    timer = setTimeout(() => resolve([finding]), ms);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** The error of a run that cannot begin; undefined when nothing stands in its way. */
export function preflightError(findings: readonly Finding[]): KetError | undefined {
  const errors = findings.filter((finding) => finding.level === 'error');
  const [first] = errors;
  if (first === undefined) return undefined;
  const more = errors.length === 1 ? '' : ` (and ${String(errors.length - 1)} more)`;
  return new KetError(first.code ?? 'KET_PREREQUISITE', `${first.title}: ${first.detail}${more}`, {
    ...(first.cure === undefined ? {} : { next: first.cure }),
    details: errors
      .slice(1)
      .map(({ title, detail, cure }) => `${title}: ${detail}${cure === undefined ? '' : ` -> ${cure}`}`),
  });
}
