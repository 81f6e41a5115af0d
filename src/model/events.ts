import type { BudgetUse } from './budget.ts';
import type { ErrorInfo } from './errors.ts';
import type { Counts, ExitCode, FailureCause, InfraClass, LogGaps, Outcome } from './outcome.ts';
import type { ReleaseNeed, RoundRelease, RoundSuite, SoakEnd } from './soak.ts';

/** Parts of a run, in the order in which reports show them. */
export const phases = [
  'preflight',
  'tools',
  'cluster',
  'images',
  'releases',
  'checks',
  'suites',
  'report',
  'cleanup',
] as const;
export type Phase = (typeof phases)[number];

export type TaskOutcome = 'done' | 'failed' | 'skipped' | 'cancelled';

/** One test case as it stands in the event log. */
export interface CaseInfo {
  readonly suite: string;
  readonly attempt: number;
  readonly name: string;
  readonly classname?: string;
  readonly file?: string;
  /** From 1. */
  readonly line?: number;
  readonly status: 'passed' | 'failed' | 'error' | 'skipped';
  readonly caseMs: number;
  /** At most 4 KiB. */
  readonly message?: string;
}

/** One of several pods of an attempt. */
export interface PodInfo {
  readonly outcome: Outcome;
  readonly infraClass?: InfraClass;
  readonly message: string;
  readonly counts: Counts;
  /** How long its command ran. */
  readonly commandMs?: number;
  readonly console: FileRef;
}

/** A file in the run's folder, relative to it, with `/`. */
export interface FileRef {
  readonly path: string;
  readonly offset?: number;
}

/** An image that nodes pulled themselves, in the words of their kubelets. */
export interface NodePull {
  readonly image: string;
  readonly nodes: number;
  /** The longest, waiting included. */
  readonly pullMs: number;
}

export interface SharedRelease {
  readonly release: string;
  readonly suites: readonly string[];
}

/** What was left out because it would have changed nothing. */
export type NotDone = 'built' | 'delivered' | 'upgraded';

