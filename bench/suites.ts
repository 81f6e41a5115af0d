import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { Commands } from './commands.ts';
import { median, p95 } from './figures.ts';
import { describeMachine, load, quiet } from './machine.ts';
import { floor, ketRunOf } from './floor/suites.ts';
import { bare, serial, withKet, type Run } from './suite-runs.ts';
import { shapes, writeProjects } from './suite-shapes.ts';
import { aligned, mustHaveMarkers, writeBetweenMarkers } from './table.ts';

/**
 * Measures what ket adds to suites on a cluster that is there: many short ones, one long one, and the way from the end of
 * a command to its verdict (docs/performance.md). `node bench/suites.ts [--rounds N]`; with fewer than 3 rounds nothing is
 * written.
 */
const root = path.join(import.meta.dirname, '..');
const docs = path.join(root, 'docs', 'performance.md');
const markers = 'bench:suites';
const publishedRounds = 3;
const howTitles = {
  ket: 'ket',
  bare: 'bare Jobs',
  floor: 'the floor',
  serial: 'bare Jobs, one after another',
} as const;
const { values } = parseArgs({ options: { rounds: { type: 'string', default: '3' } } });
const rounds = Number(values.rounds);
const stop = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const)
  process.on(signal, () => stop.abort(new Error(`stopped by ${signal}`)));

const box = fs.mkdtempSync(path.join(os.tmpdir(), 'ket-bench-'));
const env = {
  XDG_STATE_HOME: path.join(box, 'state'),
  XDG_CACHE_HOME: path.join(box, 'cache'),
  KUBECONFIG: path.join(box, 'kubeconfig'),
};
const ket = path.join(root, 'bin', 'ket');
const commands = new Commands(path.join(box, 'commands.log'), env, stop.signal);
const runs: Run[] = [];
try {
  mustHaveMarkers(docs, markers);
  writeProjects(box);
  const machine = await describeMachine(commands, process.env['KET_NODE_IMAGE']);
  say(machine);
  await commands.run([ket, 'up', '--output', path.join(box, 'out')], { cwd: path.join(box, 'up') });
  const cluster = await clusterOf();
  const context = { commands, ket, box, cluster };
  for (let round = 1; round <= rounds; round++) {
    await add(round, () => withKet(context, shapes.twenty));
    await add(round, () => bare(context, shapes.twenty));
    await add(round, async () => {
      const wallMs = await floor(env.KUBECONFIG, ketRunOf(root), shapes.twenty);
      return { shape: shapes.twenty.name, how: 'floor', wallMs, delays: [] };
    });
    await add(round, () => withKet(context, shapes.minute));
    await add(round, () => bare(context, shapes.minute));
    await add(round, () => withKet(context, shapes.sixty));
  }
  // Two minutes and more, and always the same: once is enough.
  await add(1, () => serial(context, shapes.twenty));
  const text = table();
  process.stdout.write(`${text}\n`);
  if (rounds >= publishedRounds) await publish(text, machine);
} finally {
  const down = await commands.uninterrupted().attempt([ket, 'down'], { cwd: path.join(box, 'up') });
  if (down.code === 0) fs.rmSync(box, { recursive: true, force: true });
  else say(`ket down ended with ${down.code}: ${down.stderr}\nits folder: ${box}`);
}

/** What `ket up` made, from its state; kubectl gets the kubeconfig of it. */
async function clusterOf(): Promise<string> {
  const states = path.join(env.XDG_STATE_HOME, 'ket', 'runs');
  const [file = ''] = fs.readdirSync(states).filter((name) => name.endsWith('.json'));
  const { made } = JSON.parse(fs.readFileSync(path.join(states, file), 'utf8')) as {
    made: { type: string; name: string; kubeconfig: string }[];
  };
  const cluster = made.find(({ type }) => type === 'kind-cluster');
  if (cluster === undefined) throw new Error('ket up made no cluster');
  fs.copyFileSync(cluster.kubeconfig, env.KUBECONFIG);
  return cluster.name;
}

