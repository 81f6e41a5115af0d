import type { Kube } from '../model/kube.ts';
import type { NamespacePlan, SuitePlan } from '../model/plan.ts';
import type { ClusterHandle, ImageFacts, Outbound } from '../model/run.ts';
import type { StateFile } from '../model/state.ts';
import type { TestDurations } from '../results/test-durations.ts';
import type { Calm } from './calm.ts';
import type { ClusterFacts } from './cluster-facts.ts';
import type { Job } from './job/job-input.ts';
import type { AttemptJournal } from './journal.ts';
import type { Secrets } from './job/secrets.ts';
import type { ClusterView } from './pod/view.ts';

/** What all attempts of a run share. */
export interface SuiteWorld extends ClusterFacts {
  readonly runId: string;
  readonly kube: Kube;
  readonly view: ClusterView;
  readonly template: () => Job;
  /** Rules for the namespaces of attempts. */
  readonly namespace: NamespacePlan;
  /** Release name to namespace. */
  readonly namespaces: Readonly<Record<string, string>>;
  /** The suite's image, where Docker knows it. */
  readonly image: ImageFacts | undefined;
  /** How long the pod of a failed attempt stays for a look inside, ms; 0: not at all. */
  readonly keepFailedMs: number;
  /** The cluster goes away with the run: nothing in it needs deleting one by one. */
  readonly ephemeral: boolean;
  readonly secrets: Secrets;
  /** How long the suite's tests took in an earlier run; for suites with shards. */
  readonly durations: TestDurations;
  /** Masks secrets of releases from now on. */
  readonly mask: (secrets: Secrets) => void;
  readonly outbound: Outbound;
  /** `.dockerconfigjson` for pods, where the plan names registries. */
  readonly pullSecret?: string;
  /** Where an attempt's namespace is listed in a cluster that stays, before it is made. */
  readonly lists: StateFile;
  readonly journal: AttemptJournal;
  readonly cluster: Pick<ClusterHandle, 'name' | 'kubeconfig'>;
  /** Releases that are unavailable now, and why; absent where the suite is not told of them. */
  readonly unavailable?: ReadonlyMap<string, string>;
  /** Suites of the run hold room on the nodes that the suite could have. */
  readonly mayGetRoom: () => boolean;
  /** For what can wait. */
  readonly calm: Calm;
}

/** The namespaces of the releases that a suite needs, in their order. */
export const neededNamespaces = (
  suite: SuitePlan,
  { namespaces }: Pick<SuiteWorld, 'namespaces'>,
): string[] => suite.needs.map((name) => namespaces[name] ?? name);
