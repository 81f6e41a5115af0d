import { formatMs } from '../model/format.ts';
import type { EventSink, RunEvent } from '../model/events.ts';
import { defuseCommands, escapeTerminal } from './escape.ts';
import { caseTitle, errorLines, finalBlock, marks, titleOf } from './final.ts';
import { countsText, displayWidth, padEnd, tierText } from './format.ts';
import { deliveredText } from './images.ts';
import { applyEvent, newRunView, type RunView } from './model.ts';
import { roomOf, type Reader } from './room.ts';
import { styleFor, suiteColour, type Style } from './style.ts';

/** Where a view for people goes, and what it may know of its surroundings. */
export interface ViewOptions {
  readonly stream: Reader & {
    readonly isTTY?: boolean;
    readonly columns?: number;
    readonly rows?: number;
  };
  readonly env: Readonly<Record<string, string | undefined>>;
  /** The run's folder, as people should read it. */
  readonly folder?: string;
  /** `warning`: only what went wrong, and the verdict. */
  readonly level?: LogLevel;
}

export type LogLevel = 'warning' | 'info' | 'debug';

/** Whether an event is for those who only want to hear what went wrong. */
function isTrouble(event: RunEvent): boolean {
  switch (event.type) {
    case 'notice':
      return event.level !== 'info';
    case 'task-ended':
      return event.outcome === 'failed';
    case 'case':
    case 'attempt-ended':
    case 'leftover':
    case 'kept':
      return true;
    case 'suite-ended':
      return event.outcome !== 'passed';
    default:
      return false;
  }
}

/** The same awaited thing is said once, and a task says no more than this often what it awaits. */
const awaitingEveryMs = 10_000;

/** Lines for a log: one per event, with the time since the run began; a closing block at the end. */
export function plainSink(options: ViewOptions): EventSink {
  const style = styleFor({ isTTY: options.stream.isTTY === true, env: options.env });
  const onGitHub = options.env['GITHUB_ACTIONS'] === 'true';
  const view = newRunView();
  const awaited = new Map<string, { readonly what: string; readonly ms: number }>();
  const write = (lines: readonly string[]): void => {
    if (lines.length === 0) return;
    const safe = onGitHub ? lines.map(defuseCommands) : lines;
    options.stream.write(safe.map((line) => `${line}\n`).join(''));
  };
  return {
    name: 'plain',
    event(event) {
      applyEvent(view, event);
      if (event.type === 'task-awaiting') {
        const last = awaited.get(event.task);
        if (last !== undefined && (last.what === event.what || event.ms - last.ms < awaitingEveryMs)) return;
        awaited.set(event.task, { what: event.what, ms: event.ms });
      }
      if (options.level === 'warning' && event.type !== 'run-ended' && !isTrouble(event)) return;
      const at = style('dim', `${(event.ms / 1000).toFixed(1).padStart(7)}s`);
      write(eventLines(event, view, style).map((line) => `${at}  ${line}`));
      if (event.type === 'run-ended') write(finalBlock(view, { style, ...folderOf(options) }));
    },
    room: roomOf(options.stream),
  };
}

export function folderOf(options: ViewOptions): { readonly folder?: string } {
  return options.folder === undefined ? {} : { folder: options.folder };
}

/** `suite │ line`, in the suite's colour; the bars of all suites stand in one column. */
export function logLine(suite: string, line: string, view: RunView, style: Style): string {
  const widths = Array.from(view.suites.keys(), (name) => displayWidth(escapeTerminal(name)));
  const prefix = padEnd(escapeTerminal(suite), Math.min(20, Math.max(...widths)));
  return `${style(suiteColour(suite), `${prefix} │`)} ${escapeTerminal(line)}`;
}

/** The suite; one of its several pods with its index. */
export const podTitle = ({ suite, index }: { suite: string; index?: number }): string =>
  index === undefined ? suite : `${suite}[${String(index)}]`;

