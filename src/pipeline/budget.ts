import type { Budget, BudgetUse } from '../model/budget.ts';
import type { RunEvent } from '../model/events.ts';
import { formatBytes, formatMs } from '../model/format.ts';

/** What a run used of its budget. `runMs`: how long it took. */
export function budgetUse(budget: Budget, runMs: number, events: Iterable<RunEvent>): BudgetUse {
  const usedBytes = peakOf(events);
  return { ...budget, usedMs: runMs, ...(usedBytes === undefined ? {} : { usedBytes }) };
}

/**
 * The largest sum of the peaks of attempts that ran side by side, in bytes: the most that suites can have had at once.
 * Undefined where no attempt was measured.
 */
export function peakOf(events: Iterable<RunEvent>): number | undefined {
  let most: number | undefined;
  let spans: Span[] = [];
  const close = (): void => {
    if (spans.length > 0) most = Math.max(most ?? 0, largestSum(spans));
    spans = [];
  };
  for (const event of events)
    if (event.type === 'attempt-ended' && event.memoryPeakBytes !== undefined)
      spans.push({ from: event.ms - event.attemptMs, to: event.ms, bytes: event.memoryPeakBytes });
    // No attempt goes on from one round of a soak to the next.
    else if (event.type === 'round-ended') close();
  close();
  return most;
}

interface Span {
  readonly from: number;
  readonly to: number;
  readonly bytes: number;
}

/** The sum only grows where one begins. */
const largestSum = (spans: readonly Span[]): number =>
  Math.max(
    ...spans.map(({ from }) =>
      spans.filter((span) => span.from <= from && from <= span.to).reduce((sum, { bytes }) => sum + bytes, 0),
    ),
  );

/** A sentence for each part of the budget that was not enough. */
export function overBudget({ timeMs, memoryBytes, usedMs, usedBytes }: BudgetUse): string[] {
  return [
    ...(timeMs !== undefined && usedMs > timeMs
      ? [`over budget: the run took ${formatMs(usedMs)}, and its tier has ${formatMs(timeMs)}`]
      : []),
    ...(memoryBytes !== undefined && usedBytes !== undefined && usedBytes > memoryBytes
      ? [
          `over budget: suites used ${formatBytes(usedBytes)} of memory at once, and their tier has ${formatBytes(memoryBytes)}`,
        ]
      : []),
  ];
}
