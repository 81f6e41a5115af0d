import type { EventSink } from '../model/events.ts';
import { roomOf, type Reader } from './room.ts';

/** The event stream itself, one JSON object a line, log lines included. */
export function jsonSink(stream: Reader): EventSink {
  return {
    name: 'json',
    event(event) {
      stream.write(`${JSON.stringify(event)}\n`);
    },
    room: roomOf(stream),
  };
}
