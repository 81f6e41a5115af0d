/** One log, with the name under which its lines are shown. */
export interface LogSource {
  readonly name: string;
  readonly lines: readonly string[];
  /** What a line of it counts at least, e.g. where all of them are warnings. */
  readonly base?: number;
}

/** Words that tell of a cause, strongest first. */
const words: readonly (readonly [RegExp, number])[] = [
  [/no space left|too many open files|out of memory|oom-kill/i, 6],
  [/\bpanic:|level=fatal|\bfatal error\b/i, 5],
  [/failed to run kubelet|command failed|unknown (field|flag)|unsupported|error execution phase/i, 5],
  [/\berror\b/i, 3],
  [/\bfail(ed|ure|s)?\b|cannot|could not|unable to|refused|timed out|denied/i, 2],
  [/\bwarning\b|level=warn/i, 1],
];

/** Of each node, and of no meaning: modules that a container cannot load, and plug-ins that no node uses. */
const noise = /modprobe|skip loading plugin|is not unpacked|oom_score_adj|ignoring/i;

/** Informational lines tell of errors only in words; warnings weigh less than errors. */
function weightOf(line: string, base: number): number {
  if (noise.test(line)) return 0;
  const strong = words.find(([pattern]) => pattern.test(line))?.[1] ?? 0;
  if (/\bI\d{4} \d\d:\d\d|level=(info|debug)/.test(line)) return strong === 6 ? 6 : 0;
  if (/\bE\d{4} \d\d:\d\d|level=error/.test(line)) return Math.max(strong, 3, base);
  if (/\bW\d{4} \d\d:\d\d|level=warn/.test(line)) return Math.min(Math.max(strong, 1), 2);
  return Math.max(strong, base);
}

/** Without times, addresses and ids, so that the same message counts once. */
export function sameMessage(line: string): string {
  return bare(line)
    .replace(/\b[EWIF]\d{4} [\d:.]+ +\d+ /, '')
    .replace(/\d{4}-\d\d-\d\dT[\d:.]+(Z|[+-]\d\d:?\d\d)?/g, '')
    .replace(/\b[0-9a-f]{8,}\b/gi, '')
    .replace(/\d+/g, '0')
    .trim();
}

// eslint-disable-next-line no-control-regex -- colours of systemd
const colours = /\u001b\[[0-9;]*m/g;

/** Without colours, and without the time and host that journalctl writes before each line. */
const bare = (line: string): string =>
  line
    .replace(colours, '')
    .replace(/^[A-Z][a-z]{2} +\d+ [\d:.]+ \S+ /, '')
    .trim();

interface Message {
  readonly line: string;
  readonly weight: number;
  readonly source: number;
  readonly at: number;
  readonly times: number;
}

/** A message that comes again and again, or came at the end, is nearer to the cause than one of the start. */
function importance(message: Message, sources: readonly LogSource[]): number {
  const length = sources[message.source]?.lines.length ?? 1;
  const late = message.at >= length * 0.8 ? 1 : 0;
  return message.weight + late + Math.min(2, Math.log2(message.times) / 2);
}

/** Where little tells of anything, the last lines are shown, but not more than these. */
const fill = 8;

/**
 * The lines that matter most, at most `limit`: those that tell of a cause, each message once and as it came last, in
 * the order of the sources and of their time.
 */
export function pickLines(sources: readonly LogSource[], limit = 20): string[] {
  const messages = new Map<string, Message>();
  sources.forEach(({ lines, base = 0 }, source) => {
    lines.forEach((line, at) => {
      const weight = weightOf(line, line.trim() === '' ? 0 : base);
      if (weight === 0) return;
      const key = `${String(source)} ${sameMessage(line)}`;
      const before = messages.get(key);
      messages.set(key, { line, weight, source, at, times: (before?.times ?? 0) + 1 });
    });
  });
  const chosen = [...messages.values()]
    .sort((a, b) => importance(b, sources) - importance(a, sources) || a.source - b.source || b.at - a.at)
    .slice(0, limit);
  const shown = new Set(messages.keys());
  sources.forEach(({ lines }, source) => {
    for (let at = lines.length - 1; at >= 0 && chosen.length < Math.min(fill, limit); at -= 1) {
      const line = lines[at] ?? '';
      const key = `${String(source)} ${sameMessage(line)}`;
      if (line.trim() === '' || shown.has(key)) continue;
      shown.add(key);
      chosen.push({ line, weight: 0, source, at, times: 1 });
    }
  });
  return chosen
    .sort((a, b) => a.source - b.source || a.at - b.at)
    .map(({ line, source, times }) => {
      const again = times > 1 ? ` (${String(times)} times)` : '';
      return `[${sources[source]?.name ?? ''}] ${shorten(bare(line))}${again}`;
    });
}

const shorten = (line: string): string => (line.length <= 300 ? line : `${line.slice(0, 297)}...`);
