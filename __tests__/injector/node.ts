import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

/** Runs a program and returns what it printed; it is never waited for without yielding: the proxy lives here too. */
export async function run(bin: string, ...args: readonly string[]): Promise<string> {
  const { stdout } = await promisify(execFile)(bin, args, { timeout: 60_000, maxBuffer: 1 << 26 });
  return stdout.trim();
}

/** A node of Kind: a container, with the runtime's and systemd's own tools in it. */
export class KindNode {
  readonly name: string;

  constructor(name: string) {
    this.name = name;
  }

  inside(...argv: readonly string[]): Promise<string> {
    return run('docker', 'exec', this.name, ...argv);
  }

  /** Undefined when there is no such process, or the node does not answer. */
  async pidOf(program: string): Promise<number | undefined> {
    const text = await this.inside('pidof', program).catch(() => '');
    return text === '' ? undefined : Number(text.split(' ')[0]);
  }

  /** The process of a container that runs, as the runtime has it. */
  async taskOf(id: string): Promise<number> {
    const tasks = await this.inside('ctr', '-n', 'k8s.io', 'tasks', 'ls');
    const pid = new RegExp(`^${id}\\s+(\\d+)\\s+RUNNING`, 'm').exec(tasks)?.[1];
    if (pid === undefined) throw new Error(`the runtime runs no container ${id}`);
    return Number(pid);
  }

  /** True when a process is there, also as a zombie. */
  async hasProcess(pid: number): Promise<boolean> {
    return (await this.inside('sh', '-c', `test -d /proc/${pid} && echo yes || echo no`)) === 'yes';
  }
}

/** Asks until there is an answer; rejects after the limit, naming what was awaited. */
export async function until<T>(
  what: string,
  ask: () => Promise<T | undefined>,
  limitMs = 60_000,
  everyMs = 200,
): Promise<T> {
  const over = performance.now() + limitMs;
  for (;;) {
    const found = await ask();
    if (found !== undefined) return found;
    if (performance.now() > over) throw new Error(`not within ${limitMs / 1000} s: ${what}`);
    await pause(everyMs);
  }
}

export const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
