import { formatMs } from '../model/format.ts';

export interface Since {
  /** The same lines, each with how long its subject has been lacking. `now` in ms, by one clock. */
  look(lines: readonly string[], now: number): string[];
}

/** A line may change from second to second; what it is about stands before its first colon. */
const subjectOf = (line: string): string => line.split(': ')[0] ?? line;

/** In steps: each of them is a word to all who listen. */
const stepMs = 5000;

/** Remembers since when each subject of what is awaited has been there without a break. */
export function sinceWhen(): Since {
  const first = new Map<string, number>();
  return {
    look(lines, now) {
      const subjects = new Set(lines.map(subjectOf));
      for (const known of first.keys()) if (!subjects.has(known)) first.delete(known);
      return lines.map((line) => {
        const began = first.get(subjectOf(line)) ?? now;
        first.set(subjectOf(line), began);
        const ms = Math.floor((now - began) / stepMs) * stepMs;
        return ms === 0 ? line : `${line}, since ${formatMs(ms)}`;
      });
    },
  };
}
