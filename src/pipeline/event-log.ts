import fs from 'node:fs';
import type { Clock } from '../model/deps.ts';
import { messageOf } from '../model/errors.ts';
import { maskEvent, type Masker } from '../model/mask.ts';
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
 * had), and hands them to the sinks, all without the secrets that the masker knows. A sink that throws is dropped with one warning; it never touches the run.
 */
export function openEventLog(
  file: string,
  clock: Clock,
  sinks: readonly EventSink[],
  masker: Masker,
): EventLog {
  const fd = fs.openSync(file, 'a', 0o600);
  const began = clock.monotonic();
  const stored: RunEvent[] = [];
  const active = new Set(sinks);
  let seq = 0;
  /** A task that outlived its limit may still speak when the run is over; by then the number may be another file's. */
  let closed = false;
  let full: unknown;

  const store = (event: RunEvent): void => {
    stored.push(event);
    if (full !== undefined) return;
    try {
      fs.writeFileSync(fd, JSON.stringify(event) + '\n');
    } catch (error) {
      full = error;
    }
  };
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
    if (closed) return;
    const live = body.type === 'log';
    if (!live) seq += 1;
    const event: RunEvent = {
      v: 1,
      seq,
      time: new Date(clock.now()).toISOString(),
      ms: Math.round(clock.monotonic() - began),
      ...maskEvent(masker, body),
    };
    const before = full;
    if (!live) store(event);
    deliver(event);
    if (full !== before)
      emit({ type: 'notice', level: 'error', text: `${file} cannot be written: ${messageOf(full)}` });
  };
  return {
    emit,
    events: () => stored,
    async close() {
      closed = true;
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
