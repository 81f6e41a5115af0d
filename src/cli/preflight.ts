import type { Deps } from '../model/deps.ts';
import type { EventBody } from '../model/events.ts';
import type { Plan } from '../model/plan.ts';
import { checkMachine, preflightError } from '../cluster/preflight.ts';

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
