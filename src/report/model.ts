import {
  phases,
  type CaseInfo,
  type EventBody,
  type NodePull,
  type Phase,
  type RunEvent,
  type TaskOutcome,
} from '../model/events.ts';
import type { ErrorInfo } from '../model/errors.ts';

type Of<Type extends EventBody['type']> = Extract<EventBody, { type: Type }>;

export interface StepView {
  readonly step: string;
  readonly ms: number;
  /** Since the run began. */
  readonly endedMs: number;
}

export interface TaskView {
  readonly id: string;
  readonly phase: Phase;
  readonly title: string;
  readonly limitMs: number;
  /** Since the run began; undefined for a task that never started. */
  readonly startedMs?: number;
  awaiting?: string;
  endedMs?: number;
  taskMs?: number;
  outcome?: TaskOutcome;
  error?: ErrorInfo;
  reason?: string;
  readonly steps: StepView[];
}

export interface AttemptView {
  readonly attempt: number;
  readonly startedMs: number;
  readonly namespace?: string;
  readonly pod?: string;
  readonly node?: string;
  /** When the first line of its log came, since the run began. */
  firstLogMs?: number;
  /** Failed and broken cases. */
  readonly bad: CaseInfo[];
  /** Cases that passed after a failed try: they have a message though they passed. */
  readonly flaky: CaseInfo[];
  endedMs?: number;
  ended?: Of<'attempt-ended'>;
}

export interface SuiteView {
  readonly name: string;
  readonly attempts: AttemptView[];
  ended?: Of<'suite-ended'>;
}

export interface RunView {
  started?: Of<'run-started'>;
  /** ISO 8601. */
  startedAt?: string;
  readonly tasks: Map<string, TaskView>;
  /** Titles of the tasks that wait for room, by id. */
  readonly queued: Map<string, string>;
  readonly suites: Map<string, SuiteView>;
  readonly notices: Of<'notice'>[];
  /** What nodes pulled themselves, the slowest first. */
  nodePulls: readonly NodePull[];
  readonly leftovers: Of<'leftover'>[];
  readonly kept: Of<'kept'>[];
  ended?: Of<'run-ended'>;
  /** `ms` of the latest event. */
  ms: number;
}

export function newRunView(): RunView {
  return {
    tasks: new Map(),
    queued: new Map(),
    suites: new Map(),
    notices: [],
    nodePulls: [],
    leftovers: [],
    kept: [],
    ms: 0,
  };
}

/** Takes one event into the view. Events may lack their beginning: a view of a damaged log is better than none. */
export function applyEvent(view: RunView, event: RunEvent): void {
  view.ms = Math.max(view.ms, event.ms);
  switch (event.type) {
    case 'run-started':
      view.started = event;
      view.startedAt = event.time;
      for (const name of event.suites) suiteOf(view, name);
      return;
    case 'task-queued':
      view.queued.set(event.task, event.title);
      return;
    case 'task-started':
      view.queued.delete(event.task);
      view.tasks.set(event.task, {
        id: event.task,
        phase: event.phase,
        title: event.title,
        limitMs: event.limitMs,
        startedMs: event.ms,
        steps: [],
      });
      return;
    case 'task-awaiting': {
      const task = view.tasks.get(event.task);
      if (task !== undefined) task.awaiting = event.what;
      return;
    }
    case 'task-step':
      view.tasks.get(event.task)?.steps.push({ step: event.step, ms: event.stepMs, endedMs: event.ms });
      return;
    case 'task-ended':
      endTask(view, event);
      return;
    case 'attempt-started':
    case 'attempt-ended':
    case 'case':
    case 'log':
      applyToAttempt(attemptOf(view, event), event);
      return;
    case 'suite-ended':
      suiteOf(view, event.suite).ended = event;
      return;
    case 'notice':
      view.notices.push(event);
      return;
    case 'node-pulls':
      view.nodePulls = event.pulls;
      return;
    case 'leftover':
      view.leftovers.push(event);
      return;
    case 'kept':
      view.kept.push(event);
      return;
    case 'run-ended':
      view.ended = event;
  }
}

/** The view of a whole event log. */
export function viewOf(events: Iterable<RunEvent>): RunView {
  const view = newRunView();
  for (const event of events) applyEvent(view, event);
  return view;
}

function endTask(view: RunView, event: Of<'task-ended'> & RunEvent): void {
  const { task: id, phase, outcome, taskMs, error, reason } = event;
  // A skipped task never started.
  view.queued.delete(id);
  const task = view.tasks.get(id) ?? { id, phase, title: id, limitMs: 0, steps: [] };
  task.outcome = outcome;
  task.taskMs = taskMs;
  task.endedMs = event.ms;
  if (error !== undefined) task.error = error;
  if (reason !== undefined) task.reason = reason;
  view.tasks.set(id, task);
}

function suiteOf(view: RunView, name: string): SuiteView {
  const known = view.suites.get(name);
  if (known !== undefined) return known;
  const suite: SuiteView = { name, attempts: [] };
  view.suites.set(name, suite);
  return suite;
}

type AttemptEvent = RunEvent & Of<'attempt-started' | 'attempt-ended' | 'case' | 'log'>;

function attemptOf(view: RunView, event: AttemptEvent): AttemptView {
  const suite = suiteOf(view, event.suite);
  const known = suite.attempts.find((a) => a.attempt === event.attempt);
  if (known !== undefined) return known;
  const place =
    event.type === 'attempt-started'
      ? {
          ...(event.namespace === undefined ? {} : { namespace: event.namespace }),
          ...(event.pod === undefined ? {} : { pod: event.pod }),
          ...(event.node === undefined ? {} : { node: event.node }),
        }
      : {};
  const attempt: AttemptView = { attempt: event.attempt, startedMs: event.ms, ...place, bad: [], flaky: [] };
  suite.attempts.push(attempt);
  return attempt;
}

function applyToAttempt(attempt: AttemptView, event: AttemptEvent): void {
  if (event.type === 'log') attempt.firstLogMs ??= event.ms;
  else if (event.type === 'case') {
    if (event.status === 'failed' || event.status === 'error') attempt.bad.push(event);
    else if (event.status === 'passed' && event.message !== undefined) attempt.flaky.push(event);
  } else if (event.type === 'attempt-ended') {
    attempt.ended = event;
    attempt.endedMs = event.ms;
  }
}

export interface PhaseView {
  readonly phase: Phase;
  readonly startMs: number;
  readonly endMs: number;
  readonly tasks: readonly TaskView[];
}

/** The phases that had a task, in the order of reports; a phase lasts from its first start to its last end. */
export function phasesOf(view: RunView): PhaseView[] {
  return phases.flatMap((phase) => {
    const tasks = [...view.tasks.values()].filter((task) => task.phase === phase);
    if (tasks.length === 0) return [];
    const ends = tasks.map((task) => task.endedMs ?? view.ms);
    const starts = tasks.flatMap((task) => task.startedMs ?? []);
    const endMs = Math.max(...ends);
    return { phase, startMs: starts.length === 0 ? endMs : Math.min(...starts), endMs, tasks };
  });
}

/**
 * The attempts whose results together are those of the suite: the last that ran the whole suite, and those since that
 * ran failed cases only.
 */
export function decidingAttempts({ attempts }: SuiteView): readonly AttemptView[] {
  const whole = attempts.findLastIndex(({ ended }) => ended?.retriedCases === undefined);
  return attempts.slice(Math.max(0, whole));
}

/** The attempt that decided a suite. */
export function lastAttempt(suite: SuiteView): AttemptView | undefined {
  return suite.attempts.at(-1);
}
