import fs from 'node:fs';
import type { Clock } from '../model/deps.ts';
import { messageOf } from '../model/errors.ts';
import { maskEvent, type Masker } from '../model/mask.ts';
import type { EventBody, EventSink, RunEvent } from '../model/events.ts';
import { eventsIn } from './event-file.ts';

export interface EventLog {
  readonly emit: (event: EventBody) => void;
  /** Resolves when all sinks have caught up; undefined when there is nothing to wait for. */
  room(): Promise<void> | undefined;
  /** All events so far, without log lines. */
  events(): Iterable<RunEvent>;
  /** Closes the file and the sinks. */
  close(): Promise<void>;
}

/** The events of a run that another process goes on with. */
export interface Interrupted {
  /** Numbered from 1 without gaps. */
  readonly events: readonly RunEvent[];
  /** When the run began, by this process's monotonic clock, ms. */
  readonly began: number;
}

/** By rename: a reader finds the one or the other. */
function rewrite(file: string, events: readonly RunEvent[]): void {
  const next = `${file}.tmp`;
  fs.writeFileSync(next, events.map((event) => `${JSON.stringify(event)}\n`).join(''), { mode: 0o600 });
  fs.renameSync(next, file);
}

/**
 * The one stream of what happened: numbers events, writes them to events.ndjson at once (a killed run keeps what it
 * had), and hands them to the sinks, all without the secrets that the masker knows. With `before` it goes on where another process
 * ended; sinks hear all of it. A sink that throws is dropped with one warning; it never touches the run. With `endless`
 * the events are kept in the file alone, for they are too many for the memory.
 */
export function openEventLog(
  file: string,
  clock: Clock,
  sinks: readonly EventSink[],
  masker: Masker,
  { before, endless = false }: { readonly before?: Interrupted; readonly endless?: boolean } = {},
): EventLog {
  if (before !== undefined) rewrite(file, before.events);
  const fd = fs.openSync(file, 'a', 0o600);
  const began = before?.began ?? clock.monotonic();
  const stored: RunEvent[] = [...(before?.events ?? [])];
  const active = new Set(sinks);
  let seq = stored.length;
  /** A task that outlived its limit may still speak when the run is over; by then the number may be another file's. */
  let closed = false;
  let full: unknown;

  const store = (event: RunEvent): void => {
    if (!endless) stored.push(event);
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
  for (const event of stored) deliver(event);
  return {
    emit,
    room() {
      const waits = [...active].flatMap((sink) => sink.room?.() ?? []);
      return waits.length === 0 ? undefined : Promise.all(waits).then(() => undefined);
    },
    events: () => (endless ? eventsIn(file) : stored),
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

/** All events of a file at once; as `eventsIn` has them. */
export const readEvents = (file: string): RunEvent[] => [...eventsIn(file)];
