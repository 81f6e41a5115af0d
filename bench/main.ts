import crypto from 'node:crypto';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { byKet } from './by-ket.ts';
import { buildArgv, byPipeline } from './by-pipeline.ts';
import { Commands } from './commands.ts';
import { csv, seconds, type Row } from './figures.ts';
import { busySeconds, describeMachine, load } from './machine.ts';
import { parseOptions, titles, usage, variants, type Options, type Variant } from './options.ts';
import type { Measured } from './stopwatch.ts';
import { mustHaveMarkers, table, writeBetweenMarkers } from './table.ts';
import { tier, writeProject } from './project.ts';
import { readWork, type Work } from './work.ts';

/** Measures the same work done by ket and by the pipeline that people write today (docs/performance.md). */
const root = path.join(import.meta.dirname, '..');
const docs = path.join(root, 'docs', 'performance.md');
const nodeImage = process.env['KET_NODE_IMAGE'];
/** What a variant removes at its end may still keep the disk busy. */
const restMs = 5000;
/** Fewer rounds are a trial, which leaves the published figures alone. */
const publishedRounds = 3;

const stop = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const)
  process.on(signal, () => {
    say(`${signal}: removing what this run made`);
    stop.abort(new Error(`stopped by ${signal}`));
  });

try {
  const options = parseOptions(process.argv.slice(2));
  if (options === 'help') process.stdout.write(usage);
  else await bench(options);
} catch (error) {
  say(`bench: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = stop.signal.aborted ? 130 : 1;
}

async function bench(options: Options): Promise<void> {
  mustHaveMarkers(docs, markersOf(options.nodes));
  const began = new Date().toISOString();
  const folder = path.join(
    root,
    '.cache',
    'bench',
    `${began.replace(/\D/g, '').slice(0, 14)}-${process.pid}`,
  );
  fs.mkdirSync(folder, { recursive: true });
  const config = writeProject(folder, path.join(root, 'examples', 'fastapi-postgres'), options.nodes);
  const work = readWork(config, tier);
  const commands = new Commands(path.join(folder, 'commands.log'), {}, stop.signal);
  const machine = await describeMachine(commands, nodeImage);
  say(`${machine}\nlogs: ${path.relative(root, folder)}`);
  await warmUp(commands, work);
  const rows: Row[] = [];
  for (let round = 1; round <= options.rounds; round++) {
    for (const [index, variant] of shuffled(options.only).entries()) {
      if (rows.length > 0) await sleep(restMs, undefined, { signal: stop.signal });
      const own = path.join(folder, `${round}-${variant}`);
      fs.mkdirSync(own);
      const before = { at: new Date().toISOString(), load: load(), busy: busySeconds() };
      const measured = await measure(variant, config, work, own);
      const busy = busySeconds() - before.busy;
      rows.push({
        ...before,
        ...measured,
        busy,
        round,
        position: index + 1,
        variant,
        cores: os.cpus().length,
      });
      sayRow(rows.at(-1), rows[0]);
      fs.writeFileSync(path.join(folder, 'runs.csv'), csv(rows));
    }
  }
  const text = table(rows);
  process.stdout.write(`\n${text}\n`);
  const whole = options.only.length === variants.length && options.rounds >= publishedRounds;
  if (whole) {
    const bundle = await commands.attempt(['git', 'log', '-1', '--format=%h', '--', 'dist'], { cwd: root });
    const ket = bundle.code === 0 ? `ket as of ${bundle.stdout.trim()}, ` : '';
    publish(rows, text, `${ket}${machine}`, began.slice(0, 10), options.nodes);
  }
}

/** Everything that all variants find alike: built layers in the build cache, other images in Docker. */
async function warmUp(commands: Commands, work: Work): Promise<void> {
  for (const { name, build, dockerfile } of work.images) {
    if (build !== undefined) await commands.run(buildArgv(name, build, dockerfile), { cwd: work.folder });
    else if ((await commands.attempt(['docker', 'image', 'inspect', name])).code !== 0)
      await commands.run(['docker', 'pull', name]);
  }
}

async function measure(variant: Variant, config: string, work: Work, folder: string): Promise<Measured> {
  try {
    if (variant === 'ket') {
      const suites = work.suites.map((suite) => suite.name);
      const ket = path.join(root, 'bin', 'ket');
      return await byKet({ ket, config, tier, suites, folder, signal: stop.signal });
    }
    return await byPipeline({ work, folder, nodeImage, how: variant, signal: stop.signal });
  } catch (error) {
    if (!stop.signal.aborted) {
      const log = fs.readFileSync(path.join(folder, 'commands.log'), 'utf8');
      say(`${log.trim().split('\n').slice(-40).join('\n')}\n${titles[variant]} failed; its log: ${folder}`);
    }
    throw error;
  }
}

/** Fisher–Yates. */
function shuffled<T>(values: readonly T[]): T[] {
  const left = [...values];
  return values.flatMap(() => left.splice(crypto.randomInt(left.length), 1));
}

function sayRow(row: Row | undefined, first: Row | undefined): void {
  if (row === undefined || first === undefined) return;
  if (row.tests !== first.tests)
    throw new Error(`${titles[row.variant]}: ${row.tests} tests passed, but ${first.tests} before`);
  const times = `verdict ${seconds(row.verdict)} s, removed ${seconds(row.removed)} s`;
  say(
    `round ${row.round}: ${titles[row.variant]}: ${row.tests} tests passed, ${times}, load before ${row.load.toFixed(1)}`,
  );
}

function markersOf(nodes: number): string {
  return nodes === 1 ? 'bench' : 'bench:three';
}

function publish(rows: readonly Row[], text: string, measuredOn: string, date: string, nodes: number): void {
  const name = `${date}-${os.cpus().length}c-${nodes}n.csv`;
  fs.writeFileSync(path.join(root, 'bench', 'results', name), csv(rows));
  const rounds = rows.at(-1)?.round ?? 0;
  const facts = [
    `${date}, ${measuredOn}; ${rounds} rounds, ${rows[0]?.tests ?? 0} tests passed in every run.`,
    `Raw figures: [bench/results/${name}](../bench/results/${name}).`,
    'Each figure is the median of the rounds, with the least and the greatest in parentheses.',
  ].join('\n');
  writeBetweenMarkers(docs, `${facts}\n\n${text}`, markersOf(nodes));
  say(`written: bench/results/${name}, docs/performance.md`);
}

function say(text: string): void {
  process.stderr.write(`${text}\n`);
}
