import { KetError, errorInfo } from '../model/errors.ts';
import type { Deps } from '../model/deps.ts';
import type { EventBody, TaskOutcome } from '../model/events.ts';
import type { Pool, Task, TaskContext } from '../model/task.ts';
import { formatMs } from '../model/format.ts';

export interface TaskResult {
  readonly outcome: TaskOutcome;
  readonly output?: unknown;
  readonly error?: unknown;
  /** Why it was skipped. */
  readonly reason?: string;
}

export interface ExecuteOptions {
  readonly deps: Deps;
  readonly emit: (event: EventBody) => void;
  /** Resolves when all who listen have caught up. */
  readonly room?: () => Promise<void> | undefined;
  /** Cancels: running tasks are aborted, waiting ones never start. */
  readonly signal: AbortSignal;
  /** What it is all for: when all of these were skipped, what still runs is ended, for nothing would come of it. */
  readonly goals?: readonly Task[];
  /** Of tasks that have ended before, which these may need. */
  readonly known?: ReadonlyMap<Task, TaskResult>;
  /** How long a task may take to return after it was aborted, ms. */
  readonly abortGraceMs?: number;
}

/** After an abort a task may still save what it has (diagnostics, results so far). */
const defaultAbortGraceMs = 60_000;

/**
 * Runs tasks as soon as what they need is done, side by side, each within its limit. The only place that decides about
 * order, overlap, time-outs, cancellation and skip reasons. Never rejects: what went wrong is in the results.
 */
export async function execute(
  tasks: readonly Task[],
  options: ExecuteOptions,
): Promise<ReadonlyMap<Task, TaskResult>> {
  const results = new Map<Task, TaskResult>(options.known);
  const running = new Map<Task, Promise<void>>();
  const pools = new Set(tasks.flatMap((task) => task.pool ?? []));
  const queued = new Set<Task>();
  const pointless = new AbortController();
  const { goals = [] } = options;
  const over = new AbortController();
  const cancelled = new Promise<void>((resolve) => {
    if (options.signal.aborted) resolve();
    // Taken away at the end: the signal outlives what a listener would hold.
    options.signal.addEventListener('abort', () => resolve(), { once: true, signal: over.signal });
  });

  const settle = (task: Task, result: TaskResult, taskMs: number): void => {
    results.set(task, result);
    options.emit({
      type: 'task-ended',
      task: task.id,
      phase: task.phase,
      outcome: result.outcome,
      taskMs,
      ...(result.error === undefined ? {} : { error: errorInfo(result.error) }),
      ...(result.reason === undefined ? {} : { reason: result.reason }),
    });
  };

  for (;;) {
    let moved = true;
    while (moved) {
      moved = false;
      /** Pools that have refused a task in this round, with its priority. */
      const refused = new Map<Pool, number>();
      for (const task of tasks) {
        if (results.has(task) || running.has(task)) continue;
        const unmet = task.needs.find((need) => {
          const outcome = results.get(need)?.outcome;
          return outcome !== undefined && outcome !== 'done' && task.spares?.(need) !== true;
        });
        const closed = task.pool?.closed();
        if (options.signal.aborted) {
          settle(task, { outcome: 'cancelled' }, 0);
        } else if (unmet !== undefined) {
          settle(task, { outcome: 'skipped', reason: skipReason(unmet, results) }, 0);
        } else if (closed !== undefined) {
          settle(task, { outcome: 'skipped', reason: closed }, 0);
        } else if (pointless.signal.aborted) {
          settle(task, { outcome: 'skipped', reason: whyPointless }, 0);
        } else if (
          task.needs.every((need) => results.has(need) || task.spares?.(need) === true) &&
          (task.after ?? []).every((other) => results.has(other))
        ) {
          if (!admitted(task, refused, running)) {
            if (!queued.has(task))
              options.emit({ type: 'task-queued', task: task.id, phase: task.phase, title: task.title });
            queued.add(task);
            continue;
          }
          running.set(
            task,
            runOne(task, results, options, pointless.signal, settle).finally(() => running.delete(task)),
          );
        } else continue;
        moved = true;
      }
      if (pointless.signal.aborted || goals.length === 0) continue;
      if (!goals.every((goal) => results.get(goal)?.outcome === 'skipped')) continue;
      pointless.abort(new KetError('KET_CANCELLED', whyPointless));
      moved = true;
    }
    const waiting = [...queued].some((task) => !results.has(task) && !running.has(task));
    if (running.size === 0 && !waiting) break;
    const changes = waiting ? [cancelled, ...Array.from(pools, (pool) => pool.changed())] : [];
    await Promise.race([...running.values(), ...changes]);
  }
  for (const task of tasks)
    if (!results.has(task))
      settle(task, { outcome: 'skipped', reason: 'it needs a task that is not in the plan' }, 0);
  over.abort();
  return results;
}

