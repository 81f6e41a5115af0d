import fs from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { createHash } from 'node:crypto';
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

function socketPath(home: string, run: string): string {
  const beside = path.join(home, `${run}.sock`);
  if (Buffer.byteLength(beside) <= maxSocketPath) return beside;
  const hash = createHash('sha256').update(beside).digest('hex').slice(0, 16);
  return path.join(os.tmpdir(), `ket-${hash}.sock`);
}

export interface OpenState extends StateFile {
  readonly file: string;
  keep(kept: Kept): Promise<void>;
  /** Ends the proof of life; removes the file when nothing is listed and nothing is kept. */
  close(): Promise<void>;
}

/**
 * Opens the state of a new run. While this process lives it accepts on a Unix socket: that is how a later run knows
 * that the owner of a state file is gone, whatever became of process ids.
 */
export async function openState(home: string, run: string, folder: string): Promise<OpenState> {
  fs.mkdirSync(home, { recursive: true, mode: 0o700 });
  const socket = socketPath(home, run);
  const server = net.createServer((connection) => connection.destroy());
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(socket, resolve);
  });
  server.unref();
  const file = path.join(home, `${run}.json`);
  let state: RunState = {
    v: 1,
    run,
    pid: process.pid,
    started: new Date().toISOString(),
    folder,
    socket,
    made: [],
  };
  const write = (next: RunState): void => {
    state = next;
    writeState(file, state);
  };
  write(state);
  return {
    file,
    list: () => state.made,
    async add(made) {
      write({ ...state, made: [...state.made, made] });
    },
    async remove(made) {
      const text = JSON.stringify(made);
      write({ ...state, made: state.made.filter((other) => JSON.stringify(other) !== text) });
    },
    async keep(kept) {
      write({ ...state, kept });
    },
    async close() {
      await new Promise<void>((resolve) => server.close(() => resolve()));
      fs.rmSync(socket, { force: true });
      if (state.made.length === 0 && state.kept === undefined) fs.rmSync(file, { force: true });
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

const madeTypes: ReadonlySet<string> = new Set<Made['type']>(['kind-cluster', 'object', 'release', 'folder']);

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

/** Whether the process that owns a state still lives: its socket accepts. An answer is due within a second. */
export function ownerLives(state: Pick<RunState, 'socket'>): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = net.connect({ path: state.socket });
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
