import { spawn, type ChildProcess } from 'node:child_process';
import fs from 'node:fs';

export interface RunOptions {
  readonly cwd?: string;
  /** Standard input. */
  readonly input?: string;
  /** Where standard output goes instead of the log. */
  readonly stdoutFile?: string;
  /** With the process that wrote it. */
  readonly onLine?: (line: string, pid: number) => void;
  readonly onErrorLine?: (line: string) => void;
  /** Ends this command alone, besides the signal of all. */
  readonly signal?: AbortSignal;
  /** What asks the command to stop; ket is asked with SIGINT and then removes what it made. */
  readonly stopSignal?: NodeJS.Signals;
}

/** Runs commands one way: argv lists, a log of everything, and an end when the bench is interrupted. */
export class Commands {
  readonly log: string;
  readonly #env: Readonly<Record<string, string>>;
  readonly #signal: AbortSignal | undefined;

  constructor(log: string, env: Readonly<Record<string, string>>, signal?: AbortSignal) {
    this.log = log;
    this.#env = env;
    this.#signal = signal;
  }

  /** The same log and environment, not ended by an interrupt: for cleaning up. */
  uninterrupted(): Commands {
    return new Commands(this.log, this.#env);
  }

  /** Resolves with standard output; throws when the command does not end with 0. */
  async run(argv: readonly string[], options: RunOptions = {}): Promise<string> {
    const { code, stdout, stderr } = await this.attempt(argv, options);
    if (code === 0) return stdout;
    const lines = `${stderr}\n${stdout}`.trim().split('\n').slice(-10);
    throw new Error(`${argv.join(' ')}\nended with ${String(code)}:\n${lines.join('\n')}`);
  }

  async attempt(
    argv: readonly string[],
    options: RunOptions = {},
  ): Promise<{ code: number | string; stdout: string; stderr: string }> {
    const [file, ...args] = argv;
    if (file === undefined) throw new Error('an empty command');
    const signals = [this.#signal, options.signal].filter((each) => each !== undefined);
    for (const signal of signals) signal.throwIfAborted();
    this.#write(`\n${new Date().toISOString()} $ ${argv.join(' ')}\n`);
    const toFile = options.stdoutFile === undefined ? undefined : fs.openSync(options.stdoutFile, 'w');
    const child = spawn(file, args, {
      // A group of its own: Ctrl-C reaches the bench alone, which then decides what is asked to stop, and how.
      detached: true,
      env: { ...process.env, ...this.#env },
      stdio: ['pipe', toFile ?? 'pipe', 'pipe'],
      ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    });
    const stop = (): void => stopGroup(child, options.stopSignal ?? 'SIGTERM');
    for (const signal of signals) signal.addEventListener('abort', stop, { once: true });
    const read = (
      stream: NodeJS.ReadableStream | null,
      onLine?: (line: string, pid: number) => void,
    ): (() => string) => {
      let text = '';
      let rest = '';
      stream?.setEncoding('utf8').on('data', (chunk: string) => {
        text += chunk;
        this.#write(chunk);
        if (onLine === undefined) return;
        const lines = (rest + chunk).split('\n');
        rest = lines.pop() ?? '';
        for (const line of lines) onLine(line, child.pid ?? 0);
      });
      return () => text;
    };
    const stdout = read(child.stdout, options.onLine);
    const stderr = read(child.stderr, options.onErrorLine);
    child.stdin?.on('error', () => undefined).end(options.input ?? '');
    try {
      const code = await new Promise<number | string>((resolve, reject) => {
        child.on('error', (error) => reject(new Error(`${file} could not be started: ${error.message}`)));
        child.on('close', (status, signal) => resolve(status ?? signal ?? 'no status'));
      });
      for (const signal of signals) signal.throwIfAborted();
      return { code, stdout: stdout(), stderr: stderr() };
    } finally {
      if (toFile !== undefined) fs.closeSync(toFile);
      for (const signal of signals) signal.removeEventListener('abort', stop);
    }
  }

  #write(text: string): void {
    fs.appendFileSync(this.log, text);
  }
}

function stopGroup(child: ChildProcess, signal: NodeJS.Signals): void {
  if (child.pid === undefined || child.exitCode !== null) return;
  try {
    process.kill(-child.pid, signal);
  } catch {
    // It has just ended.
  }
}
