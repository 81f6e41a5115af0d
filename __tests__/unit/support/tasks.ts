import type { EventBody } from '../../../src/model/events.ts';
import type { Pool, Task, TaskContext } from '../../../src/model/task.ts';
import { execute, type ExecuteOptions, type TaskResult } from '../../../src/pipeline/executor.ts';
import { fakeDeps } from './phases.ts';

export interface TaskOver extends Partial<Omit<Task, 'run'>> {
  readonly run?: (context: TaskContext) => Promise<unknown>;
}

export const task = (id: string, over: TaskOver = {}): Task => ({
  id,
  phase: 'suites',
  title: `do ${id}`,
  needs: [],
  limitMs: 10_000,
  run: async () => id,
  ...over,
});

export const failing = (id: string, over: TaskOver = {}): Task =>
  task(id, {
    run: async () => {
      throw new Error(`${id} broke`);
    },
    ...over,
  });

export interface Executed {
  readonly results: ReadonlyMap<Task, TaskResult>;
  readonly events: readonly EventBody[];
  /** `start a`, `end a done` … in order. */
  readonly story: readonly string[];
}

export async function executed(
  tasks: readonly Task[],
  over: Partial<Omit<ExecuteOptions, 'emit' | 'deps'>> & {
    readonly onEvent?: (event: EventBody) => void;
  } = {},
): Promise<Executed> {
  const events: EventBody[] = [];
  const { onEvent, ...options } = over;
  const results = await execute(tasks, {
    deps: fakeDeps([]),
    signal: new AbortController().signal,
    ...options,
    emit: (event) => {
      events.push(event);
      onEvent?.(event);
    },
  });
  const story = events.flatMap((event) =>
    event.type === 'task-started'
      ? [`start ${event.task}`]
      : event.type === 'task-ended'
        ? [`end ${event.task} ${event.outcome}`]
        : [],
  );
  return { results, events, story };
}

/** Resolves when it fires, never rejects. */
export const aborted = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });

export const after = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** So many at once. */
export const pool = (size: number): Pool => ({
  admits: (_task, running) => running.length < size,
  closed: () => undefined,
  changed: () => new Promise(() => undefined),
});
