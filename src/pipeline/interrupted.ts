import type { Clock } from '../model/deps.ts';
import type { EventBody, RunEvent } from '../model/events.ts';
import type { Interrupted } from './event-log.ts';

/** What the event log of a run says whose driver died, for the process that goes on with it. Pure. */

const attemptKey = (event: { readonly suite: string; readonly attempt: number }): string =>
  JSON.stringify([event.suite, event.attempt]);

/**
 * The events to go on from: cases of an attempt whose end did not get into the log are left out, for its results are
 * read again.
 */
export function eventsToKeep(events: readonly RunEvent[]): RunEvent[] {
  const ended = new Set(events.flatMap((event) => (event.type === 'attempt-ended' ? attemptKey(event) : [])));
  return events
    .filter((event) => event.type !== 'case' || ended.has(attemptKey(event)))
    .map((event, index) => ({ ...event, seq: index + 1 }));
}

/** With the moment at which the run began, by the monotonic clock: the wall clock tells, but never runs backwards. */
export function interruptedAt(events: readonly RunEvent[], clock: Clock): Interrupted {
  const [first] = events;
  const since = first === undefined ? 0 : clock.now() - Date.parse(first.time);
  const lasted = Math.max(since, events.at(-1)?.ms ?? 0);
  return { events, began: clock.monotonic() - lasted };
}

/** Tasks that had begun and did not end. */
export function openTasks(events: readonly RunEvent[]): Extract<EventBody, { type: 'task-started' }>[] {
  const open = new Map<string, Extract<EventBody, { type: 'task-started' }>>();
  for (const event of events)
    if (event.type === 'task-started') open.set(event.task, event);
    else if (event.type === 'task-ended') open.delete(event.task);
  return [...open.values()];
}

/** Passes on what is not in the log already: what is decided is decided again, by the same facts. */
export function onlyNew(
  events: readonly RunEvent[],
  emit: (event: EventBody) => void,
): (event: EventBody) => void {
  const known = new Set(events.flatMap((event) => sameAs(event) ?? []));
  const ended = new Set(events.flatMap((event) => (event.type === 'attempt-ended' ? attemptKey(event) : [])));
  return (event) => {
    const key = sameAs(event);
    if (key !== undefined && known.has(key)) return;
    if (event.type === 'case' && ended.has(attemptKey(event))) return;
    emit(event);
  };
}

/** Undefined for what may well happen twice. */
function sameAs(event: EventBody): string | undefined {
  switch (event.type) {
    case 'attempt-started':
      return JSON.stringify([event.type, event.suite, event.attempt, event.index ?? null]);
    case 'attempt-ended':
      return JSON.stringify([event.type, event.suite, event.attempt]);
    case 'suite-ended':
      return JSON.stringify([event.type, event.suite]);
    case 'notice':
      return JSON.stringify([event.type, event.text]);
    default:
      return undefined;
  }
}
