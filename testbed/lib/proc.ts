/** Runs programs: arguments as a list, never a shell, all output to a log file. */
import { spawn, spawnSync } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { createReadStream, createWriteStream, readFileSync } from 'node:fs';
import { appendFile } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import { finished } from 'node:stream/promises';

export interface RunOptions {
  readonly log: string;
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** A file that becomes the program's standard input. */
  readonly stdinFile?: string;
  /** Another program whose output becomes the standard input: [file, ...args]. */
  readonly pipeFrom?: readonly string[];
}

/** A program that failed, with what a reader needs to go on. */
export class CommandError extends Error {
  readonly command: string;
  readonly log: string;
  constructor(command: string, log: string, why: string) {
    super(`${command}: ${why}`);
    this.command = command;
    this.log = log;
  }
}

const children = new Set<ChildProcess>();

/** Makes an interrupt end what was started too, the daemon excepted. */
export function endChildrenOnSignal(): void {
  const codes = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const;
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.once(signal, () => {
      for (const child of children) child.kill('SIGTERM');
      process.exit(codes[signal]);
    });
  }
}

/** A command as a person would type it; for messages only. */
export function shown(argv: readonly string[]): string {
  return argv.map((word) => (/^[\w@%+=:,./-]+$/.test(word) ? word : JSON.stringify(word))).join(' ');
}

/** Runs one program to its end; standard output is returned and also logged. */
export async function run(argv: readonly string[], options: RunOptions): Promise<string> {
  const [file, ...args] = argv;
  if (file === undefined) throw new Error('empty command');
  await appendFile(
    options.log,
    `\n$ ${shown(options.pipeFrom ? [...options.pipeFrom, '|', ...argv] : argv)}\n`,
  );
  const log = createWriteStream(options.log, { flags: 'a' });
  const env = { ...process.env, ...options.env };
  const child = spawn(file, args, { cwd: options.cwd, env, stdio: ['pipe', 'pipe', 'pipe'] });
  const ends = [settled(child, shown(argv), options.log)];
  child.stdin.on('error', () => undefined); // the program may end before it reads all
  let source: Readable | undefined;
  if (options.pipeFrom) {
    const [from, ...fromArgs] = options.pipeFrom;
    const feeder = spawn(from ?? '', fromArgs, { cwd: options.cwd, env, stdio: ['ignore', 'pipe', 'pipe'] });
    feeder.stderr.pipe(log, { end: false });
    ends.push(settled(feeder, shown(options.pipeFrom), options.log));
    source = feeder.stdout;
  } else if (options.stdinFile !== undefined) {
    source = createReadStream(options.stdinFile);
  }
  if (source) source.pipe(child.stdin);
  else child.stdin.end();
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text));
  child.stdout.pipe(log, { end: false });
  child.stderr.pipe(log, { end: false });
  try {
    await Promise.all(ends);
  } finally {
    log.end();
    await finished(log);
  }
  return output;
}

function settled(child: ChildProcess, command: string, log: string): Promise<void> {
  children.add(child);
  return new Promise((done, fail) => {
    child.on('error', (error) => fail(new CommandError(command, log, error.message)));
    child.on('close', (code, signal) => {
      children.delete(child);
      if (code === 0) done();
      else fail(new CommandError(command, log, signal ? `ended by ${signal}` : `exit code ${String(code)}`));
    });
  });
}

export interface Answer {
  readonly ok: boolean;
  readonly out: string;
  readonly err: string;
}

/** Asks a quick question of a program; not to be had or too slow is `ok: false`. */
export function ask(
  argv: readonly string[],
  env: Readonly<Record<string, string>> = {},
  limitMs = 20_000,
): Answer {
  const [file, ...args] = argv;
  const result = spawnSync(file ?? '', args, {
    encoding: 'utf8',
    env: { ...process.env, ...env },
    timeout: limitMs,
    maxBuffer: 64 << 20,
  });
  // The types deny it, but a program that could not start has no output at all.
  const text = (value: string | null): string => value ?? '';
  return {
    ok: result.status === 0,
    out: text(result.stdout),
    err: text(result.stderr) || (result.error?.message ?? ''),
  };
}

/** The last lines of a log that hold anything. */
export function tail(file: string, count: number): string[] {
  try {
    return readFileSync(file, 'utf8')
      .split(/[\r\n]+/)
      .filter((line) => line.trim() !== '')
      .slice(-count);
  } catch {
    return [];
  }
}
