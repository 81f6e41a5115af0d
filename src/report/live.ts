import { formatMs, plural } from '../model/format.ts';
import { escapeTerminal } from './escape.ts';
import { elapsed, padEnd, truncate } from './format.ts';
import type { RunView, TaskView } from './model.ts';
import { titleOf } from './final.ts';
import type { Style } from './style.ts';

export interface Screen {
  readonly columns: number;
  readonly rows: number;
  readonly style: Style;
}

/** From this part of its limit on, a task shows how much is left. */
const nearLimit = 0.6;

/** What runs now: one line per task, and a line about the run. No line is wider than the screen. */
export function liveBlock(view: RunView, nowMs: number, screen: Screen): string[] {
  const { style } = screen;
  const tasks = [...view.tasks.values()];
  const running = tasks.filter((task) => task.outcome === undefined);
  const queued = [...view.queued.values()];
  const room = Math.max(1, screen.rows - (queued.length > 0 ? 4 : 3));
  const shown = running.slice(0, running.length > room ? room - 1 : room);
  // One column less than there is: some terminals wrap a line that fills the last one.
  const columns = Math.max(20, screen.columns - 1);
  const titles = Math.min(Math.floor(columns / 2), Math.max(0, ...shown.map((task) => titleOf(task).length)));
  const lines = shown.map((task) => taskLine(task, nowMs, titles, columns, style));
  if (shown.length < running.length)
    lines.push(style('dim', `  … and ${running.length - shown.length} more`));
  if (queued.length > 0)
    lines.push(
      style(
        'dim',
        truncate(`  ${String(queued.length)} queued: ${queued.map(escapeTerminal).join(', ')}`, columns),
      ),
    );
  const done = tasks.length - running.length;
  const summary = `${elapsed(nowMs)} · ${plural(done, 'task')} done, ${running.length} running`;
  return [...lines, style('dim', truncate(summary, columns))];
}

function taskLine(task: TaskView, nowMs: number, titles: number, columns: number, style: Style): string {
  const ms = nowMs - (task.startedMs ?? nowMs);
  const title = padEnd(truncate(titleOf(task), titles), titles);
  const time = elapsed(ms).padStart(8);
  const left = columns - 2 - titles - time.length;
  const limit =
    task.limitMs > 0 && ms > task.limitMs * nearLimit
      ? `limit ${formatMs(task.limitMs)}, ${elapsed(task.limitMs - ms)} left`
      : '';
  // Near the limit the limit comes first: a narrow screen cuts the rest.
  const awaited = task.awaiting === undefined ? '' : `awaiting ${escapeTerminal(task.awaiting)}`;
  const limitShown = truncate(limit === '' ? '' : `  ${limit}`, left);
  const rest = left - limitShown.length;
  const awaitedShown = awaited === '' || rest < 12 ? '' : truncate(`  ${awaited}`, rest);
  return `${style('cyan', '▸')} ${title}${style('bold', time)}${style('yellow', limitShown)}${style('dim', awaitedShown)}`;
}
