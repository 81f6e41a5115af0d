import type { Counts } from '../../model/outcome.ts';
import type { SuitePlan } from '../../model/plan.ts';
import type { NeverRan, Pod } from '../pod/pod-state.ts';
import type { RunRecord } from './record.ts';

/** What was found of JUnit in the results. */
export interface JunitProof {
  /** `missing`: no file at all; otherwise the worst of the files. */
  readonly state: 'ok' | 'missing' | 'empty' | 'cut' | 'unreadable' | 'stale';
  readonly counts: Counts;
  /** First words about what is wrong with it, and names of failed cases. */
  readonly detail?: string;
  readonly failedNames: readonly string[];
}

/** All that ket has of an attempt when it decides. */
export interface Evidence {
  readonly suite: SuitePlan;
  /** Who or what stopped it. */
  readonly cancelled?: string;
  /** A release that it needs broke under it. */
  readonly unhealthy?: string;
  /** Set when the pod's main container never ran. */
  readonly neverRan?: Pick<NeverRan, 'infraClass' | 'message'>;
  /** The latest pod; absent when it vanished and nothing of it is known, and in the unit tier. */
  readonly pod?: Pod;
  /** UID of the pod that ket first saw for this attempt, and the nonce that it gave it. */
  readonly uid: string;
  readonly nonce: string;
  /** The pod is no longer there. */
  readonly podGone: boolean;
  /** ket waited until its own backstop and gave up. */
  readonly gaveUp?: string;
  readonly record?: RunRecord;
  readonly junit: JunitProof;
  /** Why results are missing or incomplete. */
  readonly collectError?: string;
  /** Last lines of the log, for messages. */
  readonly lastLines: readonly string[];
}
