import { expect, test } from '@jest/globals';
import { finalBlock } from '../../src/report/final.ts';
import { viewOf } from '../../src/report/model.ts';
import { eventLines } from '../../src/report/plain.ts';
import { summaryMarkdown } from '../../src/report/summary-markdown.ts';
import { timings } from '../../src/report/timings.ts';
import type { EventBody } from '../../src/model/events.ts';
import { runEvents } from './support/run-events.ts';

const unchanged = (what: string, not: 'built' | 'upgraded'): EventBody => ({
  ...{ type: 'unchanged', task: 't' },
  what,
  not,
});
const delivered: EventBody = {
  type: 'delivered',
  task: 'deliver shop:dev',
  image: 'shop:dev',
  bytes: 100_000_000,
  streamBytes: 120_000_000,
  streamMs: 4000,
  together: 2,
  nodes: ['w1', 'w2'],
};
const events = runEvents([
  [0, { type: 'run-started', run: 'r', tier: 't', suites: [], ket: '1' }],
  [1, unchanged('image shop:dev', 'built')],
  [2, unchanged('release shop', 'upgraded')],
  [3, unchanged('image db:dev', 'built')],
  [4, delivered],
]);
const plain = (_colour: string, text: string): string => text;
const view = viewOf(events);

test('what was left out is said when it happens, at the end, and in the summary', () => {
  const lines = events.flatMap((event) => eventLines(event, view, plain));
  expect(lines).toContain('= image shop:dev: unchanged, not built');
  const texts = [
    'unchanged, not built: image shop:dev, image db:dev',
    'unchanged, not upgraded: release shop',
  ];
  expect(finalBlock(view, { style: plain })).toEqual(expect.arrayContaining(texts));
  expect(summaryMarkdown(view)).toContain(texts.join('  \n'));
});

test('what was delivered is said with bytes, time and speed', () => {
  const lines = events.flatMap((event) => eventLines(event, view, plain));
  expect(lines.at(-1)).toBe(
    '  shop:dev: 95.4 MiB to 2 nodes, in one stream of 2 images, 114.4 MiB in 4 s, 30.0 MB/s to each',
  );
  expect(summaryMarkdown(view)).toContain(
    '| `shop:dev` | 95.4 MiB | 114.4 MiB, with 1 other | 2 | 4 s | 30.0 |',
  );
  expect(timings(events).images).toEqual([
    {
      ...{ image: 'shop:dev', nodes: ['w1', 'w2'], bytes: 100_000_000 },
      ...{ streamBytes: 120_000_000, streamMs: 4000, together: 2, way: 'stream', mbPerSecond: 30 },
    },
  ]);
});
