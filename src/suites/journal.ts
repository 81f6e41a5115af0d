import type { PodResult } from './verdict/attempt-result.ts';
import type { AttemptId } from './names.ts';

/** An attempt that was begun: what another process must know to go on with it. */
export interface BegunAttempt {
  readonly nonce: string;
  /** Unix time, ms. */
  readonly at: number;
  /** All its objects were created, the Job last. */
  readonly made: boolean;
}

/** A pod whose end is decided; its results are in its folder. */
export interface EndedPod extends Omit<PodResult, 'results' | 'lastLines'> {
  /** Unix time, ms. */
  readonly at: number;
  /** Set until the pod was let go: its name, and the manifest to acknowledge. */
  readonly letGo?: { readonly pod: string; readonly manifest: string };
}

/**
 * What is written down while attempts run, so that another process can take them up when this one dies
 * (`ket attach`). What is asked for is known only in a run that was taken up.
 */
export interface AttemptJournal {
  attempt(id: AttemptId): BegunAttempt | undefined;
  /** Before anything of it is created. */
  begin(id: AttemptId, nonce: string, at: number): void;
  made(id: AttemptId): void;
  /** UID of the pod that was seen to start. */
  started(id: AttemptId, index: number | undefined): string | undefined;
  start(id: AttemptId, index: number | undefined, uid: string): void;
  ended(id: AttemptId, index: number | undefined): EndedPod | undefined;
  /** Before its pod is let go. */
  end(id: AttemptId, index: number | undefined, pod: EndedPod): void;
}

/** Where nobody could go on. */
export const noJournal: AttemptJournal = {
  attempt: () => undefined,
  begin: () => undefined,
  made: () => undefined,
  started: () => undefined,
  start: () => undefined,
  ended: () => undefined,
  end: () => undefined,
};
