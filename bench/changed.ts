import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { buildImages, collect, install, runSuites, type PipelineOptions } from './by-pipeline.ts';
import { Commands } from './commands.ts';
import { median, seconds, spread } from './figures.ts';
import { stream } from './floor/run.ts';
import { describeMachine, load, quiet } from './machine.ts';
import { tier, writeProject } from './project.ts';
import { aligned, mustHaveMarkers, writeBetweenMarkers } from './table.ts';
import { readWork, type Work } from './work.ts';

/**
 * Measures the way from a changed source file to all verdicts on a cluster that is there: `ket run` after `ket up`,
 * against build, load, upgrade, apply, wait and collect by hand (docs/performance.md). `node bench/changed.ts
 * [--rounds N]`; with fewer than 3 rounds nothing is written.
 */
const root = path.join(import.meta.dirname, '..');
const docs = path.join(root, 'docs', 'performance.md');
const markers = 'bench:changed';
const publishedRounds = 3;
const ways = ['ket', 'by hand', 'floor'] as const;
type Way = (typeof ways)[number];
const { values } = parseArgs({ options: { rounds: { type: 'string', default: '3' } } });
const rounds = Number(values.rounds);
const stop = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const)
  process.on(signal, () => stop.abort(new Error(`stopped by ${signal}`)));

const box = fs.mkdtempSync(path.join(os.tmpdir(), 'ket-bench-'));
const kubeconfig = path.join(box, 'kubeconfig');
const env = { XDG_STATE_HOME: path.join(box, 'state'), KUBECONFIG: kubeconfig };
const commands = new Commands(path.join(box, 'commands.log'), env, stop.signal);
const ket = path.join(root, 'bin', 'ket');
const example = path.join(box, 'examples', 'fastapi-postgres');
const runs: { round: number; way: Way; at: string; ms: number; load: number }[] = [];
let changes = 0;
try {
  mustHaveMarkers(docs, markers);
  fs.cpSync(path.join(root, 'examples', 'fastapi-postgres'), example, {
    recursive: true,
    filter: (source) => path.basename(source) !== 'ket-results',
  });
  fs.cpSync(path.join(root, 'kind-configs'), path.join(box, 'kind-configs'), { recursive: true });
  const config = writeProject(box, example, 1);
  const work = readWork(config, tier);
  const machine = await describeMachine(commands, process.env['KET_NODE_IMAGE']);
  say(machine);
  await commands.run([ket, 'up', '--config', config, '--output', path.join(box, 'up')]);
  const cluster = takeKubeconfig();
  // By hand there is a release already too.
  for (const release of work.releases) await install(commands, work, release);
  for (let round = 1; round <= rounds; round += 1)
    for (const way of ways) {
      // Those of hooks stay: nothing but Helm would make them again.
      const jobs = work.suites.map(({ name }) => `job/${name}`);
      await commands.run([
        ...['kubectl', 'delete', ...jobs, '--ignore-not-found'],
        ...['--wait', '--cascade=foreground'],
      ]);
      await quiet(stop.signal);
      const before = { round, way, at: new Date().toISOString(), load: load() };
      change();
      const folder = path.join(box, `${round}-${way.replace(' ', '-')}`);
      fs.mkdirSync(folder);
      const began = performance.now();
      const end = way === 'ket' ? await withKet(config, folder) : await byHand(work, folder, cluster, way);
      runs.push({ ...before, ms: end - began });
      say(`round ${round}: ${way}: ${seconds(end - began)} s, load before ${before.load.toFixed(1)}`);
    }
  const text = table();
  process.stdout.write(`${text}\n`);
  if (rounds >= publishedRounds) publish(text, machine);
} finally {
  const down = await commands.uninterrupted().attempt([ket, 'down', '--config', path.join(box, 'ket.yaml')]);
  if (down.code === 0 && runs.length === rounds * ways.length)
    fs.rmSync(box, { recursive: true, force: true });
  else say(`ket down ended with ${down.code}: ${down.stderr}\nits folder: ${box}`);
}

