import type { ErrorCode } from './errors.ts';

/** One thing that doctor looked at, with the exact cure where something is wrong. */
export interface Finding {
  readonly level: 'ok' | 'warning' | 'error';
  readonly title: string;
  readonly detail: string;
  readonly cure?: string;
  /** Of the error that it makes of a run; KET_PREREQUISITE unless given. */
  readonly code?: ErrorCode;
}
