import type { Budget, BudgetUse } from '../model/budget.ts';
import type { RunEvent } from '../model/events.ts';
import { formatBytes, formatMs } from '../model/format.ts';

/** What a run used of its budget. `runMs`: how long it took. */
export function budgetUse(budget: Budget, runMs: number, events: readonly RunEvent[]): BudgetUse {
  const usedBytes = peakOf(events);
  return { ...budget, usedMs: runMs, ...(usedBytes === undefined ? {} : { usedBytes }) };
}

/**
 * The largest sum of the peaks of attempts that ran side by side, in bytes: the most that suites can have had at once.
 * Undefined where no attempt was measured.
 */
export function peakOf(events: readonly RunEvent[]): number | undefined {
  const spans = events.flatMap((event) =>
    event.type === 'attempt-ended' && event.memoryPeakBytes !== undefined
      ? [{ from: event.ms - event.attemptMs, to: event.ms, bytes: event.memoryPeakBytes }]
      : [],
  );
  if (spans.length === 0) return undefined;
  // The sum only grows where one begins.
  return Math.max(
    ...spans.map(({ from }) =>
      spans.filter((span) => span.from <= from && from <= span.to).reduce((sum, { bytes }) => sum + bytes, 0),
    ),
  );
}

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
