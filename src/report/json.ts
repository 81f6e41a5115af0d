import type { EventSink } from '../model/events.ts';

/** The event stream itself, one JSON object a line, log lines included. */
export function jsonSink(stream: NodeJS.WritableStream): EventSink {
  return {
    name: 'json',
    event(event) {
      stream.write(`${JSON.stringify(event)}\n`);
    },
  };
}
