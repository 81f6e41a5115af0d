import type { Deps } from '../model/deps.ts';
import type { EventBody } from '../model/events.ts';
import type { Plan } from '../model/plan.ts';
import { checkMachine, checkRoom, preflightError } from '../cluster/preflight.ts';

/** The first phase of a run: what stands in its way is an error, what may is a notice. */
export async function preflight(
  deps: Deps,
  plan: Plan,
  signal: AbortSignal,
  emit: (event: EventBody) => void,
): Promise<void> {
  // A run has swept just before; what it could not remove was said then.
  const findings = await checkMachine(deps, { plan, signal, leftovers: () => Promise.resolve([]) });
  const error = preflightError(findings);
  if (error !== undefined) throw error;
  for (const { level, title, detail, cure } of findings)
    if (level === 'warning')
      emit({ type: 'notice', level, text: `${title}: ${detail}${cure === undefined ? '' : `; ${cure}`}` });
}

/** The same on a cluster that is there: nothing stands in the way any more, but it may be short of room. */
export async function preflightOfExisting(
  deps: Deps,
  plan: Plan,
  signal: AbortSignal,
  emit: (event: EventBody) => void,
): Promise<void> {
  for (const { level, title, detail, cure } of await checkRoom(deps, plan, signal))
    if (level !== 'ok')
      emit({
        type: 'notice',
        level: 'warning',
        text: `${title}: ${detail}${cure === undefined ? '' : `; ${cure}`}`,
      });
}
