import { errorInfo, type ErrorInfo } from '../model/errors.ts';
import { ExitCode, worstExitCode } from '../model/outcome.ts';
import type { RunEnd } from '../pipeline/run-options.ts';
import { tierText } from '../report/format.ts';
import type { SeriesEntry } from '../report/series.ts';

/** One run of a command that may have several. */
export interface SeriesRun {
  readonly tier: string;
  /** Version of Kubernetes, where the tier has a run for each of several. */
  readonly kubernetes?: string | undefined;
  /** Runs it to its end; absent where it has none of the suites that are asked for. */
  readonly run?: () => Promise<RunEnd>;
  /** That the first suite that does not pass ends it. */
  readonly failFast?: boolean;
}

export interface SeriesOptions {
  /** Aborted: the run that goes on ends by itself, and no further one starts. */
  readonly cancel: AbortSignal;
  /** Told of an error for which a run could not begin, when it happens; gives the exit code for it. */
  readonly failed: (error: ErrorInfo) => ExitCode;
}

export interface SeriesEnd {
  /** One for each that was asked for, in the same order. */
  readonly entries: readonly SeriesEntry[];
  readonly exitCode: ExitCode;
}

/**
 * Runs one after another. What becomes of one changes nothing for the others, but for a cancel, and for one with
 * `failFast` that did not pass: then none starts any more.
 */
export async function runSeries(runs: readonly SeriesRun[], options: SeriesOptions): Promise<SeriesEnd> {
  const entries: SeriesEntry[] = [];
  let stop: string | undefined;
  for (const one of runs) {
    if (options.cancel.aborted) stop = 'cancelled before it started';
    const entry = await entryOf(one, stop, options);
    entries.push(entry);
    if (one.failFast === true && (entry.exitCode ?? 0) !== 0)
      stop ??= `tier ${tierText(one)} did not pass, and fail-fast lets that end everything`;
  }
  const codes = entries.flatMap(({ exitCode }) => exitCode ?? []);
  // A cancel between two runs is in none of their exit codes.
  const cancelled =
    options.cancel.aborted && entries.some(({ ran, why }) => ran === undefined && why === stop);
  return { entries, exitCode: worstExitCode([...codes, ...(cancelled ? [ExitCode.cancelled] : [])]) };
}

async function entryOf(
  { tier, kubernetes, run }: SeriesRun,
  stop: string | undefined,
  { failed }: SeriesOptions,
): Promise<SeriesEntry> {
  const of = { tier, ...(kubernetes === undefined ? {} : { kubernetes }) };
  if (run === undefined) return { ...of, why: 'it has none of the suites that are asked for' };
  if (stop !== undefined) return { ...of, why: stop };
  try {
    const { outcome, counts, runMs, folder, exitCode } = await run();
    return { ...of, ran: { outcome, counts, runMs, folder }, exitCode };
  } catch (error) {
    const info = errorInfo(error);
    return { ...of, why: info.message, exitCode: failed(info) };
  }
}
