import type { EventBody, NotDone } from '../model/events.ts';
import { formatBytes, formatMs, plural } from '../model/format.ts';
import { markdownCode } from './escape.ts';
import type { RunView } from './model.ts';

type Delivered = Extract<EventBody, { type: 'delivered' }>;

/** Millions of bytes a second, to each of the nodes. */
export const mbPerSecond = ({
  streamBytes,
  streamMs,
}: Pick<Delivered, 'streamBytes' | 'streamMs'>): number =>
  streamMs > 0 ? Math.round(streamBytes / streamMs / 100) / 10 : 0;

/** `shop:dev: 1.0 GiB to 2 nodes in 12 s, 89.2 MB/s to each`. */
export function deliveredText(event: Delivered): string {
  const { image, bytes, streamBytes, streamMs, together, nodes, way = 'stream' } = event;
  const by = way === 'registry' ? ' by a registry' : '';
  const how =
    together === 1
      ? `${formatBytes(streamBytes)} to ${plural(nodes.length, 'node')} in ${formatMs(streamMs)}${by}`
      : `${formatBytes(bytes)} to ${plural(nodes.length, 'node')}, in one ${way === 'stream' ? 'stream' : 'push'} of ${String(together)} images, ${formatBytes(streamBytes)} in ${formatMs(streamMs)}${by}`;
  return `${image}: ${how}, ${mbPerSecond(event).toFixed(1)} MB/s to each`;
}

/** The images that were brought to nodes, as a table; empty when there are none. */
export function deliveredTable({ delivered }: RunView): string {
  if (delivered.length === 0) return '';
  const rows = delivered.slice(0, 100).map((event) => {
    const { image, bytes, streamBytes, streamMs, together, nodes, way } = event;
    const others = together === 1 ? '' : `, with ${plural(together - 1, 'other')}`;
    const stream = `${formatBytes(streamBytes)}${others}${way === 'registry' ? ', by a registry' : ''}`;
    return `| ${markdownCode(image, true)} | ${formatBytes(bytes)} | ${stream} | ${String(nodes.length)} | ${formatMs(streamMs)} | ${mbPerSecond(event).toFixed(1)} |`;
  });
  return [
    '| image | size | stream | nodes | time | MB/s to each |',
    '| --- | ---: | ---: | ---: | ---: | ---: |',
    ...rows,
  ].join('\n');
}

const order: readonly NotDone[] = ['built', 'delivered', 'upgraded'];

/** A line for each kind of work that was left out: `unchanged, not built: image a, image b`. */
export function unchangedTexts({ unchanged }: RunView): string[] {
  return order.flatMap((not) => {
    const what = [...new Set(unchanged.filter((event) => event.not === not).map((event) => event.what))];
    if (what.length === 0) return [];
    const more = what.length > most ? ` and ${String(what.length - most)} more` : '';
    return [`unchanged, not ${not}: ${what.slice(0, most).join(', ')}${more}`];
  });
}

/** More names than this are no help. */
const most = 10;
