import fs from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { KetError } from '../model/errors.ts';
import type { Made, StateFile } from '../model/state.ts';

/** What stands in a run's state file. */
export interface RunState {
  readonly v: 1;
  readonly run: string;
  readonly pid: number;
  readonly started: string;
  /** The run's folder. */
  readonly folder: string;
  readonly socket: string;
  readonly made: readonly Made[];
  /** Set when the run ended and left things on purpose. */
  readonly kept?: Kept;
}

export interface Kept {
  /** ISO time after which the next sweep removes it; absent for `ket up`. */
  readonly until?: string;
  /** For `ket up`: which repository and tier find it again. */
  readonly up?: { readonly root: string; readonly tier: string };
}

/** `$XDG_STATE_HOME/ket/runs` (XDG base directory specification). */
export function stateHome(env: Readonly<Record<string, string | undefined>>): string {
  const base = env['XDG_STATE_HOME'];
  const home = env['HOME'] ?? os.homedir();
  return path.join(
    base !== undefined && path.isAbsolute(base) ? base : path.join(home, '.local', 'state'),
    'ket',
    'runs',
  );
}

/** Unix socket paths hold 107 bytes on Linux and 103 on macOS (sun_path). */
const maxSocketPath = 100;

/** The n-th owner of a run listens on its n-th socket; the first is the process that began it. */
function socketPath(home: string, run: string, n: number): string {
  const beside = path.join(home, n === 0 ? `${run}.sock` : `${run}.${String(n)}.sock`);
  if (Buffer.byteLength(beside) <= maxSocketPath) return beside;
  const hash = createHash('sha256').update(beside).digest('hex').slice(0, 16);
  return path.join(os.tmpdir(), `ket-${hash}.sock`);
}

/** The sockets that a run has had. */
function socketsOf(home: string, run: string): string[] {
  const found: string[] = [];
  for (let n = 0; ; n++) {
    const socket = socketPath(home, run, n);
    if (!fs.existsSync(socket)) return found;
    found.push(socket);
  }
}

export interface OpenState extends StateFile {
  readonly file: string;
  keep(kept: Kept): Promise<void>;
  /** Ends the proof of life; removes the file when nothing is listed and nothing is kept. */
  close(): Promise<void>;
}

const bindMs = 50;

/** A run that is a process's own: no other one can own it meanwhile. */
interface Ownership {
  readonly socket: string;
  end(): Promise<void>;
}

/**
 * While a process owns a run it accepts on a Unix socket: that is how others know that it lives, whatever becomes of
 * process ids. A path can be bound once, so of two that want the place of a dead owner one gets it. Undefined when
 * the run has a living owner.
 */
async function own(home: string, run: string): Promise<Ownership | undefined> {
  fs.mkdirSync(home, { recursive: true, mode: 0o700 });
  for (let n = 0; ;) {
    const socket = socketPath(home, run, n);
    if (fs.existsSync(socket)) {
      // Twice: a path is bound a moment before anybody listens there.
      if (await accepts(socket)) return undefined;
      await sleep(bindMs);
      if (await accepts(socket)) return undefined;
      n += 1;
      continue;
    }
    const server = net.createServer((connection) => connection.destroy());
    try {
      await new Promise<void>((resolve, reject) => {
        server.once('error', reject);
        server.listen(socket, resolve);
      });
    } catch (error) {
      // Another one was faster: look at it again.
      if ((error as NodeJS.ErrnoException).code === 'EADDRINUSE') continue;
      throw error;
    }
    server.unref();
    return {
      socket,
      async end() {
        await new Promise<void>((resolve) => server.close(() => resolve()));
        for (const one of [...socketsOf(home, run), socket]) fs.rmSync(one, { force: true });
      },
    };
  }
}

/** Opens the state of a new run. */
export async function openState(home: string, run: string, folder: string): Promise<OpenState> {
  const owner = await own(home, run);
  if (owner === undefined) throw new KetError('KET_STATE', `run ${run} has an owner already`);
  const started = new Date().toISOString();
  const { socket } = owner;
  return opened(home, owner, { v: 1, run, pid: process.pid, started, folder, socket, made: [] });
}

