import crypto from 'node:crypto';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { Commands } from './commands.ts';
import {
  contentsOf,
  deliverBy,
  forget,
  makeImage,
  makeRegistry,
  ways,
  wayTitles,
  type Way,
} from './delivery-ways.ts';
import { median, seconds, spread } from './figures.ts';
import { describeMachine, load, quiet } from './machine.ts';
import { aligned, mustHaveMarkers, writeBetweenMarkers } from './table.ts';

/**
 * Measures how an image comes to the nodes of a cluster of three (docs/performance.md). `node bench/delivery.ts
 * [--rounds N] [--size MB] [--only WAY,…] [--busy]`; with fewer than 3 rounds, a choice of ways, another size or on a
 * machine that is not waited for (`--busy`) nothing is written.
 */
const root = path.join(import.meta.dirname, '..');
const docs = path.join(root, 'docs', 'performance.md');
const markers = 'bench:delivery';
const publishedRounds = 3;
const publishedSize = 1000;
const restMs = 3000;
/** Until the pods of a new cluster run. */
const settleMs = 10_000;
const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '3' },
    size: { type: 'string', default: String(publishedSize) },
    only: { type: 'string', default: ways.join(',') },
    busy: { type: 'boolean', default: false },
  },
});
const rounds = Number(values.rounds);
const size = Number(values.size);
const only = ways.filter((way) => values.only.split(',').includes(way));
const needsRegistry = only.some((way) => ['ket', 'registry', 'registry-floor'].includes(way));
const stop = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const)
  process.on(signal, () => stop.abort(new Error(`stopped by ${signal}`)));

interface Row {
  readonly at: string;
  readonly round: number;
  readonly way: Way;
  readonly ms: number;
  readonly load: number;
}

const box = fs.mkdtempSync(path.join(os.tmpdir(), 'ket-bench-'));
const commands = new Commands(
  path.join(box, 'commands.log'),
  { KUBECONFIG: path.join(box, 'kubeconfig') },
  stop.signal,
);
const cluster = `bench-${crypto.randomBytes(3).toString('hex')}`;
const rows: Row[] = [];
let image: string | undefined;
let registry: string | undefined;
try {
  mustHaveMarkers(docs, markers);
  const nodeImage = process.env['KET_NODE_IMAGE'];
  const machine = await describeMachine(commands, nodeImage);
  say(machine);
  image = await makeImage(commands, path.join(box, 'image'), size);
  registry = needsRegistry ? await makeRegistry(commands, path.join(box, 'registry')) : undefined;
  await commands.run([
    ...['kind', 'create', 'cluster', '--name', cluster],
    ...['--config', path.join(root, 'kind-configs', 'e2e.yaml'), '--wait', '3m'],
    ...(nodeImage === undefined ? [] : ['--image', nodeImage]),
  ]);
  const nodes = ['control-plane', 'worker', 'worker2'].map((role) => `${cluster}-${role}`);
  const place = { commands, cluster, nodes, image, registry, signal: stop.signal };
  await sleep(settleMs, undefined, { signal: stop.signal });
  const before = await contentsOf(place);
  for (let round = 1; round <= rounds; round++)
    for (const way of shuffled(only)) {
      if (values.busy) await sleep(restMs, undefined, { signal: stop.signal });
      else await quiet(stop.signal);
      const row = { at: new Date().toISOString(), round, way, load: load() };
      const ms = await deliverBy(way, place);
      rows.push({ ...row, ms });
      say(`round ${String(round)}: ${way}: ${seconds(ms)} s, load before ${row.load.toFixed(1)}`);
      await forget(place, way, before);
    }
  const text = table();
  process.stdout.write(`${text}\n`);
  if (rounds >= publishedRounds && only.length === ways.length && size === publishedSize && !values.busy)
    publish(text, machine);
} finally {
  const after = commands.uninterrupted();
  await after.attempt(['kind', 'delete', 'cluster', '--name', cluster]);
  for (const made of [image, registry])
    if (made !== undefined) await after.attempt(['docker', 'image', 'rm', made]);
  fs.rmSync(box, { recursive: true });
}

/** Ratios are taken within a round, whose runs met the most alike load. */
function table(): string {
  const of = (way: Way): readonly Row[] => rows.filter((row) => row.way === way);
  const ratios = (way: Way, base: Way): string => {
    const found = of(way).flatMap((row) =>
      of(base).flatMap((other) => (other.round === row.round ? row.ms / other.ms : [])),
    );
    return way === base || found.length === 0
      ? ''
      : `${median(found).toFixed(2)} (${Math.min(...found).toFixed(2)}–${Math.max(...found).toFixed(2)})`;
  };
  return aligned([
    [
      `${String(size)} MB`,
      'seconds',
      'MB/s',
      'of `kind load`',
      'of `kind load --nodes`',
      'of the floor of a stream',
      'of the floor of a registry',
    ],
    ...only.map((way) => {
      const times = of(way).map(({ ms }) => ms);
      return [
        wayTitles[way],
        `${seconds(median(times))} (${spread(times)})`,
        (size / (median(times) / 1000)).toFixed(0),
        ratios(way, 'kind'),
        ratios(way, 'kind-nodes'),
        ratios(way, 'floor'),
        ratios(way, 'registry-floor'),
      ];
    }),
  ]);
}

function publish(text: string, machine: string): void {
  const date = new Date().toISOString().slice(0, 10);
  const name = `${date}-${String(os.cpus().length)}c-delivery.csv`;
  const lines = rows.map((row) =>
    [row.at, row.round, row.way, size, row.ms.toFixed(0), row.load.toFixed(2)].join(','),
  );
  const head = 'at,round,way,size_mb,ms,load_before';
  fs.writeFileSync(path.join(root, 'bench', 'results', name), `${[head, ...lines].join('\n')}\n`);
  const loads = rows.map((row) => row.load);
  const facts = `${date}, ${machine}; ${String(rounds)} rounds, load average before a run ${Math.min(...loads).toFixed(1)} to ${Math.max(...loads).toFixed(1)}.\nRaw figures: [bench/results/${name}](../bench/results/${name}).`;
  writeBetweenMarkers(docs, `${facts}\n\n${text}`, markers);
  say(`written: bench/results/${name}, docs/performance.md`);
}

/** Fisher–Yates. */
function shuffled<T>(of: readonly T[]): T[] {
  const left = [...of];
  return of.flatMap(() => left.splice(crypto.randomInt(left.length), 1));
}

function say(text: string): void {
  process.stderr.write(`${text}\n`);
}
