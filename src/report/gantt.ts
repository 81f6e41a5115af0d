import { phasesOf, type RunView, type TaskView } from './model.ts';

/** Mermaid ends a title at these, and has no escape for them. */
const plain = (text: string): string =>
  text
    .replace(/[^\p{L}\p{N} ._/()-]/gu, ' ')
    .replace(/\s+/g, ' ')
    .trim() || 'task';

function ganttLine(task: TaskView, nowMs: number): string[] {
  if (task.startedMs === undefined) return [];
  const end = Math.max(task.startedMs + 1, task.endedMs ?? nowMs);
  const state = task.outcome === 'failed' ? 'crit, ' : task.outcome === 'done' ? 'done, ' : '';
  return [`    ${plain(task.title).slice(0, 60)} :${state}${task.startedMs}, ${end}`];
}

/** What ran when, as a Mermaid diagram that GitHub draws; tasks that took no visible time are left out. */
export function ganttOf(view: RunView, most = 60): string {
  const shortest = view.ms / 200;
  const visible = (task: TaskView): boolean =>
    (task.endedMs ?? view.ms) - (task.startedMs ?? view.ms) >= shortest;
  const lines: string[] = [];
  for (const { phase, tasks } of phasesOf(view)) {
    const shown = tasks.filter(visible).flatMap((task) => ganttLine(task, view.ms));
    if (shown.length > 0) lines.push(`    section ${phase}`, ...shown);
  }
  if (lines.length === 0 || lines.length > most) return '';
  // The x axis counts from the run's start; %M:%S is right up to an hour.
  const axis = view.ms < 3_600_000 ? '%M:%S' : '%H:%M';
  return ['gantt', '    dateFormat x', `    axisFormat ${axis}`, ...lines].join('\n');
}
