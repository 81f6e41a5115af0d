import { PassThrough } from 'node:stream';
import type { EventSink, RunEvent } from '../../../src/model/events.ts';

/** A stream that remembers, with the looks of a terminal if asked. */
export function screen(tty?: { columns: number; rows: number }): {
  stream: PassThrough & { isTTY?: boolean };
  text: () => string;
} {
  const stream: PassThrough & { isTTY?: boolean } = new PassThrough();
  const pieces: string[] = [];
  stream.on('data', (piece: Buffer) => pieces.push(piece.toString()));
  if (tty !== undefined) Object.assign(stream, { isTTY: true, ...tty });
  return { stream, text: () => pieces.join('') };
}

/** Gives a view all events. */
export function feed(sink: EventSink, list: readonly RunEvent[]): void {
  for (const event of list) sink.event(event);
}
