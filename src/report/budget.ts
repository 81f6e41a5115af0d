import type { BudgetUse } from '../model/budget.ts';
import { formatBytes, formatMs } from '../model/format.ts';

/** `budget: 4 min of 5 min · 3.1 GiB of 8.0 GiB of memory`: what was used of what was set aside, in a line. */
export function budgetText({ timeMs, memoryBytes, usedMs, usedBytes }: BudgetUse): string {
  const parts = [
    ...(timeMs === undefined ? [] : [`${formatMs(usedMs)} of ${formatMs(timeMs)}`]),
    ...(memoryBytes === undefined
      ? []
      : [
          usedBytes === undefined
            ? 'memory was not measured'
            : `${formatBytes(usedBytes)} of ${formatBytes(memoryBytes)} of memory`,
        ]),
  ];
  return `budget: ${parts.join(' · ')}`;
}
