/** One log, with the name under which its lines are shown. */
export interface LogSource {
  readonly name: string;
  readonly lines: readonly string[];
}

/** Lines that tell of a cause, strongest first. */
const weights: readonly (readonly [RegExp, number])[] = [
  [/no space left|too many open files|out of memory|oom-kill|permission denied|read-only file system/i, 6],
  [/\bpanic\b|\bfatal\b|level=fatal|^F\d{4} /i, 5],
  [
    /failed to run kubelet|command failed|unable to load|invalid|unknown (field|flag)|not supported|unsupported/i,
    5,
  ],
  [/\bE\d{4} \d\d:|level=error|\berror\b|\bERROR\b/i, 3],
  [/\bfail(ed|ure|s)?\b|cannot|could not|unable to|refused|timed out|denied|not ready/i, 2],
  [/level=warn|\bW\d{4} \d\d:|\bwarning\b/i, 1],
];

const score = (line: string): number => weights.find(([pattern]) => pattern.test(line))?.[1] ?? 0;

/** Without times, addresses and ids, so that the same message counts once. */
export function sameMessage(line: string): string {
  return line
    .replace(/^\w{3} +\d+ [\d:.]+ \S+ /, '')
    .replace(/\b[EWIF]\d{4} [\d:.]+ +\d+/g, '')
    .replace(/\d{4}-\d\d-\d\dT[\d:.]+(Z|[+-]\d\d:?\d\d)?/g, '')
    .replace(/\b[0-9a-f]{8,}\b/gi, '')
    .replace(/\d+/g, '0')
    .trim();
}

interface Scored {
  readonly line: string;
  readonly weight: number;
  readonly source: number;
  readonly at: number;
}

/**
 * The lines that matter most, at most `limit`: those that tell of a cause, each message once and as it came last, in
 * the order of the sources and of their time. Where few lines tell of anything, the last lines of the first source
 * fill up.
 */
export function pickLines(sources: readonly LogSource[], limit = 20): string[] {
  const last = new Map<string, Scored>();
  sources.forEach((source, index) => {
    source.lines.forEach((line, at) => {
      const weight = score(line);
      if (weight === 0) return;
      const key = `${index} ${sameMessage(line)}`;
      const before = last.get(key);
      last.set(key, { line, weight: Math.max(weight, before?.weight ?? 0), source: index, at });
    });
  });
  const chosen = [...last.values()]
    .sort((a, b) => b.weight - a.weight || a.source - b.source || b.at - a.at)
    .slice(0, limit);
  const first = sources[0];
  for (let at = (first?.lines.length ?? 0) - 1; at >= 0 && chosen.length < limit; at -= 1) {
    const line = first?.lines[at] ?? '';
    if (line.trim() !== '' && !chosen.some((item) => item.source === 0 && item.at === at))
      chosen.push({ line, weight: 0, source: 0, at });
  }
  return chosen
    .sort((a, b) => a.source - b.source || a.at - b.at)
    .map((item) => `[${sources[item.source]?.name ?? ''}] ${shorten(item.line.trim())}`);
}

const shorten = (line: string): string => (line.length <= 300 ? line : `${line.slice(0, 297)}...`);
