import type { Deps } from '../model/deps.ts';
import type { EventBody } from '../model/events.ts';
import type { Plan } from '../model/plan.ts';
import type { RunFlags } from './run-command.ts';
export async function preflight(_deps: Deps, _plan: Plan, _signal: AbortSignal, _emit: (event: EventBody) => void): Promise<void> {}
export async function doctorCommand(_flags: RunFlags): Promise<number> { return 0; }
