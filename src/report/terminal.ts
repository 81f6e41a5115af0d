import { createLogUpdate } from 'log-update';
import type { Clock } from '../model/deps.ts';
import type { EventSink, RunEvent } from '../model/events.ts';
import { finalBlock } from './final.ts';
import { liveBlock } from './live.ts';
import { applyEvent, newRunView } from './model.ts';
import { eventLines, folderOf, plainSink, type ViewOptions } from './plain.ts';
import { styleFor } from './style.ts';

export interface TerminalOptions extends ViewOptions {
  readonly clock: Clock;
  /** Calls back every so often until the returned function is called; tests pass their own. */
  readonly every?: (ms: number, callback: () => void) => () => void;
}

/** At most ten times a second: more is not seen, and costs the run's machine time. */
const redrawMs = 100;

const everyTimer: NonNullable<TerminalOptions['every']> = (ms, callback) => {
  const timer = setInterval(callback, ms);
  // A view never keeps the process alive.
  timer.unref();
  return () => clearInterval(timer);
};

/** What stands in the live block already, or in the log of a suite, needs no line of its own. */
function printed(event: RunEvent): boolean {
  return event.type !== 'task-started' && event.type !== 'task-awaiting' && event.type !== 'task-step';
}

/**
 * The live view of a terminal: what has happened scrolls away above, what runs now stands below with its time and
 * what it waits for. On anything but a terminal it is the plain log.
 */
export function terminalSink(options: TerminalOptions): EventSink {
  const { stream, clock } = options;
  if (stream.isTTY !== true || options.env['TERM'] === 'dumb') return plainSink(options);
  const style = styleFor({ isTTY: true, env: options.env });
  const live = createLogUpdate(stream, { showCursor: true });
  const view = newRunView();
  let pending: string[] = [];
  let lastEvent: { readonly ms: number; readonly at: number } | undefined;
  let stop: (() => void) | undefined;

  const flush = (): void => {
    if (pending.length === 0) return;
    // Written past log-update: it would measure and wrap every line, and a chatty suite prints thousands.
    live.clear();
    stream.write(pending.map((line) => `${line}\n`).join(''));
    pending = [];
  };
  const draw = (): void => {
    flush();
    if (lastEvent === undefined) return;
    const nowMs = lastEvent.ms + (clock.monotonic() - lastEvent.at);
    live(
      liveBlock(view, nowMs, { columns: stream.columns ?? 80, rows: stream.rows ?? 24, style }).join('\n'),
    );
  };
  const end = (): void => {
    stop?.();
    stop = undefined;
    live.clear();
    flush();
    live.done();
  };

  return {
    name: 'terminal',
    event(event) {
      applyEvent(view, event);
      lastEvent = { ms: view.ms, at: clock.monotonic() };
      if (printed(event)) pending.push(...eventLines(event, view, style));
      if (event.type === 'run-ended') {
        pending.push(...finalBlock(view, { style, columns: stream.columns ?? 80, ...folderOf(options) }));
        end();
      } else stop ??= (options.every ?? everyTimer)(redrawMs, draw);
    },
    close: end,
  };
}
