import { formatMs, plural } from '../model/format.ts';
import type { CaseInfo } from '../model/events.ts';
import type { ErrorInfo } from '../model/errors.ts';
import type { Outcome } from '../model/outcome.ts';
import { budgetText } from './budget.ts';
import { escapeTerminal } from './escape.ts';
import { countsText, displayWidth, padEnd, tierText, wrap } from './format.ts';
import { lastAttempt, type AttemptView, type RunView, type SuiteView, type TaskView } from './model.ts';
import { unchangedTexts } from './images.ts';
import { nodePullsText } from './node-pulls.ts';
import { releaseUseText } from './release-use.ts';
import { sharesTexts } from './shares.ts';
import { driftTable, soakTexts } from './soak-tables.ts';
import type { Colour, Style } from './style.ts';

export interface FinalOptions {
  readonly style: Style;
  /** Longer sentences are broken between words; unlimited when not given. */
  readonly columns?: number;
  /** Where the run's results are, as people should read it. */
  readonly folder?: string;
}

const limits = { cases: 20, messageLines: 6, lastLines: 10, notices: 10 };

export const marks: Readonly<Record<Outcome, { readonly sign: string; readonly colour: Colour }>> = {
  passed: { sign: '✓', colour: 'green' },
  flaky: { sign: '~', colour: 'yellow' },
  failed: { sign: '✗', colour: 'red' },
  'infra-error': { sign: '!', colour: 'magenta' },
  skipped: { sign: '-', colour: 'grey' },
  cancelled: { sign: '-', colour: 'grey' },
};

/** The closing block of a run: why, what to do next, where the results are, and last the verdict. */
export function finalBlock(view: RunView, options: FinalOptions): string[] {
  const sections = [
    failedSection(view, options),
    tasksSection(view, options),
    suitesSection(view, options),
    soakSection(view, options),
    [...sharesTexts(view), ...unchangedTexts(view), nodePullsText(view), releaseUseText(view)]
      .filter((text) => text !== '')
      .map((text) => options.style('dim', escapeTerminal(text))),
    view.ended?.budget === undefined ? [] : [options.style('dim', budgetText(view.ended.budget))],
    noticesSection(view, options),
    whereSection(view, options),
    verdictLines(view, options),
  ];
  return sections.filter((lines) => lines.length > 0).flatMap((lines) => ['', ...lines]);
}

/** The run in a line: verdict, tier, suites, tests, time. */
export function verdictLines(view: RunView, { style, columns }: FinalOptions): string[] {
  const { ended } = view;
  if (ended === undefined)
    return [`${style('magenta', 'NO VERDICT')}  the event log ends before the run did`];
  const parts = [
    ...(view.started === undefined ? [] : [`tier ${escapeTerminal(tierText(view.started))}`]),
    suitesText(view),
    `tests: ${countsText(ended.counts)}`,
    formatMs(ended.runMs),
    `exit code ${ended.exitCode}`,
  ];
  const verdict = ended.outcome.toUpperCase();
  const indent = verdict.length + 2;
  const lines = wrap(parts.filter((part) => part !== '').join(' · '), (columns ?? Infinity) - indent);
  return lines.map((line, i) =>
    i === 0 ? `${style(marks[ended.outcome].colour, verdict)}  ${line}` : ' '.repeat(indent) + line,
  );
}

function suitesText(view: RunView): string {
  const total = view.suites.size;
  if (total === 0) return '';
  const of = (outcome: Outcome): number =>
    [...view.suites.values()].filter((s) => s.ended?.outcome === outcome).length;
  const worst = (['failed', 'infra-error', 'cancelled', 'skipped', 'flaky'] as const).flatMap((outcome) =>
    of(outcome) === 0 ? [] : [`${of(outcome)} ${outcome}`],
  );
  return worst.length === 0 ? plural(total, 'suite') : `${plural(total, 'suite')}: ${worst.join(', ')}`;
}

/** A suite that has no end of its own is told by its task: why it did not run. */
function outcomeOf(suite: SuiteView): Outcome {
  return suite.ended?.outcome ?? 'skipped';
}

