import type { Counts } from '../model/outcome.ts';

/** Time that still runs, in whole seconds so that it does not flicker: 9s, 2m 05s, 1h 02m. */
export function elapsed(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  if (seconds < 60) return `${seconds}s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)}m ${String(seconds % 60).padStart(2, '0')}s`;
  return `${Math.floor(seconds / 3600)}h ${String(Math.floor((seconds % 3600) / 60)).padStart(2, '0')}m`;
}

/** `12 passed, 1 failed`: what there is, worst first; `no tests` for none. */
export function countsText(counts: Counts): string {
  const parts = [
    [counts.failed, 'failed'],
    [counts.errors, counts.errors === 1 ? 'error' : 'errors'],
    [counts.passed, 'passed'],
    [counts.skipped, 'skipped'],
  ] as const;
  const said = parts.filter(([n]) => n > 0).map(([n, word]) => `${n} ${word}`);
  return said.length === 0 ? 'no tests' : said.join(', ');
}

/** `e2e`; `e2e, Kubernetes 1.34` where the tier has a run for each of several versions. */
export function tierText({ tier, kubernetes }: { tier: string; kubernetes?: string | undefined }): string {
  return kubernetes === undefined ? tier : `${tier}, Kubernetes ${kubernetes}`;
}

const wide =
  /[\u1100-\u115f\u2e80-\u303e\u3041-\u33ff\u3400-\u4dbf\u4e00-\u9fff\ua000-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{1f300}-\u{1f64f}\u{1f680}-\u{1f6ff}\u{1f900}-\u{1f9ff}\u{20000}-\u{3fffd}]|\p{Emoji_Presentation}/u;
const zero = /\p{M}|\p{Cf}|\p{Variation_Selector}/u;

function widthOf(char: string): number {
  if (char.length === 1 && char.charCodeAt(0) < 0x300) return 1;
  if (zero.test(char)) return 0;
  return wide.test(char) ? 2 : 1;
}

/** Columns that an escaped, uncoloured text takes on a terminal. */
export function displayWidth(text: string): number {
  let width = 0;
  for (const char of text) width += widthOf(char);
  return width;
}

/** The beginning of an escaped, uncoloured text that fits into so many columns; an ellipsis says that it was cut. */
export function truncate(text: string, columns: number): string {
  if (displayWidth(text) <= columns) return text;
  let width = 1;
  let kept = '';
  for (const char of text) {
    width += widthOf(char);
    if (width > columns) break;
    kept += char;
  }
  return columns < 1 ? '' : `${kept}…`;
}

export function padEnd(text: string, columns: number): string {
  return text + ' '.repeat(Math.max(0, columns - displayWidth(text)));
}

/** An escaped, uncoloured text in lines of at most so many columns, broken between words where there are any. */
export function wrap(text: string, columns: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    const longer = line === '' ? word : `${line} ${word}`;
    if (line !== '' && displayWidth(longer) > columns) {
      lines.push(line);
      line = word;
    } else line = longer;
  }
  return [...lines, line];
}
