import fs from 'node:fs';
import path from 'node:path';

/** Runs that are looked at, the latest first. */
const mostRuns = 10;

/** Of a file that anybody may have touched. */
interface Timings {
  readonly tier?: unknown;
  readonly attempts?: readonly {
    readonly suite?: unknown;
    readonly ms?: unknown;
    readonly outcome?: unknown;
  }[];
}

/**
 * How long each suite of a tier took when it last passed, in ms, by the timings of the runs whose folders are still
 * there. What cannot be read is not known: it only decides about the order of suites.
 */
export function durationsOf(output: string, tier: string): ReadonlyMap<string, number> {
  const found = new Map<string, number>();
  for (const folder of latestRuns(output)) {
    const timings = read(path.join(folder, 'timings.json'));
    if (timings?.tier !== tier || !Array.isArray(timings.attempts)) continue;
    for (const { suite, ms, outcome } of timings.attempts)
      if (typeof suite === 'string' && typeof ms === 'number' && outcome === 'passed' && !found.has(suite))
        found.set(suite, ms);
  }
  return found;
}

function latestRuns(output: string): string[] {
  if (!fs.existsSync(output)) return [];
  const folders = fs.readdirSync(output, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  return folders
    .map(({ name }) => path.join(output, name))
    .map((folder) => ({ folder, at: fs.statSync(folder, { throwIfNoEntry: false })?.mtimeMs ?? 0 }))
    .sort((a, b) => b.at - a.at)
    .slice(0, mostRuns)
    .map(({ folder }) => folder);
}

function read(file: string): Timings | undefined {
  try {
    return JSON.parse(fs.readFileSync(file, 'utf8')) as Timings;
  } catch {
    return undefined;
  }
}
