import { AsyncLocalStorage } from 'node:async_hooks';
import { randomBytes } from 'node:crypto';
import { StringDecoder } from 'node:string_decoder';
import { defuseCommands } from '../report/escape.ts';

/** The part of a stream that printing needs. */
export interface Printer {
  write: NodeJS.WriteStream['write'];
}

export interface CommandGuard {
  /**
   * Runs something that prints workflow commands of ket's own (annotations, groups, masks); until its promise is
   * settled, what it prints is heeded. What others print meanwhile is not.
   */
  own<T>(print: () => T): T;
  /** Gives the streams back, with commands heeded again. Also done when the process exits. */
  release(): void;
}

export interface GuardOptions {
  readonly stdout: Printer;
  readonly stderr: Printer;
  /** The second layer, for when the first is not understood. */
  readonly defuse?: (line: string) => string;
}

/** A longer line is broken: it is held until it ends. */
const longest = 64 * 1024;

type Block = 'heeded' | 'stopped';

/**
 * Takes over stdout and stderr of the process: all that is printed comes out of stdout (the runner reads the two
 * apart, in no order), and between `::stop-commands::<token>` and the token's return, except what runs under `own`.
 * A token is 128 random bits, used for one block, and goes nowhere but to the runner.
 */
export function guardCommands(options: GuardOptions): CommandGuard {
  const { stdout, stderr, defuse = defuseCommands } = options;
  const raw = stdout.write.bind(stdout);
  const rawError = stderr.write.bind(stderr);
  const context = new AsyncLocalStorage<true>();
  let token: string | undefined;
  let atStart = true;

  const put = (text: string): void => {
    if (text === '') return;
    raw(text);
    atStart = text.endsWith('\n');
  };
  const enter = (block: Block): void => {
    if ((block === 'stopped') === (token !== undefined)) return;
    if (block === 'heeded') foreign.flush();
    // A command is one at the beginning of a line only.
    if (!atStart) put('\n');
    if (token === undefined) {
      token = randomBytes(16).toString('hex');
      put(`::stop-commands::${token}\n`);
    } else {
      put(`::${token}::\n`);
      token = undefined;
    }
  };
  const foreign = new Lines((text) => {
    enter('stopped');
    put(text);
  }, defuse);

  const writer = (): NodeJS.WriteStream['write'] => {
    // Bytes of a character that is cut belong to one stream.
    const decoder = new StringDecoder('utf8');
    return (chunk: string | Uint8Array, ...more: unknown[]): boolean => {
      const text = typeof chunk === 'string' ? chunk : decoder.write(Buffer.from(chunk));
      if (context.getStore() === true) {
        enter('heeded');
        put(text);
      } else foreign.push(text);
      const done = more.find((item) => typeof item === 'function');
      if (done !== undefined) process.nextTick(done);
      return true;
    };
  };
  stdout.write = writer();
  stderr.write = writer();

  let released = false;
  const release = (): void => {
    if (released) return;
    released = true;
    process.off('exit', release);
    foreign.flush();
    enter('heeded');
    stdout.write = raw;
    stderr.write = rawError;
  };
  process.on('exit', release);
  return { own: (print) => context.run(true, print), release };
}

/** Whole lines out of what is printed in pieces, each made harmless: only a line can be judged. */
class Lines {
  #partial = '';
  readonly #write: (text: string) => void;
  readonly #defuse: (line: string) => string;

  constructor(write: (text: string) => void, defuse: (line: string) => string) {
    this.#write = write;
    this.#defuse = defuse;
  }

  push(text: string): void {
    // The runner takes a CR for the end of a line too; one at the end may be half of CR LF.
    const parts = (this.#partial + text).split(/(\r\n|\n|\r(?!$))/);
    this.#partial = parts.pop() ?? '';
    const whole: string[] = [];
    for (let i = 0; i < parts.length; i += 2) whole.push(this.#defuse(parts[i] ?? ''), parts[i + 1] ?? '');
    while (this.#partial.length > longest) {
      whole.push(this.#defuse(this.#partial.slice(0, longest)), '\n');
      this.#partial = this.#partial.slice(longest);
    }
    if (whole.length > 0) this.#write(whole.join(''));
  }

  flush(): void {
    if (this.#partial === '') return;
    const rest = this.#defuse(this.#partial);
    this.#partial = '';
    this.#write(rest);
  }
}
