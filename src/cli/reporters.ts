import type { EventSink } from '../model/events.ts';
import { realClock } from '../tools/clock.ts';
import { jsonSink } from '../report/json.ts';
import { plainSink } from '../report/plain.ts';
import { terminalSink } from '../report/terminal.ts';

export type Format = 'pretty' | 'plain' | 'json';

/** What is shown while a run goes on: people read stderr, programs stdout. */
export function sinksFor(format: Format | undefined, folder: string): EventSink[] {
  const view = { stream: process.stderr, env: process.env, folder };
  switch (format) {
    case 'json':
      return [jsonSink(process.stdout)];
    case 'plain':
      return [plainSink(view)];
    case 'pretty':
    case undefined:
      return [terminalSink({ ...view, clock: realClock })];
  }
}
