import { formatMs, plural } from '../model/format.ts';
import type { CaseInfo } from '../model/events.ts';
import { percent, type Part } from '../results/coverage-data.ts';
import type { MergedCoverage } from '../results/coverage.ts';
import { clip } from '../results/text.ts';
import { budgetText } from './budget.ts';
import { escapeMarkdown, markdownBlock, markdownCode } from './escape.ts';
import { caseTitle } from './final.ts';
import { countsText, tierText } from './format.ts';
import { ganttOf } from './gantt.ts';
import { phasesOf, type AttemptView, type RunView, type SuiteView } from './model.ts';
import { deliveredTable, unchangedTexts } from './images.ts';
import { nodePullsText } from './node-pulls.ts';
import { releaseUseText } from './release-use.ts';
import { sharesTexts } from './shares.ts';
import { driftTable, hoursTable, soakTexts, type Table } from './soak-tables.ts';
import { fitSections, type Section } from './summary-fit.ts';

export interface SummaryOptions {
  readonly coverage?: readonly Pick<MergedCoverage, 'format' | 'lines' | 'branches'>[];
  /** Where the run's results are, as people should read it. */
  readonly folder?: string;
  /** What was uploaded of them. */
  readonly artifact?: { readonly name: string; readonly url?: string };
  /** Most bytes; GitHub drops a whole step summary over 1 MiB. */
  readonly limit?: number;
}

const signs = {
  passed: '✅',
  flaky: '⚠️',
  failed: '❌',
  'infra-error': '🛑',
  skipped: '⏭️',
  cancelled: '⏹️',
} as const;

/**
 * The run as one markdown page, verdict first. When it would be too large, detail goes in this order, each part as far
 * as it can before the next: the diagram and then the table of phases, the table of delivered images; remarks; of failed tests the long messages, log
 * lines, messages beyond the first ones, names; of errors the lines that show them; the reasons in the table of suites.
 * The verdict, the suites' outcomes, coverage and where the results are always stay.
 */
export function summaryMarkdown(view: RunView, options: SummaryOptions = {}): string {
  const sections: Section[] = [
    { keep: 'always', levels: [verdict(view)] },
    { keep: 5, levels: [suitesTable(view, 600), suitesTable(view, 100), suitesTable(view, 0)] },
    { keep: 5, levels: soakParts(view) },
    { keep: 2, levels: [sharesTexts(view).map(escapeMarkdown).join('  \n'), ''] },
    { keep: 2, levels: [unchangedTexts(view).map(escapeMarkdown).join('  \n'), ''] },
    { keep: 2, levels: [escapeMarkdown(nodePullsText(view)), ''] },
    { keep: 2, levels: [escapeMarkdown(releaseUseText(view)), ''] },
    { keep: 3, levels: failures(view) },
    { keep: 4, levels: errors(view) },
    { keep: 'always', levels: [coverageLine(options.coverage ?? [])] },
    { keep: 2, levels: [remarks(view), ''] },
    { keep: 1, levels: [deliveredTable(view), ''] },
    { keep: 1, levels: [phasesTable(view, true), phasesTable(view, false), ''] },
    { keep: 'always', levels: [whereResults(options)] },
  ];
  return fitSections(sections, options.limit ?? 1_000_000);
}

function verdict(view: RunView): string {
  const { ended, started } = view;
  if (ended === undefined) return '## 🛑 No verdict\n\nThe event log ends before the run did.';
  const tier = started === undefined ? '' : `: tier ${escapeMarkdown(tierText(started))}`;
  const facts = [
    plural(view.suites.size, 'suite'),
    `tests: ${countsText(ended.counts)}`,
    formatMs(ended.runMs),
    `exit code ${ended.exitCode}`,
  ];
  const budget = ended.budget === undefined ? '' : `  \n${escapeMarkdown(budgetText(ended.budget))}`;
  return `## ${signs[ended.outcome]} ${ended.outcome}${tier}\n\n${facts.map(escapeMarkdown).join(' · ')}${budget}`;
}

/** Nothing but a page of https is linked, whoever gave the address. */
function whereResults({ folder, artifact }: SummaryOptions): string {
  const url = artifact?.url === undefined ? undefined : URL.parse(artifact.url);
  const link = url?.protocol === 'https:' ? url.href.replace(/[()\\]/g, encodeURIComponent) : undefined;
  const parts = [
    ...(artifact === undefined
      ? []
      : [
          link === undefined
            ? `artifact ${markdownCode(artifact.name)}`
            : `artifact [${escapeMarkdown(artifact.name)}](${link})`,
        ]),
    ...(folder === undefined ? [] : [markdownCode(folder)]),
  ];
  return parts.length === 0 ? '' : `Results: ${parts.join(', ')}`;
}