async function add(round: number, measure: () => Promise<Omit<Run, 'at' | 'round' | 'load'>>): Promise<void> {
  // What the run before left to the node to clear away is not this one's work.
  await quiet(stop.signal);
  const before = { at: new Date().toISOString(), round, load: load() };
  const run = { ...before, ...(await measure()) };
  runs.push(run);
  say(
    `round ${round}: ${run.shape} ${run.how}: ${run.wallMs.toFixed(0)} ms, load before ${run.load.toFixed(1)}`,
  );
}

function table(): string {
  const seconds = (ms: number): string => (ms / 1000).toFixed(2);
  const of = (shape: string, how: string): number[] =>
    runs.filter((run) => run.shape === shape && run.how === how).map(({ wallMs }) => wallMs);
  const both = (values: readonly number[]): string[] => [seconds(median(values)), seconds(p95(values))];
  const ratio = (a: readonly number[], b: readonly number[]): string => (median(a) / median(b)).toFixed(2);
  const ms = (values: readonly number[]): string[] => [
    `${Math.round(median(values))} ms`,
    `${Math.round(p95(values))} ms`,
    String(values.length),
  ];
  const delays = runs.flatMap((run) => run.delays);
  const walls: string[][] = [
    ['wall, seconds', 'median', 'p95', 'runs', 'of bare Jobs'],
    ...(['twenty', 'minute', 'sixty'] as const).flatMap((shape) =>
      (['ket', 'bare', 'floor', 'serial'] as const).flatMap((how) => {
        const own = of(shape, how);
        const base = of(shape, 'bare');
        if (own.length === 0) return [];
        const against = base.length === 0 || how === 'bare' ? '' : ratio(own, base);
        return [[`${shapes[shape].title}: ${howTitles[how]}`, ...both(own), String(own.length), against]];
      }),
    ),
  ];
  const ways: string[][] = [
    ['from … to …', 'median', 'p95', 'suites'],
    ['the command has ended ▸ `suite-ended`', ...ms(delays.map(({ endToEvent }) => endToEvent))],
    ['results are here ▸ the verdict', ...ms(delays.map(({ homeToVerdict }) => homeToVerdict))],
    ['collection alone', ...ms(delays.map(({ collection }) => collection))],
  ];
  return `${aligned(walls)}\n\n${aligned(ways)}`;
}

async function publish(text: string, machine: string): Promise<void> {
  const date = new Date().toISOString().slice(0, 10);
  const name = `${date}-${os.cpus().length}c-suites.csv`;
  const head =
    'at,round,shape,how,wall_ms,load_before,suite,end_to_event_ms,home_to_verdict_ms,collection_ms\n';
  const lines = runs.flatMap(({ delays, ...run }) => {
    const start = [run.at, run.round, run.shape, run.how, run.wallMs.toFixed(0), run.load.toFixed(2)];
    const rows = delays.map((one) => [one.suite, one.endToEvent, one.homeToVerdict, one.collection]);
    return (rows.length === 0 ? [['', '', '', '']] : rows).map((row) => `${[...start, ...row].join(',')}\n`);
  });
  fs.writeFileSync(path.join(root, 'bench', 'results', name), head + lines.join(''));
  const loads = runs.map((run) => run.load);
  const spread = `load average before a run ${Math.min(...loads).toFixed(1)} to ${Math.max(...loads).toFixed(1)}`;
  const facts = `${date}, ${machine}; ${rounds} rounds, ${spread}.\nRaw figures: [bench/results/${name}](../bench/results/${name}).`;
  writeBetweenMarkers(docs, `${facts}\n\n${text}`, markers);
  say(`written: bench/results/${name}, docs/performance.md`);
}

function say(text: string): void {
  process.stderr.write(`${text}\n`);
}