function suitesSection(view: RunView, { style }: FinalOptions): string[] {
  const suites = [...view.suites.values()];
  const names = Math.min(40, Math.max(0, ...suites.map((s) => escapeTerminal(s.name).length)));
  return suites.flatMap((suite) => {
    const { sign, colour } = marks[outcomeOf(suite)];
    const { ended } = suite;
    const head = `  ${style(colour, sign)} ${padEnd(escapeTerminal(suite.name), names)}  ${style(colour, padEnd(outcomeOf(suite), 11))}`;
    if (ended === undefined) {
      const task = view.tasks.get(`suite ${suite.name}`);
      return [
        `${head}  ${style('dim', `did not run${task?.reason === undefined ? '' : `: ${escapeTerminal(task.reason)}`}`)}`,
      ];
    }
    // What never ran has no figures; the reason is all there is to tell.
    if (ended.attempts === 0) return [`${head}  ${style('dim', escapeTerminal(ended.message))}`];
    const attempts = ended.attempts > 1 ? ` · ${ended.attempts} attempts` : '';
    return [`${head}  ${countsText(ended.counts)} · ${formatMs(ended.suiteMs)}${attempts}`];
  });
}

/** How a soak went, with a line for each suite and release. */
function soakSection({ soak }: RunView, { style, columns }: FinalOptions): string[] {
  if (soak === undefined) return [];
  const { head, rows } = driftTable(soak);
  const cells = [head, ...rows].map((row) => row.map(escapeTerminal));
  const widths = head.map((_, column) => Math.max(...cells.map((row) => displayWidth(row[column] ?? ''))));
  const lines = cells.map((row) =>
    `  ${row.map((cell, column) => padEnd(cell, widths[column] ?? 0)).join('  ')}`.trimEnd(),
  );
  const [first = '', ...more] = lines;
  return [
    ...soakTexts(soak).flatMap((text) => wrap(escapeTerminal(text), columns ?? Infinity)),
    ...(rows.length === 0 ? [] : [style('dim', first), ...more]),
  ];
}

/** Every suite that is not simply passed: why, its failed cases, its last lines. */
function failedSection(view: RunView, { style, columns }: FinalOptions): string[] {
  return [...view.suites.values()].flatMap((suite) => {
    const { ended } = suite;
    if (ended === undefined || ended.outcome === 'passed' || ended.outcome === 'skipped') return [];
    const { sign, colour } = marks[ended.outcome];
    const kind = ended.infraClass === undefined ? ended.outcome : `${ended.outcome} (${ended.infraClass})`;
    return [
      `${style(colour, sign)} ${style('bold', escapeTerminal(suite.name))}  ${style(colour, kind)}`,
      ...sentence(ended.message, columns),
      ...attemptLines(suite, style),
    ];
  });
}

/** A sentence as a paragraph of its own, indented. */
function sentence(text: string, columns: number | undefined, head = ''): string[] {
  return wrap(head + escapeTerminal(text), (columns ?? Infinity) - 4).map((line) => `    ${line}`);
}

function attemptLines(suite: SuiteView, style: Style): string[] {
  const flaky = suite.ended?.outcome === 'flaky';
  const shown = flaky
    ? suite.attempts.filter((a) => a.bad.length > 0 || a.flaky.length > 0)
    : [lastAttempt(suite)];
  return shown.flatMap((attempt) => {
    if (attempt === undefined) return [];
    const cases = [...attempt.bad, ...attempt.flaky];
    const lines = cases.slice(0, limits.cases).flatMap((found) => caseLines(found, style));
    if (cases.length > limits.cases)
      lines.push(style('dim', `    … ${cases.length - limits.cases} more in junit.xml`));
    return [...lines, ...(flaky ? [] : lastLines(attempt, style))];
  });
}

/** `classname › name`, unless the one holds the other. */
export function caseTitle(found: CaseInfo): string {
  const { classname, name } = found;
  if (classname === undefined || name.startsWith(classname)) return name;
  return `${classname} › ${name}`;
}

