import { formatMs, plural } from '../model/format.ts';
import type { RunView } from './model.ts';

const most = 5;

/** What the nodes pulled themselves, in a sentence; empty when nothing. What ket brought to them is not among it. */
export function nodePullsText({ nodePulls }: Pick<RunView, 'nodePulls'>): string {
  if (nodePulls.length === 0) return '';
  const shown = nodePulls
    .slice(0, most)
    .map(
      ({ image, nodes, pullMs }) =>
        `${image} (${formatMs(pullMs)}${nodes === 1 ? '' : `, ${plural(nodes, 'node')}`})`,
    );
  const more = nodePulls.length > most ? `, and ${String(nodePulls.length - most)} more` : '';
  return `pulled by nodes themselves: ${shown.join(', ')}${more}`;
}
