/** As much of Markdown as the tests of the documentation need. */

export interface Block {
  /** What stands behind the fence, e.g. `yaml ket.yaml`. */
  readonly info: string;
  readonly text: string;
  /** Line of the opening fence, from 1. */
  readonly line: number;
}

const fence = /^```(.*)$/;

/** The fenced blocks; the rest of the text has blank lines in their place. */
function split(text: string): { blocks: Block[]; rest: string[] } {
  const blocks: Block[] = [];
  const rest: string[] = [];
  let open: { info: string; line: number; lines: string[] } | undefined;
  text.split('\n').forEach((line, index) => {
    const found = fence.exec(line);
    rest.push(found === null && open === undefined ? line : '');
    if (found !== null && open === undefined)
      open = { info: (found[1] ?? '').trim(), line: index + 1, lines: [] };
    else if (found !== null && open !== undefined) {
      blocks.push({ info: open.info, line: open.line, text: `${open.lines.join('\n')}\n` });
      open = undefined;
    } else open?.lines.push(line);
  });
  if (open !== undefined) throw new Error(`the block of line ${open.line} has no end`);
  return { blocks, rest };
}

export const blocksOf = (text: string): Block[] => split(text).blocks;

/** Code within sentences. */
export const inlineOf = (text: string): string[] =>
  [
    ...split(text)
      .rest.join('\n')
      .matchAll(/`([^`\n]+)`/g),
  ].map(([, code]) => code ?? '');

export const linksOf = (text: string): string[] =>
  [
    ...split(text)
      .rest.join('\n')
      .replaceAll(/`[^`\n]*`/g, 'code')
      .matchAll(/\]\(([^)\s]+)\)/g),
  ].map(([, link]) => link ?? '');

/** The anchors of the headings, as GitHub makes them. */
export const slugsOf = (text: string): string[] =>
  split(text).rest.flatMap((line) => {
    const title = /^#+ (.+)$/.exec(line)?.[1];
    if (title === undefined) return [];
    return [
      title
        .toLowerCase()
        .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
        .replaceAll(' ', '-'),
    ];
  });

/** The rows of the first table, without its head. */
export function tableOf(text: string): string[][] {
  const lines = split(text).rest;
  const start = lines.findIndex((line) => line.startsWith('|'));
  if (start < 0) return [];
  const length = lines.slice(start).findIndex((line) => !line.startsWith('|'));
  return lines.slice(start + 2, length < 0 ? undefined : start + length).map((line) =>
    line
      .slice(1, -1)
      .split('|')
      .map((cell) => cell.trim()),
  );
}
