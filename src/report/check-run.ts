import type { Outcome } from '../model/outcome.ts';
import { clip } from '../results/text.ts';
import type { Annotation } from './annotations.ts';
import { plainText } from './escape.ts';
import { plural } from '../model/format.ts';
import { countsText } from './format.ts';
import type { RunView } from './model.ts';
import { summaryMarkdown, type SummaryOptions } from './summary-markdown.ts';

/** Bodies of requests, in the words of GitHub's REST API: a check run that begins, and how it ends. */
export interface CheckRunStart {
  readonly name: string;
  readonly head_sha: string;
  readonly status: 'in_progress';
  readonly started_at: string;
  readonly external_id: string;
  readonly details_url?: string;
}

export type Conclusion = 'success' | 'failure' | 'cancelled' | 'skipped';

export interface CheckAnnotation {
  readonly path: string;
  readonly start_line: number;
  readonly end_line: number;
  readonly annotation_level: 'notice' | 'warning' | 'failure';
  readonly title: string;
  readonly message: string;
}

export interface CheckOutput {
  readonly title: string;
  readonly summary: string;
  readonly annotations?: readonly CheckAnnotation[];
}

export interface CheckRunEnd {
  /** The first request: what the check is, without anything that may be refused for its form. */
  readonly complete: {
    readonly status: 'completed';
    readonly conclusion: Conclusion;
    readonly completed_at: string;
    readonly output: CheckOutput;
  };
  /** Further requests, each of which adds annotations. */
  readonly more: readonly { readonly output: CheckOutput }[];
}

/** GitHub's own limits; what is over one is refused as a whole, with status 422. */
const limits = { summary: 65_535, title: 255, message: 64_000, perRequest: 50 } as const;
/** A hundred problems of one run are read by nobody, and each request may meet a limit. */
const mostAnnotations = 200;

export interface StartOptions {
  readonly name: string;
  readonly headSha: string;
  readonly runId: string;
  /** ISO 8601. */
  readonly startedAt: string;
  readonly detailsUrl?: string;
}

export function checkRunStart(options: StartOptions): CheckRunStart {
  return {
    name: line(options.name, 100) || 'ket',
    head_sha: options.headSha,
    status: 'in_progress',
    started_at: options.startedAt,
    external_id: options.runId,
    ...(options.detailsUrl === undefined ? {} : { details_url: options.detailsUrl }),
  };
}

export interface EndOptions extends Omit<SummaryOptions, 'limit'> {
  readonly annotations: readonly Annotation[];
  /** ISO 8601. */
  readonly completedAt: string;
}

/**
 * How a run's check ends. The page is the summary's, which gives up detail in the order that `summaryMarkdown` states.
 */
export function checkRunEnd(view: RunView, options: EndOptions): CheckRunEnd {
  const { annotations, completedAt, ...summary } = options;
  const output = {
    title: titleOf(view),
    summary: wellFormed(summaryMarkdown(view, { ...summary, limit: limits.summary })),
  };
  const all = annotations.slice(0, mostAnnotations).map(checkAnnotation);
  const left = annotations.length - all.length;
  if (left > 0)
    all[all.length - 1] = checkAnnotation({
      level: 'notice',
      title: 'ket',
      message: `${plural(left + 1, 'more problem')}: the summary has all of them`,
    });
  const batches = Array.from({ length: Math.ceil(all.length / limits.perRequest) }, (_, i) =>
    all.slice(i * limits.perRequest, (i + 1) * limits.perRequest),
  );
  return {
    complete: { status: 'completed', conclusion: conclusionOf(view), completed_at: completedAt, output },
    more: batches.map((batch) => ({ output: { ...output, annotations: batch } })),
  };
}

/** What is no verdict is no success: a check that is required must not be passed by it. */
function conclusionOf(view: RunView): Conclusion {
  const { ended } = view;
  if (ended === undefined) return 'failure';
  const conclusions: Readonly<Record<Outcome, Conclusion>> = {
    passed: 'success',
    flaky: 'success',
    skipped: 'skipped',
    cancelled: 'cancelled',
    failed: 'failure',
    'infra-error': 'failure',
  };
  const conclusion = conclusions[ended.outcome];
  return ended.exitCode === 0 || conclusion === 'cancelled' ? conclusion : 'failure';
}

function titleOf(view: RunView): string {
  const { ended } = view;
  if (ended === undefined) return 'no verdict';
  return line(`${ended.outcome}: ${countsText(ended.counts)}`, limits.title);
}

const levels = { error: 'failure', warning: 'warning', notice: 'notice' } as const;

function checkAnnotation(found: Annotation): CheckAnnotation {
  const at = Math.max(1, Math.trunc(found.line ?? 1));
  return {
    // An annotation must have a path; this one stands for none, as in annotations of the runner itself.
    path: found.file ?? '.github',
    start_line: at,
    end_line: at,
    annotation_level: levels[found.level],
    title: line(found.title, limits.title) || 'ket',
    message: clip(basic(plainText(found.message)), limits.message) || 'there is no message',
  };
}

/** One line of so many bytes. */
const line = (text: string, limit: number): string =>
  clip(basic(plainText(text)).replace(/\s+/g, ' ').trim(), limit);

const wellFormed = (text: string): string => text.toWellFormed();

/** GitHub refuses annotations with characters beyond the basic plane. */
const basic = (text: string): string => wellFormed(text).replace(/[\u{10000}-\u{10ffff}]/gu, '\ufffd');
