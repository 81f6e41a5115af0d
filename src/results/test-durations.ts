import type { JUnitCase } from './junit-case.ts';

/** How long tests took, in ms, by each name that a runner may know them by. */
export type TestDurations = ReadonlyMap<string, number>;

/**
 * Adds cases up by the names that a list of tests may have for them: their file, their class, and class and name
 * together. Where two kinds have a name in common the longer counts.
 */
export class DurationSums {
  cases = 0;
  readonly #byFile = new Map<string, number>();
  readonly #byClass = new Map<string, number>();
  readonly #byCase = new Map<string, number>();

  add({ name, classname, file, ms }: JUnitCase): void {
    this.cases++;
    if (ms === undefined) return;
    if (file !== undefined) addTo(this.#byFile, file, ms);
    if (classname !== undefined) addTo(this.#byClass, classname, ms);
    addTo(this.#byCase, classname === undefined ? name : `${classname}.${name}`, ms);
  }

  sums(): TestDurations {
    const all = new Map(this.#byFile);
    for (const [name, ms] of [...this.#byClass, ...this.#byCase])
      all.set(name, Math.max(ms, all.get(name) ?? 0));
    return all;
  }
}

function addTo(sums: Map<string, number>, name: string, ms: number): void {
  sums.set(name, (sums.get(name) ?? 0) + ms);
}

/** The last line's worth: seconds, a tab, a newline. */
const lineForOthers = 32;

/**
 * The durations as `ket-run share` reads them, lines `seconds<TAB>name`, the longest first. When there is no room for
 * all, the shortest are left out, and a line without a name has what one of them took on average.
 */
export function durationLines(durations: TestDurations, maxBytes: number): string {
  const longest = [...durations]
    // What is no line cannot be asked for.
    .filter(([name]) => name !== '' && !/[\n\0]/.test(name))
    .map(([name, ms]) => ({ ms, line: lineOf(ms, name) }))
    .sort((a, b) => b.ms - a.ms || (a.line < b.line ? -1 : 1));
  let room = maxBytes - lineForOthers;
  const fitting = longest.findIndex(({ line }) => (room -= Buffer.byteLength(line)) < 0);
  if (fitting < 0) return longest.map(({ line }) => line).join('');
  const others = longest.slice(fitting);
  const mean = others.reduce((sum, { ms }) => sum + ms, 0) / others.length;
  return [...longest.slice(0, fitting).map(({ line }) => line), lineOf(mean, '')].join('');
}

const lineOf = (ms: number, name: string): string => `${(ms / 1000).toFixed(4)}\t${name}\n`;
