import { formatBytes } from '../model/format.ts';
import type { RunView } from './model.ts';

const most = 5;

const cores = (count: number): string => String(Math.round(count * 100) / 100);

/** What the releases used of what they request, in a sentence; empty when nothing was measured. */
export function releaseUseText({ releaseUse }: Pick<RunView, 'releaseUse'>): string {
  if (releaseUse.length === 0) return '';
  const shown = releaseUse
    .toSorted((a, b) => b.memoryBytes - a.memoryBytes)
    .slice(0, most)
    .map(
      ({ release, requested, memoryBytes, cpu }) =>
        `${release} ${formatBytes(memoryBytes)} of ${formatBytes(requested.memory)} and ${cores(cpu)} of ${cores(requested.cpu)} CPU`,
    );
  const more = releaseUse.length > most ? `, and ${String(releaseUse.length - most)} more` : '';
  return `used by releases at the end, of what they request: ${shown.join('; ')}${more}`;
}
