import type { EventSink, RunEvent } from '../model/events.ts';
import { roomOf, type Reader } from './room.ts';

/** An event as it travels: among those of other runs, so it says whose it is. */
export type StreamedEvent = RunEvent & {
  /** Absent only where the stream lacks its beginning. */
  readonly run?: string;
};

/** The event stream itself, one JSON object a line, log lines included; each says its run. */
export function jsonSink(stream: Reader): EventSink {
  let run: string | undefined;
  return {
    name: 'json',
    event(event) {
      if (event.type === 'run-started') run = event.run;
      const streamed: StreamedEvent = run === undefined ? event : { ...event, run };
      stream.write(`${JSON.stringify(streamed)}\n`);
    },
    room: roomOf(stream),
  };
}
