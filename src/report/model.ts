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
import type { Outcome } from '../model/outcome.ts';
import { isDull, isWorse, type ReleaseNeed } from '../model/soak.ts';
import { addRound, mostBadShown, newSoak, type SoakView } from './soak-view.ts';

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
  /** Of one that runs again in each round of a soak: its first start. */
  readonly firstMs?: number;
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
  /** Of a soak. */
  readonly round?: number;
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
  /** Of a soak those of the first round, the last, and the first that did not pass. */
  attempts: AttemptView[];
  /** Of a soak: the round that says what the suite comes to. */
  deciding?: { readonly round: number; readonly outcome: Outcome };
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
  /** What the releases used at the end. */
  releaseUse: readonly ReleaseNeed[];
  readonly leftovers: Of<'leftover'>[];
  readonly kept: Of<'kept'>[];
  readonly unchanged: Of<'unchanged'>[];
  readonly delivered: Of<'delivered'>[];
  soak?: SoakView;
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
    releaseUse: [],
    leftovers: [],
    kept: [],
    unchanged: [],
    delivered: [],
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
      if (event.soakMs !== undefined) view.soak = newSoak(event.soakMs);
      return;
    case 'task-queued':
      view.queued.set(event.task, event.title);
      return;
    case 'task-started': {
      view.queued.delete(event.task);
      const before = view.tasks.get(event.task);
      view.tasks.set(event.task, {
        id: event.task,
        phase: event.phase,
        title: event.title,
        limitMs: event.limitMs,
        startedMs: event.ms,
        ...(before?.startedMs === undefined ? {} : { firstMs: before.firstMs ?? before.startedMs }),
        steps: [],
      });
      return;
    }
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
      endSuite(suiteOf(view, event.suite), event);
      return;
    case 'round-started':
      view.soak ??= newSoak(0);
      view.soak.now = event.round;
      return;
    case 'round-ended':
      endRound(view, event);
      return;
    case 'soak-ended':
      if (view.soak !== undefined) view.soak.ended = event;
      return;
    case 'notice':
      if (!isToldEnough(view, view.notices, (known) => known.text === event.text)) view.notices.push(event);
      return;
    case 'node-pulls':
      view.nodePulls = event.pulls;
      return;
    case 'release-use':
      view.releaseUse = event.releases;
      return;
    case 'leftover':
      if (!isToldEnough(view, view.leftovers, (known) => known.what === event.what))
        view.leftovers.push(event);
      return;
    case 'kept':
      view.kept.push(event);
      return;
    case 'unchanged':
      view.unchanged.push(event);
      return;
    case 'delivered':
      view.delivered.push(event);
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

/** Of a soak the worst round decides, of several such the first; of rounds that passed the last, whose files are there. */
function endSuite(suite: SuiteView, event: Of<'suite-ended'>): void {
  suite.ended = event;
  const { round, outcome } = event;
  if (round === undefined) return;
  const { deciding } = suite;
  if (
    deciding === undefined ||
    isWorse(outcome, deciding.outcome) ||
    (outcome === deciding.outcome && isDull(outcome))
  )
    suite.deciding = { round, outcome };
}

/** Drops the attempts of the round before it, unless they are worth a look: there may be thousands of rounds. */
function endRound(view: RunView, event: Of<'round-ended'>): void {
  view.soak ??= newSoak(0);
  addRound(view.soak, event);
  const worth = new Set([1, event.round, ...view.soak.bad.slice(0, mostBadShown).map(({ round }) => round)]);
  for (const suite of view.suites.values())
    suite.attempts = suite.attempts.filter(
      ({ round }) => round === undefined || worth.has(round) || round === suite.deciding?.round,
    );
}

/** What a soak says of itself must not grow with its rounds. */
const mostTold = 300;

/** Whether a soak has said it in an earlier round, or has said too much. */
const isToldEnough = <T>(view: RunView, told: readonly T[], isSame: (known: T) => boolean): boolean =>
  view.soak !== undefined && (told.length >= mostTold || told.some(isSame));

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
  const round = view.soak?.now;
  const attempt: AttemptView = {
    attempt: event.attempt,
    ...(round === undefined ? {} : { round }),
    startedMs: event.ms,
    ...place,
    bad: [],
    flaky: [],
  };
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
    const starts = tasks.flatMap((task) => task.firstMs ?? task.startedMs ?? []);
    const endMs = Math.max(...ends);
    return { phase, startMs: starts.length === 0 ? endMs : Math.min(...starts), endMs, tasks };
  });
}

/**
 * The attempts from which the outcome of the suite follows: all of them, or those of the round that decides.
 */
export const countedAttempts = ({ attempts, deciding }: SuiteView): readonly AttemptView[] =>
  deciding === undefined ? attempts : attempts.filter(({ round }) => round === deciding.round);

/**
 * The attempts whose results together are those of the suite: the last that ran the whole suite, and those since that
 * ran failed cases only.
 */
export function decidingAttempts(suite: SuiteView): readonly AttemptView[] {
  const attempts = countedAttempts(suite);
  const whole = attempts.findLastIndex(({ ended }) => ended?.retriedCases === undefined);
  return attempts.slice(Math.max(0, whole));
}

/** The attempt that decided a suite. */
export function lastAttempt(suite: SuiteView): AttemptView | undefined {
  return countedAttempts(suite).at(-1);
}