/** `whyBytes`: how much of a suite's reason is told, where there are not hundreds. */
function suitesTable(view: RunView, whyBytes: number): string {
  const suites = [...view.suites.values()];
  if (suites.length === 0) return '';
  const most = Math.min(whyBytes, Math.floor(100_000 / suites.length));
  const cell = (text: string): string => (most < 20 ? '' : escapeMarkdown(clip(text, most)));
  const rows = suites.slice(0, 500).map((suite) => {
    const { ended } = suite;
    const name = markdownCode(suite.name, true);
    if (ended === undefined) {
      const reason = view.tasks.get(`suite ${suite.name}`)?.reason ?? 'it did not run';
      return `| ${name} | ${signs.skipped} did not run |  |  |  |  |  | ${cell(reason)} |`;
    }
    const { passed, failed, errors: broken, skipped } = ended.counts;
    const kind = ended.infraClass === undefined ? ended.outcome : `${ended.outcome} (${ended.infraClass})`;
    const attempts = ended.attempts > 1 ? ` · ${ended.attempts} attempts` : '';
    return `| ${name} | ${signs[ended.outcome]} ${kind} | ${passed} | ${failed} | ${broken} | ${skipped} | ${formatMs(ended.suiteMs)}${attempts} | ${cell(ended.message)} |`;
  });
  if (suites.length > rows.length)
    rows.push(`| … ${suites.length - rows.length} more |  |  |  |  |  |  |  |`);
  return [
    '| suite | outcome | passed | failed | errors | skipped | time | why |',
    '| --- | --- | ---: | ---: | ---: | ---: | ---: | --- |',
    ...rows,
  ].join('\n');
}

/** How a soak went: with its hours, without them, in sentences alone. */
function soakParts({ soak }: RunView): string[] {
  if (soak === undefined) return [''];
  const said = ['### Soak', ...soakTexts(soak).map(escapeMarkdown)].join('\n\n');
  const drift = tableMarkdown(driftTable(soak));
  return [[said, drift, tableMarkdown(hoursTable(soak))], [said, drift], [said]].map((parts) =>
    parts.filter((part) => part !== '').join('\n\n'),
  );
}

function tableMarkdown({ head, rows }: Table): string {
  if (rows.length === 0) return '';
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  return [
    line(head),
    line(head.map((_, index) => (index === 0 ? '---' : '---:'))),
    ...rows.map((cells) => line(cells.map(escapeMarkdown))),
  ].join('\n');
}

/** Failed tests with message and last lines; then shorter; then their names; then only how many. */
function failures(view: RunView): string[] {
  const suites = [...view.suites.values()].filter((s) =>
    s.attempts.some((a) => told(a).length > 0 || lastLines(a).length > 0),
  );
  if (suites.length === 0) return [''];
  const total = suites.reduce((sum, s) => sum + s.attempts.reduce((n, a) => n + told(a).length, 0), 0);
  const level = (most: number, messageBytes: number, lines: number): string =>
    [
      '### What went wrong',
      ...suites.flatMap((suite) => suiteFailures(suite, most, messageBytes, lines)),
    ].join('\n\n');
  return [
    level(200, 4096, 10),
    level(200, 1000, 10),
    level(200, 300, 5),
    level(100, 300, 5),
    level(50, 300, 5),
    level(20, 300, 5),
    level(500, 0, 0),
    level(50, 0, 0),
    `### What went wrong\n\n${plural(total, 'case')}; they are in junit.xml.`,
  ];
}

const told = (attempt: AttemptView): readonly CaseInfo[] => [...attempt.bad, ...attempt.flaky];
const lastLines = (attempt: AttemptView): readonly string[] =>
  attempt.ended === undefined || attempt.ended.outcome === 'passed' ? [] : (attempt.ended.lastLines ?? []);

function suiteFailures(suite: SuiteView, most: number, messageBytes: number, lines: number): string[] {
  return suite.attempts.flatMap((attempt) => {
    const cases = told(attempt);
    const last = lastLines(attempt);
    if (cases.length === 0 && last.length === 0) return [];
    const round = attempt.round === undefined ? '' : `, round ${attempt.round}`;
    const of = suite.attempts.length > 1 ? `${round}, attempt ${attempt.attempt}` : '';
    const blocks = [`**${escapeMarkdown(suite.name)}**${of}`];
    const shown = cases.slice(0, most);
    if (messageBytes === 0) blocks.push(shown.map((found) => `- ${caseHead(found)}`).join('\n'));
    else
      for (const found of shown) {
        const message = clip(found.message ?? '', messageBytes);
        blocks.push(caseHead(found), ...(message === '' ? [] : [markdownBlock(message)]));
      }
    if (cases.length > shown.length)
      blocks.push(`${shown.length} of ${cases.length} cases are shown; junit.xml has all.`);
    const tail = lines === 0 ? [] : last.slice(-lines).map((line) => clip(line, 1000));
    if (tail.length > 0) blocks.push('Last lines of its log:', markdownBlock(tail.join('\n')));
    return blocks.filter((block) => block !== '');
  });
}

