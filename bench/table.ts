import fs from 'node:fs';
import { median, p95, seconds, spread, type Row } from './figures.ts';
import { titles, variants, type Variant } from './options.ts';
import { parts, type Part } from './stopwatch.ts';

const verdict = (row: Row): number => row.verdict;
const removed = (row: Row): number => row.removed;

/** Where tables go in a document; each set of figures has a name of its own. */
const begin = (name: string): string => `<!-- ${name}:begin (written by make bench) -->`;
const end = (name: string): string => `<!-- ${name}:end -->`;

const partTitles: Record<Part, string> = {
  build: 'build images',
  cluster: 'cluster',
  load: 'images to the nodes',
  release: 'release',
  suites: 'suites',
  collect: 'files of the release',
  cleanup: 'removal',
};

/** Medians with spread. Ratios are taken within a round, whose runs met the most alike load; above 1 ket is faster. */
export function table(rows: readonly Row[]): string {
  const shown = variants.filter((variant) => rows.some((row) => row.variant === variant));
  const of = (variant: Variant): readonly Row[] => rows.filter((row) => row.variant === variant);
  const line = (title: string, cell: (own: readonly Row[], variant: Variant) => string): string[] => [
    title,
    ...shown.map((variant) => cell(of(variant), variant)),
  ];
  const total = (value: (row: Row) => number) => (own: readonly Row[]) => {
    const times = own.map(value);
    return `**${seconds(median(times))}** (${spread(times)})`;
  };
  const ratio = (value: (row: Row) => number) => (own: readonly Row[], variant: Variant) => {
    const ratios = own.flatMap((row) =>
      of('ket').flatMap((base) => (base.round === row.round ? value(row) / value(base) : [])),
    );
    if (variant === 'ket' || ratios.length === 0) return '';
    return `${median(ratios).toFixed(2)} (${Math.min(...ratios).toFixed(2)}–${Math.max(...ratios).toFixed(2)})`;
  };
  return aligned([
    line('seconds', (_own, variant) => titles[variant]),
    line('to the last verdict', total(verdict)),
    line('… as a multiple of ket', ratio(verdict)),
    line('to everything removed', total(removed)),
    line('… as a multiple of ket', ratio(removed)),
    ...parts.map((part) => line(partTitles[part], (own) => partCell(own, part))),
    line('ket: peak of its memory, MiB', (own) => greatest(own.flatMap((row) => row.peakMiB ?? []))),
    line('last prerequisite ▸ Job, ms', (own) => jobCell(own.flatMap((row) => row.toJob ?? []))),
    line('processor time of the machine', (own) => median(own.map((row) => row.busy)).toFixed(0)),
    line('load average before', (own) => own.map((row) => row.load.toFixed(1)).join(', ')),
  ]);
}

const greatest = (values: readonly number[]): string =>
  values.length === 0 ? '' : Math.max(...values).toFixed(0);

const jobCell = (values: readonly number[]): string =>
  values.length === 0 ? '' : `${median(values).toFixed(0)} (p95 ${p95(values).toFixed(0)})`;

/** A markdown table as the formatter leaves it: the first column to the left, the others to the right. */
export function aligned(lines: readonly (readonly string[])[]): string {
  const columns = lines[0]?.map((_cell, index) => Math.max(...lines.map((line) => line[index]?.length ?? 0)));
  const widths = columns ?? [];
  const row = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  const rule = widths.map((width, index) => (index === 0 ? '-'.repeat(width) : `${'-'.repeat(width - 1)}:`));
  const padded = lines.map((line) =>
    row(
      line.map((cell, index) =>
        index === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[index] ?? 0),
      ),
    ),
  );
  return [padded[0] ?? '', row(rule), ...padded.slice(1)].join('\n');
}

/** How long it took, and where in the run it lay: parts overlap, so the lengths do not add up. */
function partCell(rows: readonly Row[], part: Part): string {
  const spans = rows.flatMap((row) => row.spans[part] ?? []);
  if (spans.length === 0) return '–';
  const took = spans.map((span) => span.end - span.start);
  const from = median(spans.map((span) => span.start));
  const to = median(spans.map((span) => span.end));
  return `${seconds(median(took))} (${spread(took)}), from ${seconds(from)} to ${seconds(to)}`;
}

export function mustHaveMarkers(file: string, name = 'bench'): void {
  const text = fs.readFileSync(file, 'utf8');
  if (!text.includes(begin(name)) || !text.includes(end(name)))
    throw new Error(`${file} lacks its markers ${begin(name)} … ${end(name)}`);
}

export function writeBetweenMarkers(file: string, content: string, name = 'bench'): void {
  const text = fs.readFileSync(file, 'utf8');
  const head = text.slice(0, text.indexOf(begin(name)) + begin(name).length);
  fs.writeFileSync(file, `${head}\n\n${content}\n\n${text.slice(text.indexOf(end(name)))}`);
}
