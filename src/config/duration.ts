/**
 * Durations as people write them. A unit is always named: a bare number would be seconds to one reader and minutes
 * to the next. A limit is never infinite, so neither is a duration.
 */
const units = { h: 3_600_000, m: 60_000, s: 1000, ms: 1 } as const;

export const durationPattern = /^(?=\d)(?:\d+h)?(?:\d+m(?!s))?(?:\d+s)?(?:\d+ms)?$/;

/** Longer than any run should take, and far below where a timer overflows. */
const longestMs = 24 * units.h;

/** The ms that a text says; undefined when it is not a duration. */
export function parseDuration(text: string): number | undefined {
  if (!durationPattern.test(text)) return undefined;
  let total = 0;
  for (const [, number, unit] of text.matchAll(/(\d+)(ms|h|m|s)/g))
    total += Number(number) * units[unit as keyof typeof units];
  return total;
}

/** The ms of a text that was checked before. */
export function msOf(text: string): number {
  const value = parseDuration(text);
  if (value === undefined) throw new Error(`the schema let "${text}" pass as a duration`);
  return value;
}

/** The shortest text that says so many ms: 90000 is `1m30s`. */
export function formatDuration(ms: number): string {
  let rest = Math.round(ms);
  let text = '';
  for (const [unit, size] of Object.entries(units)) {
    const count = Math.floor(rest / size);
    if (count > 0) text += `${count}${unit}`;
    rest -= count * size;
  }
  return text === '' ? '0s' : text;
}

/** What is wrong with a text as a limit; undefined when nothing is. */
export const durationProblem = (text: string): string | undefined =>
  problemOf(text, longestMs, 'a limit', 'every limit');

/** A soak is no limit of anything that could be stuck, and may last for days. */
const longestSoakMs = 7 * 24 * units.h;

/** What is wrong with a text as the time of a soak; undefined when nothing is. */
export const soakProblem = (text: string): string | undefined =>
  problemOf(text, longestSoakMs, 'a soak', 'a soak');

function problemOf(text: string, mostMs: number, what: string, zero: string): string | undefined {
  const ms = parseDuration(text);
  if (ms === undefined) {
    if (/^\d+(\.\d+)?$/.test(text)) return numberAsDuration(Number(text));
    return `"${text}" is not a duration; write it like 30s, 5m, 1h30m or 500ms`;
  }
  if (ms === 0) return `"${text}" is no time at all; ${zero} is longer than that`;
  if (ms > mostMs)
    return `"${text}" is too long: ${what} is at most ${formatDuration(mostMs)}, and never infinite`;
  return undefined;
}

/** The cure for a number without a unit, which is most often meant as seconds. */
export function numberAsDuration(value: number): string {
  if (!Number.isFinite(value) || value <= 0)
    return `${value} is not a duration; a limit is more than nothing and never infinite: write it like 30s or 5m`;
  return `${value} has no unit; write "${formatDuration(value * 1000)}" if seconds are meant`;
}
