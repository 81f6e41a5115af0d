import fs from 'node:fs';
import path from 'node:path';
import { findJUnit } from '../results/junit-find.ts';
import { readJUnit } from '../results/junit-read.ts';
import { DurationSums, type TestDurations } from '../results/test-durations.ts';

/** Runs that are looked at, the latest first. */
const mostRuns = 10;

/** For the durations of tests: so much JUnit of a run, and so long for all of it. */
const junitLimits = { bytes: 64 * 1024 * 1024, ms: 10_000 };

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

/**
 * How long the tests of a suite took in the latest run of the tier in which it had any, passed or not. Of several
 * attempts the one with the most cases tells: a retry may have been of a few. What cannot be read is not known: it only
 * decides about which shard runs a test.
 */
export async function testDurationsOf(output: string, tier: string, suite: string): Promise<TestDurations> {
  const until = performance.now() + junitLimits.ms;
  for (const folder of latestRuns(output)) {
    if (read(path.join(folder, 'timings.json'))?.tier !== tier) continue;
    let most = new DurationSums();
    for (const attempt of foldersIn(path.join(folder, 'suites', suite))) {
      const sums = await sumsIn(attempt, until);
      if (sums.cases > most.cases) most = sums;
    }
    if (most.cases > 0) return most.sums();
    if (performance.now() > until) break;
  }
  return new Map();
}

async function sumsIn(folder: string, until: number): Promise<DurationSums> {
  const sums = new DurationSums();
  let room = junitLimits.bytes;
  try {
    for (const file of await findJUnit(folder)) {
      room -= fs.statSync(file).size;
      if (room < 0 || performance.now() > until) break;
      await readJUnit(file, { keep: 0, onCase: (found) => sums.add(found) });
    }
  } catch {
    // A run that is pruned meanwhile, or whose files belong to somebody else.
  }
  return sums;
}

function foldersIn(folder: string): string[] {
  try {
    const folders = fs.readdirSync(folder, { withFileTypes: true }).filter((entry) => entry.isDirectory());
    return folders.map(({ name }) => path.join(folder, name));
  } catch {
    return [];
  }
}

function latestRuns(output: string): string[] {
  return foldersIn(output)
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
