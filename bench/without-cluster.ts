import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { stringify } from 'yaml';
import { Commands } from './commands.ts';
import { median, p95 } from './figures.ts';
import { load } from './machine.ts';
import { aligned, mustHaveMarkers, writeBetweenMarkers } from './table.ts';

/**
 * Measures what ket takes where no cluster is needed: its start, and its greatest resident set (docs/performance.md).
 * `node bench/without-cluster.ts [--rounds N]`; with fewer than 10 rounds nothing is written.
 */
const root = path.join(import.meta.dirname, '..');
const docs = path.join(root, 'docs', 'performance.md');
const markers = 'bench:without';
const publishedRounds = 10;
const { values } = parseArgs({ options: { rounds: { type: 'string', default: '20' } } });
const rounds = Number(values.rounds);

const ket = path.join(root, 'bin', 'ket');
const box = fs.mkdtempSync(path.join(os.tmpdir(), 'ket-bench-'));
const peakFile = path.join(box, 'peak');
const junit = '<testsuite><testcase name="a"/></testsuite>';
const unit = { name: 'unit', command: `echo '${junit}' > junit.xml`, results: ['junit.xml'] };
const floor = path.join(root, 'node_modules', '.floor');
const cases: readonly { readonly title: string; readonly argv: readonly string[] }[] = [
  { title: '`node -e 0`', argv: [process.execPath, '-e', '0'] },
  { title: '`ket --help`', argv: [ket, '--help'] },
  { title: '`ket plan`', argv: [ket, 'plan'] },
  { title: 'the floor of `ket plan`', argv: [process.execPath, path.join(floor, 'index.js')] },
  { title: '`ket run` of a unit tier', argv: [ket, 'run', '--output', path.join(box, 'out')] },
  { title: 'its floor', argv: [process.execPath, path.join(floor, 'index.js'), 'run'] },
];

interface Taken {
  readonly at: string;
  readonly title: string;
  readonly ms: number;
  readonly peakMiB: number;
  readonly load: number;
}

const runs: Taken[] = [];
try {
  mustHaveMarkers(docs, markers);
  bundleFloor();
  fs.writeFileSync(path.join(box, 'ket.yaml'), stringify({ tiers: { unit: { suites: [unit] } } }));
  const env = { XDG_STATE_HOME: path.join(box, 'state'), XDG_CACHE_HOME: path.join(box, 'cache') };
  const plain = new Commands(path.join(box, 'commands.log'), env);
  const counted = new Commands(path.join(box, 'commands.log'), {
    ...env,
    NODE_OPTIONS: `--import=${path.join(import.meta.dirname, 'peak.mjs')}`,
    BENCH_PEAK: peakFile,
  });
  for (let round = 0; round < rounds; round += 1)
    for (const { title, argv } of cases) {
      const before = { at: new Date().toISOString(), title, load: load() };
      const began = performance.now();
      await plain.run(argv, { cwd: box });
      const ms = performance.now() - began;
      // By itself, because what looks at it takes time.
      await counted.run(argv, { cwd: box });
      runs.push({ ...before, ms, peakMiB: Number(fs.readFileSync(peakFile, 'utf8')) / 1024 });
    }
  const text = table();
  process.stdout.write(`${text}\n`);
  if (rounds >= publishedRounds) publish(text);
} finally {
  fs.rmSync(floor, { recursive: true, force: true });
  fs.rmSync(box, { recursive: true, force: true });
}

/** As ket's own programs are made: what is not used of a library costs nothing. */
function bundleFloor(): void {
  const run = (bin: string, ...args: string[]): void => {
    execFileSync(process.execPath, [path.join(root, 'node_modules', bin), ...args], {
      cwd: root,
      stdio: 'ignore',
    });
  };
  const js = path.join(floor, 'js');
  const emit = ['--noEmit', 'false', '--outDir', js, '--rootDir', '.', '--rewriteRelativeImportExtensions'];
  run('typescript/bin/tsc', '--project', 'tsconfig.json', ...emit, '--sourceMap', 'false');
  fs.writeFileSync(path.join(js, 'package.json'), '{"type":"module"}\n');
  const entry = path.join(js, 'bench', 'floor', 'alone.js');
  run(
    '@vercel/ncc/dist/ncc/cli.js',
    'build',
    entry,
    '-o',
    floor,
    '--minify',
    '--target',
    'es2024',
    '--no-cache',
  );
}

function table(): string {
  return aligned([
    ['without a cluster', 'ms', 'p95', 'peak, MiB'],
    ...cases.map(({ title }) => {
      const own = runs.filter((run) => run.title === title);
      const times = own.map(({ ms }) => ms);
      const peak = Math.max(...own.map(({ peakMiB }) => peakMiB));
      return [title, median(times).toFixed(0), p95(times).toFixed(0), peak.toFixed(0)];
    }),
  ]);
}

function publish(text: string): void {
  const date = new Date().toISOString().slice(0, 10);
  const name = `${date}-${os.cpus().length}c-without-cluster.csv`;
  const lines = runs.map(
    ({ at, title, ms, peakMiB, load }) =>
      `${[at, title.replaceAll(/[`,]/g, ''), ms.toFixed(0), peakMiB.toFixed(1), load.toFixed(2)].join(',')}\n`,
  );
  const file = path.join(root, 'bench', 'results', name);
  fs.writeFileSync(file, `at,command,ms,peak_mib,load_before\n${lines.join('')}`);
  const facts = `${date}, Node ${process.version}, ${rounds} rounds.\nRaw figures: [bench/results/${name}](../bench/results/${name}).`;
  writeBetweenMarkers(docs, `${facts}\n\n${text}`, markers);
}
