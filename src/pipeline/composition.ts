import type { Kube } from '../model/kube.ts';
import type { Plan } from '../model/plan.ts';
import type { ClusterHandle, RunContext } from '../model/run.ts';
import type { Task } from '../model/task.ts';
import type { UpStore } from '../model/up.ts';
import type { PreparedSuite } from '../suites/prepare.ts';
import type { SuiteSettings } from '../suites/settings.ts';
import type { SuiteReport } from '../suites/suite.ts';
import type { ExistingCluster } from './existing.ts';

/** What tasks a run is made of, and what they are made from. */
export interface Composition {
  readonly tasks: readonly Task[];
  readonly suites: readonly Task<SuiteReport>[];
  /** What the tasks are for: the suites that have a chance to run, or what is wanted in their place. */
  readonly goals?: readonly Task[];
  /** What was made for suites before they start. */
  readonly prepared?: readonly Task<PreparedSuite>[];
  /** Those that wait for the end of the suites. */
  readonly collects: readonly Task[];
  /** Absent in a tier without a cluster. */
  readonly cluster?: Task<ClusterHandle>;
}

export interface ComposeOptions {
  readonly run: RunContext;
  readonly plan: Plan;
  readonly connect: (kubeconfig: string) => Promise<Kube>;
  /** A cluster that is there already and stays. */
  readonly existing?: ExistingCluster;
  readonly preflight: Task;
  /** Tries the logins at registries; absent where there are none. */
  readonly login?: Task;
  readonly settings: SuiteSettings;
  /** When the run began, unix ms. */
  readonly began: number;
  /** `ket check`: all checks, and no suite. */
  readonly checksOnly?: boolean;
  /** What stands in the cluster of a `ket up`. */
  readonly up?: UpStore;
  /** All suites that will run in the cluster, also when this run has none of them. */
  readonly users: Plan['suites'];
  /** `ket up`: what the tier has no more is removed. */
  readonly bringsUp?: boolean;
  /** Runs of which this machine has a state. */
  readonly knownRuns: () => ReadonlySet<string>;
  /** How long suites took before, ms. */
  readonly durations: ReadonlyMap<string, number>;
}

/**
 * By priority; then the longest first, as far as that is known, because a long one that starts last is waited for
 * alone. One that never ran comes before all that did: it may be long.
 */
export function inOrder(
  suites: readonly Task<SuiteReport>[],
  durations: ReadonlyMap<string, number>,
): Task<SuiteReport>[] {
  const lasts = (task: Task): number => durations.get(task.title) ?? Infinity;
  return [...suites].sort(
    (a, b) => (b.priority ?? 0) - (a.priority ?? 0) || (lasts(a) === lasts(b) ? 0 : lasts(b) - lasts(a)),
  );
}
