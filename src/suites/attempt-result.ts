import type { ContainerRef } from '../model/kube.ts';
import type { Verdict } from '../model/outcome.ts';
import type { Home } from './bring-home.ts';
import type { KubeEvent, NeverRan, Pod } from './pod-state.ts';
import type { ResultsReading } from './proof.ts';
import type { RunRecord } from './record.ts';
import type { Part } from './view.ts';

/** What an attempt ends with. */
export interface AttemptResult {
  readonly verdict: Verdict;
  readonly results: ResultsReading;
  readonly record?: RunRecord;
  readonly lastLines: readonly string[];
  /** Its command was started, as far as is known. */
  readonly started: boolean;
  readonly ms: number;
  /** Every line of the log was seen live; undefined when nothing was followed to its end. */
  readonly logComplete?: boolean;
  /** The pod stays for a look inside. */
  readonly kept?: ContainerRef;
}

/** What is known when an attempt ends, however it came there. */
export interface EndState {
  /** Who or what stopped it. */
  readonly cancelled?: string;
  readonly unhealthy?: string;
  readonly neverRan?: Pick<NeverRan, 'infraClass' | 'message'>;
  readonly pod?: Pod | undefined;
  readonly uid?: string;
  readonly podName?: string;
  readonly podGone?: boolean;
  readonly gaveUp?: string;
  readonly collectError?: string;
  readonly logComplete?: boolean;
  readonly events?: Pick<Part<KubeEvent>, 'items'>;
  readonly finish?: Home['finish'];
}
