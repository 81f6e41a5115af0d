/** What ket-run writes when the suite's command has ended (native/ket-run). */
export interface RunRecord {
  readonly v: 1;
  readonly nonce: string;
  readonly uid: string;
  readonly started_ms: number;
  readonly ended_ms: number;
  readonly duration_ms: number;
  readonly exit_code: number;
  readonly signal: number | null;
  readonly timed_out: boolean;
  /** The command line that was started last, when the limit was over. */
  readonly running?: string | null;
  readonly term_received: number | null;
  readonly exec_error: string | null;
  /** Processes of the container that the kernel killed for memory; null where the cgroup does not tell. */
  readonly oom_kills: number | null;
  readonly memory_peak_bytes: number | null;
  readonly cpu_usec: number | null;
  /** What the command printed; absent in the unit tier. */
  readonly stdout_bytes?: number;
  readonly stderr_bytes?: number;
  /** What of it is in console.log. */
  readonly console_bytes: number;
  readonly console_error: string | null;
}

const isNumberOrNull = (value: unknown): boolean => value === null || typeof value === 'number';

/** Undefined unless it is a whole record of this version. */
export function parseRecord(text: string): RunRecord | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (typeof value !== 'object' || value === null) return undefined;
  const record = value as Record<string, unknown>;
  const whole =
    record['v'] === 1 &&
    typeof record['nonce'] === 'string' &&
    typeof record['uid'] === 'string' &&
    typeof record['exit_code'] === 'number' &&
    typeof record['duration_ms'] === 'number' &&
    typeof record['timed_out'] === 'boolean' &&
    isNumberOrNull(record['signal']) &&
    isNumberOrNull(record['oom_kills']);
  return whole ? (value as RunRecord) : undefined;
}