/** Names of cases may hold their parameters. */
const nameBytes = 500;

function caseHead(found: CaseInfo): string {
  const kind = found.status === 'passed' ? 'passed after a failed try' : found.status;
  const file = found.file === undefined ? '' : ` in ${markdownCode(clip(found.file, nameBytes))}`;
  return `${markdownCode(clip(caseTitle(found), nameBytes))} ${kind}${file}`;
}

/** Tasks that failed: what happened, the lines that show it, the next step. */
function errors(view: RunView): string[] {
  const failed = [...view.tasks.values()].flatMap((task) =>
    task.error === undefined ? [] : [{ title: task.title, error: task.error }],
  );
  const own = view.ended?.error;
  if (own !== undefined && !failed.some(({ error }) => error.message === own.message))
    failed.push({ title: 'the run', error: own });
  if (failed.length === 0) return [''];
  const level = (lines: number, length: number): string =>
    [
      '### Why the run could not go on',
      ...failed.slice(0, 50).flatMap(({ title, error }) => {
        const details = (error.details ?? []).slice(-lines).map((line) => clip(line, length));
        return [
          `**${escapeMarkdown(title)}** ${markdownCode(error.code)}: ${escapeMarkdown(clip(error.message, 4096))}`,
          ...(error.where === undefined ? [] : [`at ${markdownCode(clip(error.where, 500))}`]),
          ...(lines === 0 || details.length === 0 ? [] : [markdownBlock(details.join('\n'))]),
          ...(error.next === undefined ? [] : [`Next: ${escapeMarkdown(clip(error.next, 2000))}`]),
        ];
      }),
    ].join('\n\n');
  return [level(20, 1000), level(5, 300), level(0, 0)];
}

function coverageLine(coverage: NonNullable<SummaryOptions['coverage']>): string {
  const share = (part: Part, what: string): string => `${percent(part) ?? 0} % of ${part.total} ${what}`;
  return coverage
    .map(({ format, lines, branches }) => {
      const parts = [share(lines, 'lines'), ...(branches.total === 0 ? [] : [share(branches, 'branches')])];
      return `Coverage (${format}): ${parts.join(', ')}`;
    })
    .join('\n\n');
}

function remarks(view: RunView): string {
  const lines = [
    ...view.notices
      .filter((n) => n.level !== 'info')
      .map((n) => `- ${n.level}: ${escapeMarkdown(clip(n.text, 2000))}`),
    ...view.leftovers.map(
      (l) =>
        `- left behind: ${markdownCode(l.what)} (${escapeMarkdown(l.why)}); next: ${markdownCode(l.cure)}`,
    ),
    ...view.kept.map(
      (k) =>
        `- kept until ${escapeMarkdown(k.until)}: ${markdownCode(k.what)}; ${k.how.map((h) => markdownCode(h)).join(', ')}`,
    ),
  ];
  return lines.length === 0 ? '' : `### Remarks\n\n${lines.slice(0, 200).join('\n')}`;
}

function phasesTable(view: RunView, gantt: boolean): string {
  const rows = phasesOf(view).map(({ phase, startMs, endMs, tasks }) => {
    const longest = tasks.toSorted((a, b) => (b.taskMs ?? 0) - (a.taskMs ?? 0))[0];
    const what =
      longest?.taskMs === undefined ? '' : `${escapeMarkdown(longest.title)} (${formatMs(longest.taskMs)})`;
    return `| ${phase} | ${formatMs(startMs)} | ${formatMs(endMs - startMs)} | ${what} |`;
  });
  if (rows.length === 0) return '';
  const table = ['| phase | began after | took | longest |', '| --- | ---: | ---: | --- |', ...rows].join(
    '\n',
  );
  const diagram = gantt ? ganttOf(view) : '';
  const drawn = diagram === '' ? '' : `\n\n${markdownBlock(diagram, 'mermaid')}`;
  return `<details><summary>Where the time went</summary>\n\n${table}${drawn}\n\n</details>`;
}