/** What happened; the executor adds `v`, `seq`, `time` and `ms`. */
export type EventBody =
  | {
      readonly type: 'run-started';
      readonly run: string;
      readonly tier: string;
      /** Version of Kubernetes, where the tier has a run for each of several. */
      readonly kubernetes?: string;
      readonly suites: readonly string[];
      readonly cluster?: string;
      /** Releases whose data several suites share, which none of them sets up for itself. */
      readonly shares?: readonly SharedRelease[];
      /** The suites are repeated for so long. */
      readonly soakMs?: number;
      readonly ket: string;
    }
  | {
      readonly type: 'task-started';
      readonly task: string;
      readonly phase: Phase;
      readonly title: string;
      readonly limitMs: number;
    }
  /** Its needs are met, and its pool has no room for it yet. */
  | { readonly type: 'task-queued'; readonly task: string; readonly phase: Phase; readonly title: string }
  /** What a task is waiting for right now. */
  | { readonly type: 'task-awaiting'; readonly task: string; readonly what: string }
  /** A finished part of a task, e.g. one of kind's own steps. */
  | { readonly type: 'task-step'; readonly task: string; readonly step: string; readonly stepMs: number }
  | {
      readonly type: 'task-ended';
      readonly task: string;
      readonly phase: Phase;
      readonly outcome: TaskOutcome;
      readonly taskMs: number;
      readonly error?: ErrorInfo;
      /** Why it was skipped. */
      readonly reason?: string;
    }
  /** Something that the run would have made, and that is there already, made of the same. */
  | { readonly type: 'unchanged'; readonly task: string; readonly what: string; readonly not: NotDone }
  /** An image that nodes lacked, or had with another content, and have now. */
  | {
      readonly type: 'delivered';
      readonly task: string;
      readonly image: string;
      /** Size of the image, as Docker says it. */
      readonly bytes: number;
      /** Of the stream in which it went, which images that go together share, with common layers once. */
      readonly streamBytes: number;
      readonly streamMs: number;
      /** How many images went in it. */
      readonly together: number;
      readonly nodes: readonly string[];
      /** By a registry of the run, from which each node pulled; else by a stream into all of them. */
      readonly way?: 'registry';
    }
  | { readonly type: 'notice'; readonly level: 'info' | 'warning' | 'error'; readonly text: string }
  | {
      readonly type: 'attempt-started';
      readonly suite: string;
      readonly attempt: number;
      /** Of the pod, in a suite with shards or replicas. */
      readonly index?: number;
      readonly namespace?: string;
      readonly pod?: string;
      readonly node?: string;
    }
  | ({ readonly type: 'case' } & CaseInfo)
  | {
      readonly type: 'attempt-ended';
      readonly suite: string;
      readonly attempt: number;
      readonly outcome: Outcome;
      readonly infraClass?: InfraClass;
      readonly cause?: FailureCause;
      readonly message: string;
      readonly counts: Counts;
      readonly attemptMs: number;
      readonly exitCode?: number;
      /** The live stream had every line of the log; absent when nothing is known of that. */
      readonly logComplete?: boolean;
      /** What it lacked, where console.log has it. */
      readonly logGaps?: LogGaps;
      readonly memoryPeakBytes?: number;
      readonly cpuMs?: number;
      /**
       * It ran only these cases, `classname.name`, which had failed in the attempt before; `counts` are then those of
       * the suite as it stands after it.
       */
      readonly retriedCases?: readonly string[];
      readonly junit?: readonly FileRef[];
      readonly console?: FileRef;
      readonly lastLines?: readonly string[];
      /** Of a suite with shards or replicas, in the order of their indices. */
      readonly pods?: readonly PodInfo[];
    }
  | {
      readonly type: 'suite-ended';
      readonly suite: string;
      /** Of a soak: what it came to in this round. Without it, what it comes to in the run. */
      readonly round?: number;
      readonly outcome: Outcome;
      readonly infraClass?: InfraClass;
      readonly message: string;
      readonly counts: Counts;
      readonly attempts: number;
      readonly suiteMs: number;
    }
  /** Travels live only; stored as console.log in the run's folder, not in events.ndjson. */
  | {
      readonly type: 'log';
      readonly suite: string;
      readonly attempt: number;
      /** Of the pod, in a suite with shards or replicas. */
      readonly index?: number;
      /** 1, 2, 3 … in each attempt, as the lines came to ket. */
      readonly number: number;
      readonly line: string;
      /** When the container printed it (its node's clock). */
      readonly printed?: string;
    }
  /** Of a soak: all between this and its `round-ended` is of the round. */
  | { readonly type: 'round-started'; readonly round: number }
  | {
      readonly type: 'round-ended';
      readonly round: number;
      readonly outcome: Outcome;
      readonly roundMs: number;
      /** Since the first round began. */
      readonly soakMs: number;
      readonly suites: readonly RoundSuite[];
      readonly releases: readonly RoundRelease[];
    }
  | {
      readonly type: 'soak-ended';
      readonly why: SoakEnd;
      readonly askedMs: number;
      readonly lastedMs: number;
      readonly rounds: number;
      /** Rounds that passed and whose results were removed from the run's folder. */
      readonly removedRounds: number;
    }
  /** What nodes pulled themselves, once no suite runs any more; the slowest first. */
  | { readonly type: 'node-pulls'; readonly pulls: readonly NodePull[] }
  /** What releases used, once no suite runs any more; those of which nothing was measured are not among them. */
  | { readonly type: 'release-use'; readonly releases: readonly ReleaseNeed[] }
  | { readonly type: 'leftover'; readonly what: string; readonly why: string; readonly cure: string }
  | { readonly type: 'kept'; readonly what: string; readonly until: string; readonly how: readonly string[] }
  | {
      readonly type: 'run-ended';
      readonly outcome: Outcome;
      readonly exitCode: ExitCode;
      readonly counts: Counts;
      readonly runMs: number;
      /** The budget of the tier, and what was used of it. */
      readonly budget?: BudgetUse;
      readonly error?: ErrorInfo;
    };

/** One line of events.ndjson. */
export type RunEvent = EventBody & {
  readonly v: 1;
  /** 1, 2, 3 … without gaps in events.ndjson (log events have no number of their own). */
  readonly seq: number;
  /** ISO 8601, this machine's clock. */
  readonly time: string;
  /** Since the run began, by a monotonic clock. */
  readonly ms: number;
};

/** A view of the event stream. A sink that throws costs one warning, never the run. */
export interface EventSink {
  readonly name: string;
  event(event: RunEvent): void;
  /** Resolves when who reads it has caught up; undefined when there is nothing to wait for. */
  room?(): Promise<void> | undefined;
  close?(): void | Promise<void>;
}
