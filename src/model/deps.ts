/** A command as an argv list; never a shell string made from input. */
export interface ExecRequest {
  readonly argv: readonly string[];
  readonly cwd?: string;
  /** Added to the environment of ket. */
  readonly env?: Readonly<Record<string, string>>;
  readonly stdin?: NodeJS.ReadableStream;
  /** After this the process group gets TERM, then KILL 5 s later. */
  readonly limitMs: number;
  readonly signal?: AbortSignal;
  /** Each line of stdout and stderr as it comes. */
  readonly onLine?: (line: string, stream: 'stdout' | 'stderr') => void;
  /** Samples the memory of the process group while it runs. */
  readonly measure?: boolean;
  /** Receives stdout in place of the result's `stdout`. */
  readonly stdout?: NodeJS.WritableStream;
}

export interface ExecResult {
  /** Null when the process died by a signal. */
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly timedOut: boolean;
  /** The most memory that the process group was seen to have; with `measure`, where it could be seen. */
  readonly memoryPeakBytes?: number;
  /** At most the last 10 MiB. */
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a command. Resolves with any exit code; rejects when it cannot be started or the signal fires. */
export type Exec = (request: ExecRequest) => Promise<ExecResult>;

export interface Clock {
  /** Unix time, ms. */
  now(): number;
  /** Monotonic, ms. */
  monotonic(): number;
  /** Rejects with the signal's reason when it fires. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}

/** What the phases need of the outside; tests pass fakes. Files are used through node:fs directly. */
export interface Deps {
  readonly exec: Exec;
  readonly clock: Clock;
  readonly env: Readonly<Record<string, string | undefined>>;
}
