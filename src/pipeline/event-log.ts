import fs from 'node:fs';
import type { Clock } from '../model/deps.ts';
import type { EventBody, EventSink, RunEvent } from '../model/events.ts';

export interface EventLog {
  readonly emit: (event: EventBody) => void;
  /** All events so far, without log lines. */
  events(): readonly RunEvent[];
  /** Closes the file and the sinks. */
  close(): Promise<void>;
}

/**
 * The one stream of what happened: numbers events, writes them to events.ndjson at once (a killed run keeps what it
 * had), and hands them to the sinks. A sink that throws is dropped with one warning; it never touches the run.
 */
export function openEventLog(file: string, clock: Clock, sinks: readonly EventSink[]): EventLog {
  const fd = fs.openSync(file, 'a', 0o600);
  const began = clock.monotonic();
  const stored: RunEvent[] = [];
  const active = new Set(sinks);
  let seq = 0;

  const deliver = (event: RunEvent): void => {
    for (const sink of active) {
      try {
        sink.event(event);
      } catch (error) {
        active.delete(sink);
        emit({ type: 'notice', level: 'warning', text: `the ${sink.name} report stopped: ${String(error)}` });
      }
    }
  };
  const emit = (body: EventBody): void => {
    const live = body.type === 'log';
    if (!live) seq += 1;
    const event: RunEvent = {
      v: 1,
      seq,
      time: new Date(clock.now()).toISOString(),
      ms: Math.round(clock.monotonic() - began),
      ...body,
    };
    if (!live) {
      stored.push(event);
      fs.writeSync(fd, JSON.stringify(event) + '\n');
    }
    deliver(event);
  };
  return {
    emit,
    events: () => stored,
    async close() {
      fs.closeSync(fd);
      for (const sink of active) {
        try {
          await sink.close?.();
        } catch {
          // The run is over and the file is closed: there is nobody left to tell.
          active.delete(sink);
        }
      }
    },
  };
}
