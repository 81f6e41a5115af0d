import type { RunEvent, TaskOutcome } from '../model/events.ts';
import { mbPerSecond } from './images.ts';
import { phasesOf, viewOf, type AttemptView, type RunView, type TaskView } from './model.ts';

interface Span {
  readonly startMs: number;
  readonly endMs: number;
  readonly ms: number;
}

export interface TaskTiming extends Partial<Span> {
  readonly task: string;
  readonly title: string;
  readonly outcome?: TaskOutcome;
  readonly steps: readonly ({ readonly step: string } & Span)[];
}

/** timings.json: all times are ms since the run began. */
export interface Timings {
  readonly v: 1;
  readonly run?: string;
  readonly tier?: string;
  readonly startedAt?: string;
  readonly runMs: number;
  readonly phases: readonly ({ readonly phase: string; readonly tasks: readonly TaskTiming[] } & Span)[];
  /** What was brought to nodes. */
  readonly images: readonly {
    readonly image: string;
    readonly nodes: readonly string[];
    readonly bytes: number;
    readonly streamBytes: number;
    readonly streamMs: number;
    readonly together: number;
    /** Of the stream, to each of the nodes, in millions of bytes. */
    readonly mbPerSecond: number;
  }[];
  readonly attempts: readonly ({
    readonly suite: string;
    readonly attempt: number;
    readonly outcome?: string;
    /** From the attempt's start to its first log line, where that was seen live. */
    readonly firstLogMs?: number;
    readonly memoryPeakBytes?: number;
    readonly cpuMs?: number;
  } & Partial<Span>)[];
}

const span = (startMs: number, endMs: number): Span => ({ startMs, endMs, ms: endMs - startMs });

function taskTiming(task: TaskView): TaskTiming {
  const { id, title, startedMs, endedMs, outcome } = task;
  return {
    task: id,
    title,
    ...(outcome === undefined ? {} : { outcome }),
    ...(startedMs === undefined || endedMs === undefined ? {} : span(startedMs, endedMs)),
    steps: task.steps.map(({ step, ms, endedMs: end }) => ({ step, ...span(end - ms, end) })),
  };
}

function attemptTiming(suite: string, attempt: AttemptView): Timings['attempts'][number] {
  const { ended, startedMs, endedMs, firstLogMs } = attempt;
  return {
    suite,
    attempt: attempt.attempt,
    ...(endedMs === undefined ? {} : span(startedMs, endedMs)),
    ...(firstLogMs === undefined ? {} : { firstLogMs: firstLogMs - startedMs }),
    ...(ended === undefined ? {} : { outcome: ended.outcome }),
    ...(ended?.memoryPeakBytes === undefined ? {} : { memoryPeakBytes: ended.memoryPeakBytes }),
    ...(ended?.cpuMs === undefined ? {} : { cpuMs: ended.cpuMs }),
  };
}

/** The times of a run, from its events; phases overlap, so their sum is no time of the run. */
export function timingsOf(view: RunView): Timings {
  return {
    v: 1,
    ...(view.started === undefined ? {} : { run: view.started.run, tier: view.started.tier }),
    ...(view.startedAt === undefined ? {} : { startedAt: view.startedAt }),
    runMs: view.ended?.runMs ?? view.ms,
    phases: phasesOf(view).map(({ phase, startMs, endMs, tasks }) => ({
      phase,
      ...span(startMs, endMs),
      tasks: tasks.map(taskTiming),
    })),
    images: view.delivered.map(
      ({ image, nodes, bytes, streamBytes, streamMs, together, way = 'stream' }) => ({
        ...{ image, nodes, bytes, streamBytes, streamMs, together, way },
        mbPerSecond: mbPerSecond({ streamBytes, streamMs }),
      }),
    ),
    attempts: [...view.suites.values()].flatMap((suite) =>
      suite.attempts.map((attempt) => attemptTiming(suite.name, attempt)),
    ),
  };
}

export function timings(events: Iterable<RunEvent>): Timings {
  return timingsOf(viewOf(events));
}
