import { formatMs, plural } from '../model/format.ts';
import { runOutcomeOf, type Counts, type ExitCode, type Outcome } from '../model/outcome.ts';
import { escapeTerminal } from './escape.ts';
import { marks } from './final.ts';
import { countsText, padEnd, tierText } from './format.ts';
import type { Style } from './style.ts';

/** What became of one run of a command that has several, or of one that was to be. */
export interface SeriesEntry {
  readonly tier: string;
  /** Version of Kubernetes, where the tier has a run for each of several. */
  readonly kubernetes?: string;
  readonly ran?: {
    readonly outcome: Outcome;
    readonly counts: Counts;
    readonly runMs: number;
    readonly folder: string;
  };
  /** Why there was no run: a sentence for people. */
  readonly why?: string;
  /** That of the run, or of the error for which it could not begin; absent where none was to be. */
  readonly exitCode?: ExitCode;
}

/** The closing table of several runs, a line each, and last the verdict over all. */
export function seriesBlock(entries: readonly SeriesEntry[], exitCode: ExitCode, style: Style): string[] {
  const rows = entries.map((entry) => rowOf(entry));
  const width = (column: number): number =>
    Math.max(...rows.map(({ cells }) => (cells[column] ?? '').length));
  const widths = [width(0), width(1)];
  const lines = rows.map(({ outcome, cells: [tier = '', word = '', facts = ''] }) => {
    const { sign, colour } = marks[outcome];
    const head = `  ${style(colour, sign)} ${padEnd(tier, widths[0] ?? 0)}  ${style(colour, padEnd(word, widths[1] ?? 0))}`;
    return `${head}  ${facts}`;
  });
  return ['', ...lines, verdictLine(entries, exitCode, style)];
}

/** Lines for what did not run, for those who see no table. */
export function notRunLines(entries: readonly SeriesEntry[]): string[] {
  return entries.flatMap((entry) =>
    entry.ran === undefined ? [`tier ${titleOf(entry)} did not run: ${whyOf(entry)}`] : [],
  );
}

const titleOf = (entry: SeriesEntry): string => escapeTerminal(tierText(entry));
const whyOf = ({ why }: SeriesEntry): string => escapeTerminal(why ?? 'no reason known');

function rowOf(entry: SeriesEntry): { outcome: Outcome; cells: readonly string[] } {
  const { ran } = entry;
  if (ran === undefined) {
    const outcome = entry.exitCode === undefined ? 'skipped' : 'infra-error';
    return { outcome, cells: [titleOf(entry), 'did not run', whyOf(entry)] };
  }
  const facts = [countsText(ran.counts), formatMs(ran.runMs), escapeTerminal(ran.folder)];
  return { outcome: ran.outcome, cells: [titleOf(entry), ran.outcome, facts.join(' · ')] };
}

function verdictLine(entries: readonly SeriesEntry[], exitCode: ExitCode, style: Style): string {
  const ran = entries.flatMap((entry) => entry.ran ?? []);
  const outcome = runOutcomeOf(ran, exitCode);
  const missing = entries.length - ran.length;
  const parts = [
    plural(ran.length, 'run'),
    ...(missing === 0 ? [] : [`${missing} did not run`]),
    formatMs(ran.reduce((sum, { runMs }) => sum + runMs, 0)),
    `exit code ${exitCode}`,
  ];
  return `${style(marks[outcome].colour, outcome.toUpperCase())}  ${parts.join(' · ')}`;
}
