import type { Deps } from '../model/deps.ts';
import type { EventBody, EventSink, RunEvent } from '../model/events.ts';
import type { Kube } from '../model/kube.ts';
import type { Counts, ExitCode, Outcome } from '../model/outcome.ts';
import type { Plan } from '../model/plan.ts';
import type { Secrets } from '../suites/job/secrets.ts';
import type { Assets } from '../model/run.ts';
import type { ContextCluster, ExistingCluster } from './existing.ts';

export interface RunOptions {
  readonly plan: Plan;
  readonly deps: Deps;
  readonly connect: (kubeconfig: string) => Promise<Kube>;
  readonly assets: Assets;
  /** ket's own version. */
  readonly version: string;
  /** Called once the run's folder is there. */
  readonly sinks: (folder: string) => readonly EventSink[];
  /** Secrets of the door, by name, that must not appear in any event; those of suites are known from the plan. */
  readonly secrets?: Secrets;
  /** Told of secrets that the run learns on its way, of releases; they are masked in events already. */
  readonly onSecrets?: (secrets: Secrets) => void;
  /** Cancels the run; what it made is still removed. */
  readonly cancel: AbortSignal;
  /** Checks the machine; throws when the run cannot work. */
  readonly preflight: (plan: Plan, signal: AbortSignal, emit: (event: EventBody) => void) => Promise<void>;
  /** A cluster that is there already and stays. */
  readonly existing?: ExistingCluster | ContextCluster;
  /** `ket up`: no suites, and what was made stays until `ket down`. */
  readonly up?: boolean;
  /** `ket check`: the checks of the tier, and no suite. */
  readonly checksOnly?: boolean;
  /** Writes the files that are views of the events: when the suites are done, and again when all is. Returns what was odd. */
  readonly writeReports: (folder: string, events: Iterable<RunEvent>) => Promise<readonly string[]>;
}

export interface RunEnd {
  readonly outcome: Outcome;
  readonly exitCode: ExitCode;
  readonly runId: string;
  readonly folder: string;
  readonly counts: Counts;
  readonly runMs: number;
  /** The cluster of the run; its kubeconfig where it stays. */
  readonly cluster?: { readonly name: string; readonly kubeconfig?: string };
}
