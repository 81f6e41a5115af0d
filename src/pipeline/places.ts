import { availableParallelism } from 'node:os';
import type { Clock } from '../model/deps.ts';
import type { Plan } from '../model/plan.ts';
import { Admission } from '../suites/admission/admission.ts';
import { Calm } from '../suites/calm.ts';
import type { SuiteSettings } from '../suites/settings.ts';

/** When the suites of a run may start, and when what they leave behind may go. */
export function placesOf(runId: string, plan: Plan, clock: Clock): Pick<SuiteSettings, 'admission' | 'calm'> {
  const admission = new Admission(
    runId,
    plan.parallel ?? (plan.cluster === undefined ? availableParallelism() : undefined),
  );
  return { admission, calm: new Calm(clock, () => admission.isPlaceWanted) };
}
