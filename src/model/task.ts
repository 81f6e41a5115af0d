import type { Deps } from './deps.ts';
import type { EventBody, Phase } from './events.ts';

/** One piece of a phase; the executor alone decides when it runs. */
export interface Task<Output = unknown> {
  /** Unique in the run, e.g. `image shop-api:dev`. */
  readonly id: string;
  readonly phase: Phase;
  /** What people see while it runs. */
  readonly title: string;
  /** It starts when all of these are done, and is skipped when one of them did not succeed. */
  readonly needs: readonly Task[];
  /** It also waits for these to end, whatever becomes of them. */
  readonly after?: readonly Task[];
  readonly limitMs: number;
  /** Tasks of one pool run at most so many at once as the executor was told for it. */
  readonly pool?: string;
  run(context: TaskContext): Promise<Output>;
}

export interface TaskContext {
  readonly deps: Deps;
  /** Fires when the run is cancelled or the task's limit is over. */
  readonly signal: AbortSignal;
  emit(event: EventBody): void;
  /** Says what the task waits for now: shown live, and named when the limit is over. */
  awaiting(what: string): void;
  /** The output of a task that this one needs. */
  output<O>(task: Task<O>): O;
}
