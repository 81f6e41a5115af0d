/** A stable name for each kind of error that ket tells its user; docs/errors.md lists them. */
export type ErrorCode =
  | 'KET_CONFIG'
  | 'KET_USAGE'
  | 'KET_PREREQUISITE'
  | 'KET_TOOL'
  | 'KET_CLUSTER'
  | 'KET_RIGHTS'
  | 'KET_NODES_NOT_READY'
  | 'KET_IMAGE_BUILD'
  | 'KET_IMAGE_DELIVERY'
  | 'KET_RELEASE'
  | 'KET_CAPACITY'
  | 'KET_CHECK'
  | 'KET_KUBE'
  | 'KET_COLLECT'
  | 'KET_TIMEOUT'
  | 'KET_CANCELLED'
  | 'KET_STATE'
  | 'KET_INTERNAL';

export interface KetErrorOptions {
  /** What the user does next. */
  readonly next?: string;
  /** Where it happened: file:line, object, command. */
  readonly where?: string;
  /** Last lines of a log or a command that show the cause. */
  readonly details?: readonly string[];
  readonly cause?: unknown;
}

/** An error that ket expected: code, what happened, where, and the next step. */
export class KetError extends Error {
  override readonly name = 'KetError';
  readonly code: ErrorCode;
  readonly next: string | undefined;
  readonly where: string | undefined;
  readonly details: readonly string[];

  constructor(code: ErrorCode, message: string, options: KetErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.next = options.next;
    this.where = options.where;
    this.details = options.details ?? [];
  }
}

/** The message of anything thrown, with the messages of its causes. */
export function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const own = error.message || error.name;
  return error.cause === undefined ? own : `${own}: ${messageOf(error.cause)}`;
}

/** Plain form of an error for events and reports. */
export interface ErrorInfo {
  readonly code: ErrorCode;
  readonly message: string;
  readonly next?: string;
  readonly where?: string;
  readonly details?: readonly string[];
}

/** Turns anything thrown into its plain form; what ket did not expect is marked as ket's own fault. */
export function errorInfo(error: unknown): ErrorInfo {
  if (error instanceof KetError)
    return {
      code: error.code,
      message: messageOf(error),
      ...(error.next === undefined ? {} : { next: error.next }),
      ...(error.where === undefined ? {} : { where: error.where }),
      ...(error.details.length === 0 ? {} : { details: error.details }),
    };
  const stack = error instanceof Error ? (error.stack ?? '').split('\n').slice(1, 6) : [];
  return {
    code: 'KET_INTERNAL',
    message: messageOf(error),
    next: 'this is a fault of ket: please report it with the lines below',
    details: stack.map((line) => line.trim()),
  };
}
