import { parts, type Measured } from './stopwatch.ts';
import type { Variant } from './options.ts';

/** One run of one variant, and the circumstances that its figures need to be judged. */
export interface Row extends Measured {
  readonly at: string;
  readonly round: number;
  /** 1, 2, 3 … in its round. */
  readonly position: number;
  readonly variant: Variant;
  /** Load average of the last minute before the run began. */
  readonly load: number;
  /** Processor time that the whole machine spent meanwhile, whoever spent it; seconds. */
  readonly busy: number;
  readonly cores: number;
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length / 2;
  const low = sorted[Math.ceil(middle) - 1] ?? NaN;
  const high = sorted[Math.floor(middle)] ?? NaN;
  return (low + high) / 2;
}

/** The value that 19 of 20 do not exceed (nearest rank). */
export function p95(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.ceil(sorted.length * 0.95) - 1] ?? NaN;
}

export function spread(values: readonly number[]): string {
  return `${seconds(Math.min(...values))}–${seconds(Math.max(...values))}`;
}

/** Milliseconds as seconds with one decimal. */
export const seconds = (ms: number): string => (ms / 1000).toFixed(1);

/** Raw figures: one line a run, times in seconds since the variant began. */
export function csv(rows: readonly Row[]): string {
  const head = [
    ...['at', 'round', 'position', 'variant', 'cores', 'load_before', 'cpu_busy_s', 'tests_passed'],
    ...['verdict_s', 'removed_s', 'peak_mib', 'to_job_ms'],
    ...parts.flatMap((part) => [`${part}_start_s`, `${part}_end_s`]),
  ];
  const lines = rows.map((row) => [
    ...[row.at, row.round, row.position, row.variant, row.cores, row.load.toFixed(2), row.busy.toFixed(1)],
    ...[row.tests, exact(row.verdict), exact(row.removed)],
    ...[row.peakMiB?.toFixed(0) ?? '', row.toJob?.map((ms) => Math.round(ms)).join(' ') ?? ''],
    ...parts.flatMap((part) => [exact(row.spans[part]?.start), exact(row.spans[part]?.end)]),
  ]);
  return [head, ...lines].map((line) => `${line.join(',')}\n`).join('');
}

const exact = (ms: number | undefined): string => (ms === undefined ? '' : (ms / 1000).toFixed(3));