const whyPointless = 'nothing is left that it would serve';

/** Whether the pool takes the task now; in one round, none goes before one of a higher priority that is refused. */
function admitted(task: Task, refused: Map<Pool, number>, running: ReadonlyMap<Task, unknown>): boolean {
  const { pool, priority = 0 } = task;
  if (pool === undefined) return true;
  if (
    priority >= (refused.get(pool) ?? -Infinity) &&
    pool.admits(
      task,
      [...running.keys()].filter((t) => t.pool === pool),
    )
  )
    return true;
  refused.set(pool, Math.max(priority, refused.get(pool) ?? -Infinity));
  return false;
}

/** The first cause: what a skipped need was itself skipped for. */
function skipReason(need: Task, results: ReadonlyMap<Task, TaskResult>): string {
  const result = results.get(need);
  if (result?.outcome === 'skipped' && result.reason !== undefined) return result.reason;
  return `${need.id} ${result?.outcome === 'cancelled' ? 'was cancelled' : 'failed'}`;
}

async function runOne(
  task: Task,
  results: ReadonlyMap<Task, TaskResult>,
  options: ExecuteOptions,
  pointless: AbortSignal,
  settle: (task: Task, result: TaskResult, taskMs: number) => void,
): Promise<void> {
  const { deps, emit } = options;
  const began = deps.clock.monotonic();
  const limit = new AbortController();
  const signal = AbortSignal.any([options.signal, limit.signal, pointless]);
  let awaiting = '';
  const context: TaskContext = {
    deps,
    signal,
    emit,
    room: () => options.room?.(),
    awaiting(what) {
      if (what === awaiting) return;
      awaiting = what;
      emit({ type: 'task-awaiting', task: task.id, what });
    },
    output<O>(other: Task<O>): O {
      const result = results.get(other);
      if (!task.needs.includes(other) || result?.outcome !== 'done')
        throw new Error(`task ${task.id} reads the output of ${other.id}, which it does not need`);
      return result.output as O;
    },
  };
  emit({ type: 'task-started', task: task.id, phase: task.phase, title: task.title, limitMs: task.limitMs });
  const timeout = (): KetError =>
    new KetError(
      'KET_TIMEOUT',
      `${task.title}: not done within ${formatMs(task.limitMs)}` +
        (awaiting === '' ? '' : `, while waiting for ${awaiting}`),
      {
        next: 'raise the limit if the work is right and only slow; diagnostics are in the folder of the run',
      },
    );
  const timer = setTimeout(() => limit.abort(timeout()), task.limitMs);
  let result: TaskResult;
  try {
    const body = task.run(context);
    const output = await raceAbort(body, signal, options.abortGraceMs ?? defaultAbortGraceMs);
    result = { outcome: 'done', output };
  } catch (error) {
    if (options.signal.aborted) result = { outcome: 'cancelled' };
    else if (pointless.aborted) result = { outcome: 'cancelled', reason: whyPointless };
    // A task may answer its own time-out with something better than the plain one.
    else if (limit.signal.aborted && !(error instanceof KetError))
      result = { outcome: 'failed', error: limit.signal.reason };
    else result = { outcome: 'failed', error };
  } finally {
    clearTimeout(timer);
  }
  settle(task, result, deps.clock.monotonic() - began);
}

/** Waits for the task, but after an abort only so long: a task that ignores its signal must not hold the run. */
async function raceAbort<T>(body: Promise<T>, signal: AbortSignal, graceMs: number): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  let onAbort: (() => void) | undefined;
  const stuck = new Promise<never>((_resolve, reject) => {
    onAbort = () => {
      timer = setTimeout(() => reject(signal.reason as Error), graceMs);
    };
    if (signal.aborted) onAbort();
    else signal.addEventListener('abort', onAbort, { once: true });
  });
  try {
    return await Promise.race([body, stuck]);
  } finally {
    clearTimeout(timer);
    if (onAbort !== undefined) signal.removeEventListener('abort', onAbort);
  }
}
