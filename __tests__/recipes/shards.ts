import fs from 'node:fs';
import path from 'node:path';
import type { JUnitCase } from '../../src/results/junit-case.ts';
import { findJUnit } from '../../src/results/junit-find.ts';
import { readJUnit } from '../../src/results/junit-read.ts';
import { testDurationsOf } from '../../src/pipeline/durations.ts';
import { durationLines } from '../../src/results/test-durations.ts';
import { runCommand, type Ended } from '../run-command.ts';

/** How recipes are run: as the pods of a suite with shards would, but as processes of this machine. */

export const root = path.join(import.meta.dirname, '..', '..');
const arch = process.arch === 'arm64' ? 'arm64' : 'amd64';
const ketRun = path.join(root, 'dist', 'ket-run', `ket-run-${arch}`);

export interface Shard {
  readonly code: number | null;
  readonly said: string;
  readonly cases: readonly JUnitCase[];
  /** `classname.name` of its cases. */
  readonly names: readonly string[];
  /** What its cases took, s. */
  readonly seconds: number;
}

export interface Project {
  /** With the recipe and some tests. */
  readonly folder: string;
  readonly env?: Readonly<Record<string, string>>;
}

/** Runs the recipe's ket.sh as each of the shards, one after another, and keeps the results as a run of ket would. */
export async function runShards(
  project: Project,
  shards: number,
  run: number,
  env: Readonly<Record<string, string>> = {},
): Promise<Shard[]> {
  const output = path.join(project.folder, 'ket-results');
  const folder = path.join(output, `run-${String(run)}`);
  const durations = path.join(project.folder, 'durations.tsv');
  fs.writeFileSync(durations, durationLines(await testDurationsOf(output, 'e2e', 'suite'), 100_000));
  const all: Shard[] = [];
  for (let shard = 0; shard < shards; shard++) {
    const results = path.join(folder, 'suites', 'suite', 'attempt-1', `shard-${String(shard)}`, 'results');
    fs.mkdirSync(results, { recursive: true });
    const { code, said } = await execute(['sh', './ket.sh'], project, {
      KET_RUN: ketRun,
      KET_SHARD: String(shard),
      KET_SHARDS: String(shards),
      KET_DURATIONS: durations,
      KET_RESULTS: results,
      ...env,
    });
    const cases: JUnitCase[] = [];
    for (const file of await findJUnit(results)) cases.push(...(await readJUnit(file)).cases);
    const names = cases.map(({ classname, name }) => `${classname ?? ''}.${name}`);
    const seconds = cases.reduce((sum, { ms }) => sum + (ms ?? 0) / 1000, 0);
    all.push({ code, said, cases, names, seconds });
  }
  fs.writeFileSync(path.join(folder, 'timings.json'), '{"tier":"e2e"}');
  return all;
}

/** A command in the project's folder, to its end, with the Node that the tests run under. */
export async function execute(
  argv: readonly string[],
  { folder, env = {} }: Project,
  more: Readonly<Record<string, string>> = {},
): Promise<Ended> {
  const PATH = `${path.dirname(process.execPath)}:${process.env['PATH'] ?? ''}`;
  return runCommand(argv, {
    cwd: folder,
    env: { ...process.env, PATH, ...env, ...more },
    limitMs: 300_000,
  });
}