/** What one event says to people; nothing for those that only a closing block or a live view can show. */
export function eventLines(event: RunEvent, view: RunView, style: Style): string[] {
  switch (event.type) {
    case 'run-started': {
      const cluster = event.cluster === undefined ? '' : ` · cluster ${escapeTerminal(event.cluster)}`;
      const suites = event.suites.map(escapeTerminal).join(', ');
      return [
        `ket ${escapeTerminal(event.ket)} · run ${escapeTerminal(event.run)} · tier ${escapeTerminal(tierText(event))}${cluster} · ${suites}`,
      ];
    }
    case 'task-started':
      return [`${style('dim', '▸')} ${taskTitle(view, event.task)}`];
    case 'task-queued':
      return [style('dim', `… ${escapeTerminal(event.title)}: queued`)];
    case 'task-awaiting':
      return [style('dim', `  ${taskTitle(view, event.task)}: awaiting ${escapeTerminal(event.what)}`)];
    case 'task-step':
      // Of a cached build there would be a line per instruction.
      if (event.stepMs === 0) return [];
      return [
        style(
          'dim',
          `  ${taskTitle(view, event.task)}: ${escapeTerminal(event.step)} (${formatMs(event.stepMs)})`,
        ),
      ];
    case 'task-ended':
      return taskEndedLines(event, view, style);
    case 'notice': {
      const colour = event.level === 'error' ? 'red' : event.level === 'warning' ? 'yellow' : 'cyan';
      return [`${style(colour, event.level)}: ${escapeTerminal(event.text)}`];
    }
    case 'attempt-started': {
      const attempt = event.attempt > 1 ? `attempt ${event.attempt}` : 'started';
      const pod = event.pod === undefined ? '' : ` in pod ${escapeTerminal(event.pod)}`;
      const node = event.node === undefined ? '' : ` on ${escapeTerminal(event.node)}`;
      return [`${style('dim', '▸')} ${escapeTerminal(podTitle(event))}: ${attempt}${pod}${node}`];
    }
    case 'case': {
      if (event.status !== 'failed' && event.status !== 'error') return [];
      const first = (event.message ?? '').split('\n').find((line) => line.trim() !== '');
      const why = first === undefined ? '' : `: ${escapeTerminal(first)}`;
      return [
        `${style('red', '✗')} ${escapeTerminal(event.suite)}: ${escapeTerminal(caseTitle(event))}${why}`,
      ];
    }
    case 'attempt-ended': {
      if (event.outcome === 'passed') return [];
      const { sign, colour } = marks[event.outcome];
      return [
        `${style(colour, sign)} ${escapeTerminal(event.suite)}: attempt ${event.attempt}: ${escapeTerminal(event.message)}`,
      ];
    }
    case 'suite-ended': {
      const { sign, colour } = marks[event.outcome];
      const kind = event.infraClass === undefined ? event.outcome : `${event.outcome} (${event.infraClass})`;
      const ended = style(colour, `${sign} ${escapeTerminal(event.suite)}: ${kind}`);
      return event.attempts === 0
        ? [`${ended} · ${escapeTerminal(event.message)}`]
        : [`${ended} · ${countsText(event.counts)} · ${formatMs(event.suiteMs)}`];
    }
    case 'round-started':
      return [style('dim', `▸ round ${event.round}`)];
    case 'round-ended': {
      const { sign, colour } = marks[event.outcome];
      return [
        `${style(colour, `${sign} round ${event.round}: ${event.outcome}`)} · ${formatMs(event.roundMs)} · ${formatMs(event.soakMs)} of the soak`,
      ];
    }
    case 'soak-ended':
      return [];
    case 'log':
      return [logLine(podTitle(event), event.line, view, style)];
    case 'leftover':
      return [
        `${style('yellow', 'left behind')}: ${escapeTerminal(event.what)} (${escapeTerminal(event.why)})`,
      ];
    case 'kept':
      return [`${style('cyan', 'kept')} until ${escapeTerminal(event.until)}: ${escapeTerminal(event.what)}`];
    case 'unchanged':
      return [style('dim', `= ${escapeTerminal(event.what)}: unchanged, not ${event.not}`)];
    case 'delivered':
      return [style('dim', `  ${escapeTerminal(deliveredText(event))}`)];
    // The closing block has it.
    case 'node-pulls':
    case 'release-use':
    case 'run-ended':
      return [];
  }
}

function taskTitle(view: RunView, id: string): string {
  const task = view.tasks.get(id);
  return task === undefined ? escapeTerminal(id) : titleOf(task);
}

function taskEndedLines(
  event: RunEvent & { readonly type: 'task-ended' },
  view: RunView,
  style: Style,
): string[] {
  const title = taskTitle(view, event.task);
  const suite = event.task.startsWith('suite ')
    ? view.suites.get(event.task.slice('suite '.length))
    : undefined;
  switch (event.outcome) {
    case 'done':
      // A suite's end was said with its outcome.
      return suite?.ended === undefined
        ? [`${style('green', '✓')} ${title} ${style('dim', formatMs(event.taskMs))}`]
        : [];
    case 'failed':
      return event.error === undefined
        ? [`${style('magenta', '!')} ${title} failed ${style('dim', formatMs(event.taskMs))}`]
        : // The closing block shows the last lines too; twice on one screen would hide what is new.
          errorLines(title, { ...event.error, details: [] }, style);
    case 'skipped':
    case 'cancelled': {
      // What never began is a consequence; its suites are named with the cause, and timings.json has the rest.
      if (view.tasks.get(event.task)?.startedMs === undefined) return [];
      const why = event.reason === undefined ? '' : `: ${escapeTerminal(event.reason)}`;
      return [style('dim', `- ${title} ${event.outcome}${why}`)];
    }
  }
}
