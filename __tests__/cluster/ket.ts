import { spawn, execFileSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { namespaceGone } from '../../src/kube/await-gone.ts';
import { connect } from '../../src/kube/connect.ts';
import { realClock } from '../../src/tools/clock.ts';
import type { EventBody, RunEvent } from '../../src/model/events.ts';
import type { Made } from '../../src/model/state.ts';
import type { RunState } from '../../src/pipeline/state.ts';

type KindCluster = Extract<Made, { type: 'kind-cluster' }>;

/** How cluster tests drive ket: as a user does, through bin/ket, in a folder of their own. */

export const root = path.join(import.meta.dirname, '..', '..');
export const fixture = path.join(import.meta.dirname, 'fixture');

/** A user's machine in miniature: home, state and cache apart from the real ones. */
export interface Sandbox {
  readonly home: string;
  readonly env: Readonly<Record<string, string>>;
  /** The state files, by name. */
  states(): string[];
  remove(): void;
}

/** In a folder that is there already, or in a new one. */
export function sandbox(home = fs.mkdtempSync(path.join(os.tmpdir(), 'ket-test-'))): Sandbox {
  fs.mkdirSync(home, { recursive: true });
  const state = path.join(home, 'state');
  return {
    home,
    env: { HOME: home, XDG_STATE_HOME: state, XDG_CACHE_HOME: path.join(home, 'cache') },
    states() {
      const runs = path.join(state, 'ket', 'runs');
      return fs.existsSync(runs) ? fs.readdirSync(runs).filter((name) => name.endsWith('.json')) : [];
    },
    remove: () => fs.rmSync(home, { recursive: true, force: true }),
  };
}

export interface Ran {
  readonly code: number | null;
  readonly stderr: string;
  readonly stdout: string;
  /** The run's folder; empty when there was none. */
  readonly folder: string;
  readonly events: readonly RunEvent[];
  readonly ms: number;
}

export interface KetOptions {
  readonly args: readonly string[];
  readonly cwd: string;
  readonly box: Sandbox;
  readonly env?: Readonly<Record<string, string>>;
  /** Called for each event as it is written, with the process of ket. */
  readonly onEvent?: (event: RunEvent, pid: number) => void;
  /** Called for each line of stdout. */
  readonly onLine?: (line: string, pid: number) => void;
  readonly limitMs?: number;
  /** For runs that are to know of each other; else each has one of its own. */
  readonly output?: string;
  /** False for runs that print more than a string can hold. */
  readonly keepStdout?: boolean;
  /** What starts it, with its arguments; it is started by itself unless given. */
  readonly via?: readonly string[];
}

/** Runs ket to its end and reads what it left. */
export async function ket(options: KetOptions): Promise<Ran> {
  const began = Date.now();
  const own = `out-${began}-${Math.round(Math.random() * 1e6)}`;
  const output = options.output ?? path.join(options.box.home, own);
  const runs = ['run', 'up', 'check'].includes(options.args[0] ?? '');
  const args = [...options.args];
  if (runs) args.splice(1, 0, '--output', output, '--format', 'json');
  const [program = '', ...words] = [...(options.via ?? []), path.join(root, 'bin', 'ket'), ...args];
  const child = spawn(program, words, {
    cwd: options.cwd,
    env: { ...process.env, ...options.box.env, ...options.env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let stdout = '';
  let stderr = '';
  let rest = '';
  child.stdout.on('data', (chunk: Buffer) => {
    if (options.keepStdout !== false) stdout += chunk.toString();
    if (!runs && options.onLine === undefined) return;
    const lines = (rest + chunk.toString()).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) options.onLine?.(line, child.pid ?? 0);
    if (!runs) return;
    for (const line of lines) options.onEvent?.(JSON.parse(line) as RunEvent, child.pid ?? 0);
  });
  child.stderr.on('data', (chunk: Buffer) => {
    stderr += chunk.toString();
  });
  const timer = setTimeout(() => child.kill('SIGKILL'), options.limitMs ?? 300_000);
  const code = await new Promise<number | null>((resolve) => child.once('close', (c) => resolve(c)));
  clearTimeout(timer);
  const folder = fs.existsSync(path.join(output, 'latest'))
    ? fs.realpathSync(path.join(output, 'latest'))
    : '';
  return { code, stderr, stdout, folder, events: readEvents(folder), ms: Date.now() - began };
}

export function readEvents(folder: string): RunEvent[] {
  const file = path.join(folder, 'events.ndjson');
  if (folder === '' || !fs.existsSync(file)) return [];
  return fs
    .readFileSync(file, 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as RunEvent);
}

type Of<Type extends EventBody['type']> = Extract<RunEvent, { type: Type }>;

export const eventsOf = <Type extends EventBody['type']>(ran: Ran, type: Type): Of<Type>[] =>
  ran.events.filter((event): event is Of<Type> => event.type === type);

/** The verdict of a suite's last attempt. */
export function attemptOf(ran: Ran, suite: string): Of<'attempt-ended'> {
  const found = eventsOf(ran, 'attempt-ended').findLast((event) => event.suite === suite);
  if (found === undefined)
    throw new Error(`suite ${suite} has no attempt that ended\n${ran.stderr.slice(-3000)}`);
  return found;
}

/** The containers of all clusters of the runs whose ids stand in the text: others may test on the same Docker. */
export function containersOf(text: string): string[] {
  const runs = [...new Set(text.match(/\d{4}-\d{6}-[0-9a-f]{4}/g))];
  if (runs.length === 0) throw new Error(`there is no run's id in: ${text.slice(-1000)}`);
  const format = '{{.Label "io.x-k8s.kind.cluster"}} {{.Names}}';
  const argv = ['ps', '-a', '--filter', 'label=io.x-k8s.kind.cluster', '--format', format];
  const lines = execFileSync('docker', argv, { encoding: 'utf8' }).split('\n');
  return lines.filter((line) => runs.some((run) => line.includes(run)));
}

export function kubectl(kubeconfig: string, ...args: string[]): string {
  return execFileSync('kubectl', ['--kubeconfig', kubeconfig, ...args], { encoding: 'utf8' });
}

export const readJson = (file: string): unknown => JSON.parse(fs.readFileSync(file, 'utf8'));

const ofEveryCluster = ['default', 'kube-node-lease', 'kube-public', 'kube-system', 'local-path-storage'];

/**
 * Names of the namespaces in a Kind cluster besides its own and those given, once those that are being deleted are
 * gone; one that does not go is an error that says what keeps it.
 */
export async function namespacesBut(kubeconfig: string, ...known: string[]): Promise<string[]> {
  const kube = await connect({ kubeconfig });
  try {
    const clock = realClock;
    const all = await kube.list({ apiVersion: 'v1', kind: 'Namespace' });
    const others = all
      .flatMap(({ metadata }) => metadata?.name ?? [])
      .filter((name) => !ofEveryCluster.includes(name) && !known.includes(name));
    for (const name of others) await namespaceGone(kube, name, { clock, limitMs: 60_000, code: 'KET_STATE' });
    const there = await kube.list({ apiVersion: 'v1', kind: 'Namespace' });
    return there.flatMap(({ metadata }) => metadata?.name ?? []).filter((name) => others.includes(name));
  } finally {
    kube.close();
  }
}

/** `ket up` of a tier: the cluster that stays until `ket down`, as the state of its run lists it. */
export async function up(
  tier: string,
  cwd: string,
  box: Sandbox,
  env: Readonly<Record<string, string>> = {},
): Promise<KindCluster> {
  const { code, stderr } = await ket({ args: ['up', '--tier', tier], cwd, box, env });
  const [state = ''] = box.states();
  const { made } = (
    code === 0 ? readJson(path.join(box.home, 'state', 'ket', 'runs', state)) : { made: [] }
  ) as RunState;
  const cluster = made.find((one) => one.type === 'kind-cluster');
  if (cluster === undefined || stderr !== '') throw new Error(`ket up ended with ${String(code)}: ${stderr}`);
  return cluster;
}
