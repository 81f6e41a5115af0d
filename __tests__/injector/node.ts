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

  /** Id and process of the running container of a pod. */
  async containerOf(pod: string, container: string): Promise<{ id: string; pid: number }> {
    const label = `io.kubernetes.pod.uid=${pod}`;
    const id = await this.inside('crictl', 'ps', '-q', '--label', label, '--name', `^${container}$`);
    if (!/^[0-9a-f]+$/.test(id)) throw new Error(`the node runs no container ${container} of pod ${pod}`);
    const { info } = JSON.parse(await this.inside('crictl', 'inspect', id)) as { info: { pid: number } };
    return { id, pid: info.pid };
  }

  /** What the runtime says of a container that has ended; undefined while it runs. */
  async exitOf(id: string): Promise<{ readonly exitCode: number } | undefined> {
    const { status } = JSON.parse(await this.inside('crictl', 'inspect', id)) as {
      status: { state: string; exitCode: number };
    };
    return status.state === 'CONTAINER_EXITED' ? { exitCode: status.exitCode } : undefined;
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
