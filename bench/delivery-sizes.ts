import crypto from 'node:crypto';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { Commands } from './commands.ts';
import { bring, contentsOf, forget, makeImage, makeRegistry, registryOf } from './delivery-ways.ts';
import { median, seconds } from './figures.ts';
import { load } from './machine.ts';
import { aligned } from './table.ts';

/**
 * From which size on a registry brings images faster than a stream: both by ket, alternating, to one, two and three
 * nodes; then the same image with one small layer more, with a registry that has the others, and by a stream. `node
 * bench/delivery-sizes.ts [--sizes MB,…] [--nodes N,…] [--rounds N] [--csv FILE]`; FILE is added to.
 */
const { values } = parseArgs({
  options: {
    sizes: { type: 'string', default: '100,300,1000' },
    nodes: { type: 'string', default: '1,2,3' },
    rounds: { type: 'string', default: '3' },
    csv: { type: 'string' },
  },
});
const numbers = (text: string): number[] => text.split(',').map(Number);
const root = path.join(import.meta.dirname, '..');
const stop = new AbortController();
for (const name of ['SIGINT', 'SIGTERM'] as const)
  process.on(name, () => stop.abort(new Error(`stopped by ${name}`)));

interface Row {
  readonly at: string;
  readonly mb: number;
  readonly nodes: number;
  readonly round: number;
  readonly way: 'stream' | 'registry' | 'again by a stream' | 'again by a registry';
  readonly ms: number;
  readonly load: number;
}

const box = fs.mkdtempSync(path.join(os.tmpdir(), 'ket-bench-'));
const env = { KUBECONFIG: path.join(box, 'kubeconfig') };
const commands = new Commands(path.join(box, 'commands.log'), env, stop.signal);
const cluster = `bench-${crypto.randomBytes(3).toString('hex')}`;
const nodeImage = process.env['KET_NODE_IMAGE'];
const rows: Row[] = [];
const made: string[] = [];
try {
  const registry = await makeRegistry(commands, path.join(box, 'registry'));
  made.push(registry);
  await commands.run([
    ...['kind', 'create', 'cluster', '--name', cluster],
    ...['--config', path.join(root, 'kind-configs', 'e2e.yaml'), '--wait', '3m'],
    ...(nodeImage === undefined ? [] : ['--image', nodeImage]),
  ]);
  const nodes = ['worker', 'worker2', 'control-plane'].map((role) => `${cluster}-${role}`);
  await sleep(10_000, undefined, { signal: stop.signal });
  const before = await contentsOf({ commands, nodes });
  for (const mb of numbers(values.sizes)) {
    const image = await makeImage(commands, path.join(box, 'image'), mb);
    const next = await makeImage(commands, path.join(box, 'image'), 1, image, 1);
    made.unshift(next, image);
    for (let round = 1; round <= Number(values.rounds); round++)
      for (const count of numbers(values.nodes)) {
        const to = nodes.slice(0, count);
        const timed = async (
          way: Row['way'],
          what: string,
          own: ReturnType<typeof registryOf>,
        ): Promise<void> => {
          const row = { at: new Date().toISOString(), mb, nodes: count, round, way, load: load() };
          const began = performance.now();
          const by = way.endsWith('registry') ? 'registry' : 'stream';
          await bring({ image: what, registry, signal: stop.signal }, to, by, own);
          rows.push({ ...row, ms: performance.now() - began });
          const [last] = rows.slice(-1);
          process.stderr.write(
            `${String(mb)} MB, ${String(count)} nodes: ${way}: ${seconds(last?.ms ?? 0)} s\n`,
          );
        };
        const clean = (what: string): Promise<void> =>
          forget({ commands, nodes, image: what }, 'ket', before, to);
        const ways = (['stream', 'registry'] as const).map((way) => async () => {
          const own = registryOf(registry);
          try {
            await timed(way, image, own);
            await timed(`again by a ${way}`, next, own);
          } finally {
            await own.close();
          }
          await clean(next);
        });
        for (const way of (round + count) % 2 === 0 ? ways : ways.reverse()) await way();
      }
  }
} finally {
  const after = commands.uninterrupted();
  await after.attempt(['kind', 'delete', 'cluster', '--name', cluster]);
  for (const image of made) await after.attempt(['docker', 'image', 'rm', '--force', image]);
  fs.rmSync(box, { recursive: true });
  report();
}

function report(): void {
  const cells = rows.map((row) =>
    [row.at, row.mb, row.nodes, row.round, row.way, row.ms.toFixed(0), row.load.toFixed(2)].join(','),
  );
  if (values.csv !== undefined) {
    const head = fs.existsSync(values.csv) ? [] : ['at,mb,nodes,round,way,ms,load_before'];
    fs.appendFileSync(values.csv, `${[...head, ...cells].join('\n')}\n`);
  }
  const groups = new Map(rows.map((row) => [`${String(row.mb)} ${String(row.nodes)}`, row]));
  const lines = [...groups.values()].map(({ mb, nodes }) => {
    const of = (way: Row['way']): readonly Row[] =>
      rows.filter((row) => row.mb === mb && row.nodes === nodes && row.way === way);
    const ratio = (registry: Row['way'], stream: Row['way']): string => {
      const found = of(registry).flatMap((row) =>
        of(stream).flatMap((other) => (other.round === row.round ? row.ms / other.ms : [])),
      );
      if (found.length === 0) return '';
      return `${median(found).toFixed(2)} (${Math.min(...found).toFixed(2)}–${Math.max(...found).toFixed(2)})`;
    };
    return [
      ...[String(mb), String(nodes), ratio('registry', 'stream')],
      ratio('again by a registry', 'again by a stream'),
    ];
  });
  process.stdout.write(
    `${aligned([['MB', 'nodes', 'registry of stream', '… with one layer more'], ...lines])}\n`,
  );
}
