import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { machineEnv } from '../../scripts/machine-env.ts';
import { patchHeader } from '../../scripts/patch-header.ts';
import { applyPatch, copyTree } from '../../scripts/tree-copy.ts';
import { sandbox } from '../cluster/ket.ts';
import { endStage, openStage } from '../injector/stage.ts';

/**
 * Proves that the injector finds bugs: each patch of bugs/ puts one into a copy of the tree, and the rounds that it names
 * must turn red there, saying what it says, after they were right without it.
 * `node __tests__/injector-bugs/main.ts [name…]` tries those whose name begins so; without a name all.
 */
const root = path.join(import.meta.dirname, '..', '..');
/** The one whose rounds the patches name. */
const seed = '10';
const limitMs = 15 * 60_000;

interface Bug {
  readonly name: string;
  readonly file: string;
  readonly rounds: readonly string[];
  /** What the invariant must say. */
  readonly red: RegExp;
}

const folder = path.join(import.meta.dirname, 'bugs');
const wanted = process.argv.slice(2);
const bugs = fs
  .readdirSync(folder)
  .filter((name) => wanted.length === 0 || wanted.some((start) => name.startsWith(start)))
  .map((name) => readBug(path.join(folder, name)));
if (bugs.length === 0) {
  process.stderr.write(`no such bug; there are: ${fs.readdirSync(folder).join(', ')}\n`);
  process.exit(2);
}

Object.assign(process.env, machineEnv(root, 'test'), { KET_SOURCE: '1' });
const copy = fs.mkdtempSync(path.join(os.tmpdir(), 'ket-bugs-'));
const box = sandbox();
let caught = 0;
try {
  copyTree(root, copy);
  const rounds = [...new Set(bugs.flatMap((bug) => bug.rounds))];
  const before = play(rounds);
  if (before.status !== 0) throw new Error(`red without any bug:\n${before.said}`);
  process.stdout.write(`without any bug:\n${before.said}`);
  for (const bug of bugs) {
    const began = performance.now();
    const fault = faultOf(bug);
    const seconds = ((performance.now() - began) / 1000).toFixed(1);
    if (fault === undefined) caught += 1;
    const head = fault === undefined ? 'caught' : 'NOT CAUGHT';
    process.stdout.write(
      `${head}: ${bug.name} (rounds ${bug.rounds.join(', ')}; ${seconds} s)\n${fault ?? ''}`,
    );
  }
} finally {
  if (fs.existsSync(path.join(box.home, 'cluster.json'))) await endStage(await openStage(box));
  box.remove();
  fs.rmSync(copy, { recursive: true, force: true });
}
process.stdout.write(`${caught} caught, ${bugs.length - caught} not\n`);
process.exitCode = caught === bugs.length ? 0 : 1;

/** Why a bug was not caught; undefined when it was. */
function faultOf(bug: Bug): string | undefined {
  const refused = applyPatch(copy, bug.file);
  if (refused !== '') return `the patch does not apply:\n${refused}\n`;
  const { status, said } = play(bug.rounds);
  applyPatch(copy, bug.file, ['-R']);
  clean();
  const red = said.split('\n').some((line) => line.startsWith('      ') && bug.red.test(line));
  return status === 1 && red ? undefined : `it must say ${String(bug.red)}, and says:\n${said}`;
}

/** Plays rounds with the copy, on the cluster that stays. */
function play(rounds: readonly string[]): { status: number | null; said: string } {
  const main = path.join(copy, '__tests__', 'injector', 'main.ts');
  const args = ['--disable-warning=ExperimentalWarning', main, '--seed', seed, '--only', rounds.join(',')];
  const { status, stdout, stderr } = spawnSync(process.execPath, [...args, '--box', box.home], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: limitMs,
  });
  return { status, said: stdout + stderr };
}

/** A ket with a bug may leave things that only a whole one removes; the namespaces of its attempts are all it made. */
function clean(): void {
  const direct = path.join(box.home, 'direct.yaml');
  const kubectl = (...args: readonly string[]): void => {
    spawnSync('kubectl', ['--kubeconfig', direct, 'delete', ...args, '-l', 'ket.dev/run'], {
      stdio: 'ignore',
    });
  };
  kubectl('pods', '--all-namespaces', '--grace-period=0', '--force');
  kubectl('namespaces', '--timeout=60s');
  spawnSync(path.join(root, 'bin', 'ket'), ['cleanup'], {
    env: { ...process.env, ...box.env },
    stdio: 'ignore',
  });
}

function readBug(file: string): Bug {
  const header = patchHeader(file, fs.readFileSync(file, 'utf8'));
  const rounds = header('rounds').split(/, */);
  return { name: path.basename(file, '.patch'), file, rounds, red: new RegExp(header('red')) };
}
