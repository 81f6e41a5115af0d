import crypto from 'node:crypto';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { Commands } from './commands.ts';
import { busySeconds, describeMachine, load, quiet } from './machine.ts';
import { candidates, measureOne, none, type Candidate, type SettingRun } from './setting-runs.ts';
import { settingsCsv, settingsTable } from './setting-table.ts';
import { writeProjects } from './suite-shapes.ts';
import { mustHaveMarkers, writeBetweenMarkers } from './table.ts';

/**
 * Measures what each setting for clusters that live for one run gives by itself: the time until a new cluster is ready,
 * and until many suites have their verdict (docs/performance.md). `node bench/settings.ts [--rounds N] [--minutes N]
 * [--only NAME,…]`; with fewer than 2 rounds, or a choice, nothing is written.
 */
const root = path.join(import.meta.dirname, '..');
const docs = path.join(root, 'docs', 'performance.md');
const markers = 'bench:settings';
const publishedRounds = 2;
const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '2' },
    minutes: { type: 'string', default: '30' },
    only: { type: 'string' },
  },
});
const [rounds, minutes] = [Number(values.rounds), Number(values.minutes)];
const chosen = values.only?.split(',').map(candidateOf) ?? candidates;
const stop = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const)
  process.on(signal, () => stop.abort(new Error(`stopped by ${signal}`)));

const box = fs.mkdtempSync(path.join(os.tmpdir(), 'ket-bench-'));
const env = {
  XDG_STATE_HOME: path.join(box, 'state'),
  XDG_CACHE_HOME: path.join(box, 'cache'),
  KUBECONFIG: path.join(box, 'kubeconfig'),
};
const commands = new Commands(path.join(box, 'commands.log'), env, stop.signal);
const runs: SettingRun[] = [];
/** What is left of a log hangs on nothing else: once is enough. */
const logAsked = new Set<string>();
let isDone = false;
try {
  mustHaveMarkers(docs, markers);
  writeProjects(box);
  const machine = await describeMachine(commands, process.env['KET_NODE_IMAGE']);
  say(machine);
  const began = performance.now();
  let longest = 0;
  let round = 0;
  while (round < rounds && performance.now() - began + longest < minutes * 60_000) {
    round += 1;
    const roundBegan = performance.now();
    // Twice without any: how far two runs alike are apart is the noise.
    for (const [index, candidate] of shuffled([none, none, ...chosen]).entries())
      await add(round, index + 1, candidate);
    longest = Math.max(longest, performance.now() - roundBegan);
  }
  if (round < rounds) say(`${round} of ${rounds} rounds: another would not end within ${minutes} minutes`);
  const text = settingsTable(runs);
  process.stdout.write(`${text}\n`);
  if (round >= publishedRounds && values.only === undefined) publish(text, machine, round);
  isDone = true;
} finally {
  if (isDone) fs.rmSync(box, { recursive: true, force: true });
  else say(`what the commands said: ${path.join(box, 'commands.log')}`);
}

async function add(round: number, position: number, candidate: Candidate): Promise<void> {
  // What the cluster before left to the disk is not this one's work; more waiting would be bought with rounds.
  await quiet(stop.signal, 10);
  const before = { at: new Date().toISOString(), round, position, setting: candidate.name, load: load() };
  const busy = busySeconds();
  const asksLog = candidate.asksLog === true && !logAsked.has(candidate.name);
  logAsked.add(candidate.name);
  const context = { commands, root, box, kubeconfig: env.KUBECONFIG, asksLog };
  const measured = await measureOne(context, candidate);
  const run = { ...before, ...measured, busy: busySeconds() - busy };
  runs.push(run);
  fs.mkdirSync(path.join(root, '.cache', 'bench'), { recursive: true });
  fs.writeFileSync(path.join(root, '.cache', 'bench', 'settings.csv'), settingsCsv(runs));
  const log = run.logMiB === undefined ? '' : `, ${run.logMiB.toFixed(0)} MiB of the log left`;
  say(
    `round ${round}: ${run.setting}: ready ${seconds(run.readyMs)} s, verdicts ${seconds(run.verdictsMs)} s${log}, load before ${run.load.toFixed(1)}`,
  );
}

function publish(text: string, machine: string, rounds: number): void {
  const date = new Date().toISOString().slice(0, 10);
  const name = `${date}-${os.cpus().length}c-settings.csv`;
  fs.writeFileSync(path.join(root, 'bench', 'results', name), settingsCsv(runs));
  const loads = runs.map((run) => run.load);
  const spread = `load average before a run ${Math.min(...loads).toFixed(1)} to ${Math.max(...loads).toFixed(1)}`;
  const facts = `${date}, ${machine}; ${rounds} rounds, ${spread}.\nRaw figures: [bench/results/${name}](../bench/results/${name}).`;
  writeBetweenMarkers(docs, `${facts}\n\n${text}`, markers);
  say(`written: bench/results/${name}, docs/performance.md`);
}

function candidateOf(name: string): Candidate {
  const found = candidates.find((candidate) => candidate.name === name.trim());
  if (found === undefined)
    throw new Error(`--only ${name}: there are ${candidates.map((one) => one.name).join(', ')}`);
  return found;
}

/** Fisher–Yates. */
function shuffled<T>(items: readonly T[]): T[] {
  const left = [...items];
  return items.flatMap(() => left.splice(crypto.randomInt(left.length), 1));
}

function seconds(ms: number): string {
  return (ms / 1000).toFixed(1);
}

function say(text: string): void {
  process.stderr.write(`${text}\n`);
}