/** Takes over the state of a run whose owner is gone; undefined when another process has it, or nobody any more. */
export async function takeState(home: string, run: string): Promise<OpenState | undefined> {
  const owner = await own(home, run);
  if (owner === undefined) return undefined;
  // Only now: the one that had it may have ended in good order just before.
  const { state } = readStates(home).states.find((entry) => entry.state.run === run) ?? {};
  if (state === undefined) {
    await owner.end();
    return undefined;
  }
  removeHalfWritten(home, run);
  return opened(home, owner, { ...state, pid: process.pid, socket: owner.socket });
}

/** What owners of a run were writing when they died. */
function removeHalfWritten(home: string, run: string): void {
  for (const name of fs.readdirSync(home))
    if (name.startsWith(`${run}.json.`) && name.endsWith('.tmp'))
      fs.rmSync(path.join(home, name), { force: true });
}

function opened(home: string, owner: Ownership, first: RunState): OpenState {
  const file = path.join(home, `${first.run}.json`);
  let state = first;
  let writing: Promise<void> | undefined;
  /** What many change in the same moment is one write, and each of them waits for it. */
  const write = (next: RunState): Promise<void> => {
    state = next;
    writing ??= new Promise((resolve) => setImmediate(resolve)).then(() => {
      writing = undefined;
      writeState(file, state);
    });
    return writing;
  };
  writeState(file, state);
  return {
    file,
    list: () => state.made,
    async add(made) {
      await write({ ...state, made: [...state.made, made] });
    },
    async remove(made) {
      const text = JSON.stringify(made);
      await write({ ...state, made: state.made.filter((other) => JSON.stringify(other) !== text) });
    },
    async keep(kept) {
      await write({ ...state, kept });
    },
    async close() {
      await writing;
      if (state.made.length === 0 && state.kept === undefined) fs.rmSync(file, { force: true });
      await owner.end();
    },
  };
}

/** On disk before it returns: a state that is lost in a crash would be a leftover that nobody knows. */
export function writeState(file: string, state: RunState): void {
  const next = `${file}.${process.pid}.tmp`;
  const fd = fs.openSync(next, 'w', 0o600);
  try {
    fs.writeFileSync(fd, JSON.stringify(state, null, 1));
    fs.fsyncSync(fd);
  } finally {
    fs.closeSync(fd);
  }
  fs.renameSync(next, file);
  const folder = fs.openSync(path.dirname(file), 'r');
  try {
    fs.fsyncSync(folder);
  } finally {
    fs.closeSync(folder);
  }
}

const madeTypes: ReadonlySet<string> = new Set<Made['type']>([
  ...(['kind-cluster', 'container', 'object', 'release', 'folder'] as const),
]);

/** Whether this ket understands all of it: what it does not know how to remove it must not call removed. */
const isState = (value: Partial<RunState>): value is RunState =>
  value.v === 1 &&
  typeof value.socket === 'string' &&
  Array.isArray(value.made) &&
  value.made.every((made: Made) => madeTypes.has(made.type));

/** Reads all state files; one that cannot be read is named, never deleted. */
export function readStates(home: string): {
  states: { file: string; state: RunState }[];
  unreadable: string[];
} {
  const states: { file: string; state: RunState }[] = [];
  const unreadable: string[] = [];
  if (!fs.existsSync(home)) return { states, unreadable };
  for (const name of fs.readdirSync(home).filter((n) => n.endsWith('.json'))) {
    const file = path.join(home, name);
    try {
      const state = JSON.parse(fs.readFileSync(file, 'utf8')) as Partial<RunState>;
      if (isState(state)) states.push({ file, state });
      else unreadable.push(file);
    } catch {
      // Removed by its own run between the listing and the read is no finding.
      if (fs.existsSync(file)) unreadable.push(file);
    }
  }
  return { states, unreadable };
}

/** Whether the process that owns a run still lives: a socket of the run accepts. */
export async function ownerLives(
  home: string,
  { run, socket }: Pick<RunState, 'run' | 'socket'>,
): Promise<boolean> {
  for (const one of new Set([socket, ...socketsOf(home, run)])) if (await accepts(one)) return true;
  return false;
}

/** An answer is due within a second. */
function accepts(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = net.connect({ path });
    const end = (lives: boolean): void => {
      socket.destroy();
      resolve(lives);
    };
    socket.setTimeout(1000, () => end(true));
    socket.once('connect', () => end(true));
    // Only these two prove that nobody listens; anything else (no right to connect …) proves nothing.
    socket.once('error', (error: NodeJS.ErrnoException) =>
      end(!['ECONNREFUSED', 'ENOENT'].includes(error.code ?? '')),
    );
  });
}
