/** A part of a page, from the fullest form to the shortest. */
export interface Section {
  /** Which sections lose detail first: the lowest number; `always` keeps its one form. */
  readonly keep: number | 'always';
  readonly levels: readonly string[];
}

const bytes = (text: string): number => Buffer.byteLength(text, 'utf8');

/**
 * The sections as one text of at most `limit` bytes: while it is too long, the section with the lowest `keep` that can
 * still give way takes its next shorter form. A note at the end says so.
 */
export function fitSections(sections: readonly Section[], limit: number): string {
  const chosen = sections.map(() => 0);
  const text = (): string => {
    const parts = sections
      .map((section, i) => section.levels[chosen[i] ?? 0] ?? '')
      .filter((part) => part !== '');
    const shortened = chosen.some((level) => level > 0);
    return (
      [
        ...parts,
        ...(shortened ? ['Parts of this page were shortened; the files of the run have all of it.'] : []),
      ].join('\n\n') + '\n'
    );
  };
  for (;;) {
    const page = text();
    if (bytes(page) <= limit) return page;
    const next = sections
      .map((section, i) => ({ section, i }))
      .filter(({ section, i }) => section.keep !== 'always' && (chosen[i] ?? 0) < section.levels.length - 1)
      .sort((a, b) => Number(a.section.keep) - Number(b.section.keep))[0];
    if (next === undefined) return cutAtLine(page, limit);
    chosen[next.i] = (chosen[next.i] ?? 0) + 1;
  }
}

/** The last resort: whole lines from the beginning, which hold the verdict. */
function cutAtLine(page: string, limit: number): string {
  const note = '\n\n… cut: the page is too long.\n';
  let size = bytes(note);
  const kept: string[] = [];
  for (const line of page.split('\n')) {
    size += bytes(line) + 1;
    if (size > limit) break;
    kept.push(line);
  }
  return kept.join('\n') + note;
}