function caseLines(found: CaseInfo, style: Style): string[] {
  const failed = found.status !== 'passed';
  const sign = failed ? style('red', '✗') : style('yellow', '~');
  const message = (found.message ?? '')
    .split('\n')
    .map(escapeTerminal)
    .filter((line) => line.trim() !== '');
  const shown = message.slice(0, limits.messageLines);
  if (message.length > shown.length) shown.push('…');
  return [
    `    ${sign} ${escapeTerminal(caseTitle(found))}${failed ? '' : style('dim', '  passed after a failed try')}`,
    ...shown.map((line) => `        ${line}`),
  ];
}

function lastLines(attempt: AttemptView, style: Style): string[] {
  const { ended } = attempt;
  const lines = ended?.lastLines ?? [];
  if (lines.length === 0) return [];
  const decided = ended?.pods?.find((pod) => pod.outcome === ended.outcome);
  const console = (ended?.console ?? decided?.console)?.path;
  return [
    style('dim', `    last lines${console === undefined ? '' : ` of ${escapeTerminal(console)}`}:`),
    ...lines.slice(-limits.lastLines).map((line) => `${style('dim', '    │ ')}${escapeTerminal(line)}`),
  ];
}

/** Tasks that failed, and the run's own error: code, message, next step. */
function tasksSection(view: RunView, { style, columns }: FinalOptions): string[] {
  const failed = [...view.tasks.values()].filter((task) => task.outcome === 'failed');
  const lines = failed.flatMap((task) => failedTaskLines(task, style, columns));
  const own = view.ended?.error;
  const told = own !== undefined && failed.some((task) => task.error?.message === own.message);
  return own === undefined || told ? lines : [...lines, ...errorLines('the run', own, style, columns)];
}

function failedTaskLines(task: TaskView, style: Style, columns: number | undefined): string[] {
  const title = titleOf(task);
  return task.error === undefined
    ? [`${style('magenta', '!')} ${style('bold', title)}  failed`]
    : errorLines(title, task.error, style, columns);
}

/** What people call a task; that of a suite is titled with nothing but the suite's name. */
export function titleOf(task: TaskView): string {
  return escapeTerminal(task.id === `suite ${task.title}` ? task.id : task.title);
}

/** An error with its next step, as it is shown at once and at the end. */
export function errorLines(title: string, error: ErrorInfo, style: Style, columns?: number): string[] {
  return [
    `${style('magenta', '!')} ${style('bold', title)}  ${style('magenta', error.code)}`,
    ...sentence(error.message, columns),
    ...(error.where === undefined ? [] : sentence(error.where, columns, 'at ')),
    ...(error.details ?? []).slice(-20).map((line) => `${style('dim', '    │ ')}${escapeTerminal(line)}`),
    ...(error.next === undefined ? [] : sentence(error.next, columns, 'next: ')),
  ];
}

function noticesSection(view: RunView, { style, columns }: FinalOptions): string[] {
  const notices = view.notices.filter((notice) => notice.level !== 'info');
  const lines = notices.slice(0, limits.notices).flatMap((notice) => {
    const [first = '', ...more] = wrap(
      `${notice.level}: ${escapeTerminal(notice.text)}`,
      (columns ?? Infinity) - 4,
    );
    const level = style(notice.level === 'error' ? 'red' : 'yellow', notice.level);
    return [level + first.slice(notice.level.length), ...more.map((line) => `    ${line}`)];
  });
  if (notices.length > limits.notices)
    lines.push(style('dim', `… ${notices.length - limits.notices} more in summary.md`));
  return lines;
}

function whereSection(view: RunView, options: FinalOptions): string[] {
  const { style, folder } = options;
  return [
    ...view.leftovers.flatMap((left) => [
      `${style('yellow', 'left behind:')} ${escapeTerminal(left.what)} (${escapeTerminal(left.why)})`,
      `    next: ${escapeTerminal(left.cure)}`,
    ]),
    ...view.kept.flatMap((kept) => [
      `${style('cyan', 'kept')} until ${escapeTerminal(kept.until)}: ${escapeTerminal(kept.what)}`,
      ...kept.how.map((line) => `    ${escapeTerminal(line)}`),
    ]),
    ...(folder === undefined ? [] : [`results: ${escapeTerminal(folder)}`]),
  ];
}
