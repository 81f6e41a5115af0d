import type { ContainerRef } from '../../model/kube.ts';
import type { LogGaps, Verdict } from '../../model/outcome.ts';
import type { ResultsReading } from './proof.ts';
import type { RunRecord } from './record.ts';

/** What a pod of an attempt, or a process of this machine, ends with. */
export interface PodResult {
  readonly verdict: Verdict;
  readonly results: ResultsReading;
  readonly record?: RunRecord;
  readonly lastLines: readonly string[];
  /** Its command was started, as far as is known. */
  readonly started: boolean;
  /** Why its results are missing or incomplete. */
  readonly collectError?: string;
  /** Every line of the log was seen live; undefined when nothing was followed to its end. */
  readonly logComplete?: boolean;
  /** What the live log lacked of the collected one. */
  readonly logGaps?: LogGaps;
  /** The pod stays for a look inside. */
  readonly kept?: ContainerRef;
  /** Resolves when the pod has been let go, or told to stay; never rejects. */
  readonly told?: Promise<void>;
}

/** What an attempt ends with; of several pods, what they come to together. */
export interface AttemptResult extends Omit<PodResult, 'kept' | 'told'> {
  readonly ms: number;
  readonly kept?: readonly ContainerRef[];
  /** The pods of a suite with shards or replicas, in the order of their indices. */
  readonly pods?: readonly PodResult[];
  /** Removes what it made, once its verdict is said; never rejects. */
  readonly leave?: () => Promise<void>;
}
