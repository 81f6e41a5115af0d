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
  /** Whether a need has turned out to be none: it is not waited for, and its output cannot be had. */
  spares?(need: Task): boolean;
  readonly limitMs: number;
  /** What decides how many of its tasks run at once. */
  readonly pool?: Pool;
  /** Within its pool: while one that is ready does not get in, none of a lower priority does. 0 unless given. */
  readonly priority?: number;
  run(context: TaskContext): Promise<Output>;
}

/** Bounds the tasks that run side by side. */
export interface Pool {
  /** Whether a task whose needs are met may start beside those of the pool that run. */
  admits(task: Task, running: readonly Task[]): boolean;
  /** Why none may start any more; those that wait are skipped for it. */
  closed(): string | undefined;
  /** Resolves when the answers may have changed although no task has ended. */
  changed(): Promise<void>;
}

export interface TaskContext {
  readonly deps: Deps;
  /** Fires when the run is cancelled or the task's limit is over. */
  readonly signal: AbortSignal;
  emit(event: EventBody): void;
  /** Who has much to say waits for this in between: resolves when all who listen have caught up. */
  room(): Promise<void> | undefined;
  /** Says what the task waits for now: shown live, and named when the limit is over. */
  awaiting(what: string): void;
  /** The output of a task that this one needs. */
  output<O>(task: Task<O>): O;
}