/** A file of the service, in which nothing changes but its content. */
function change(): void {
  changes += 1;
  fs.appendFileSync(path.join(example, 'app', 'shop', '__init__.py'), `# change ${changes} ${Date.now()}\n`);
}

/** Of the cluster that `ket up` left, whose name it returns. */
function takeKubeconfig(): string {
  const states = path.join(env.XDG_STATE_HOME, 'ket', 'runs');
  const [file = ''] = fs.readdirSync(states).filter((name) => name.endsWith('.json'));
  const { made } = JSON.parse(fs.readFileSync(path.join(states, file), 'utf8')) as {
    made: { type: string; name: string; kubeconfig: string }[];
  };
  const cluster = made.find(({ type }) => type === 'kind-cluster');
  if (cluster === undefined) throw new Error('ket up made no cluster');
  fs.copyFileSync(cluster.kubeconfig, kubeconfig);
  return cluster.name;
}

/** When the last verdict was told. */
async function withKet(config: string, folder: string): Promise<number> {
  let end = NaN;
  const argv = [ket, 'run', '--config', config, '--output', folder, '--keep', 'never', '--format', 'json'];
  await commands.run(argv, {
    stopSignal: 'SIGINT',
    onLine(line) {
      if ((JSON.parse(line) as { type: string }).type === 'suite-ended') end = performance.now();
    },
  });
  return end;
}

/** When the last verdict was known. The floor does at once what can be done at once, and without a look at what has changed. */
async function byHand(work: Work, folder: string, cluster: string, way: Way): Promise<number> {
  const isFloor = way === 'floor';
  const how = isFloor ? 'floor' : 'serial';
  const options: PipelineOptions = { work, folder, nodeImage: undefined, how, signal: stop.signal };
  await buildImages(commands, work, isFloor);
  const built = work.images.filter((image) => image.build !== undefined).map((image) => image.name);
  if (isFloor) await stream(built, [`${cluster}-control-plane`], stop.signal);
  else await commands.run(['kind', 'load', 'docker-image', ...built, '--name', cluster]);
  if (!isFloor) for (const release of work.releases) await install(commands, work, release);
  // The tag is the same, so nothing but this starts the new image.
  await commands.run(['kubectl', 'rollout', 'restart', 'deployment']);
  const names = (await commands.run(['kubectl', 'get', 'deployment', '--output', 'name'])).trim().split('\n');
  for (const name of names) await commands.run(['kubectl', 'rollout', 'status', name, '--timeout=5m']);
  await runSuites(commands, options);
  const end = performance.now();
  for (const release of work.releases) await collect(commands, release, folder);
  return end;
}

function table(): string {
  const of = (way: Way): number[] => runs.filter((run) => run.way === way).map(({ ms }) => ms);
  const titles = { ket: '`ket run` after `ket up`', 'by hand': 'by hand', floor: 'the floor' };
  return aligned([
    ['one source file changed ▸ all verdicts', 'seconds', 'ket as a part of it'],
    ...ways.map((way) => [
      titles[way],
      `**${seconds(median(of(way)))}** (${spread(of(way))})`,
      way === 'ket' ? '' : (median(of('ket')) / median(of(way))).toFixed(2),
    ]),
  ]);
}

function publish(text: string, machine: string): void {
  const date = new Date().toISOString().slice(0, 10);
  const name = `${date}-${os.cpus().length}c-changed.csv`;
  const lines = runs.map(
    ({ at, round, way, ms, load }) => `${at},${round},${way},${ms.toFixed(0)},${load.toFixed(2)}\n`,
  );
  const file = path.join(root, 'bench', 'results', name);
  fs.writeFileSync(file, `at,round,way,wall_ms,load_before\n${lines.join('')}`);
  const facts = `${date}, ${machine}; ${rounds} rounds.\nRaw figures: [bench/results/${name}](../bench/results/${name}).`;
  writeBetweenMarkers(docs, `${facts}\n\n${text}`, markers);
  say(`written: bench/results/${name}, docs/performance.md`);
}

function say(text: string): void {
  process.stderr.write(`${text}\n`);
}
