/** A shell-less client in a pod that stays: it is asked over and over what it can reach. */
import { spawn } from 'node:child_process';
import type { ChildProcessByStdio } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { sourceDir } from '../lib/paths.ts';

/** [protocol, address, port], see probe.py. */
export type Place = readonly [protocol: 'tcp' | 'udp' | 'hold' | 'held', address: string, port: number];

const script = readFileSync(join(sourceDir, 'selftest', 'probe.py'), 'utf8');
/** One round lasts a second where something is closed, and longer on a busy machine. */
const limitMs = 30_000;

export class Prober {
  readonly #child: ChildProcessByStdio<Writable, Readable, null>;
  readonly #lines: AsyncIterator<string>;
  readonly #pod: string;

  /** `kubectl exec` reaches the container by its node, so no policy is in its way. */
  constructor(env: Readonly<Record<string, string>>, namespace: string, pod: string) {
    this.#pod = `${namespace}/${pod}`;
    const argv = ['exec', '--stdin', '--namespace', namespace, pod, '--', 'python', '-c', script];
    this.#child = spawn('kubectl', argv, {
      // By WebSocket kubectl reports the server's empty first message as a fault.
      env: { ...process.env, ...env, KUBECTL_REMOTE_COMMAND_WEBSOCKETS: 'false' },
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    this.#child.on('error', () => undefined); // then it has no answer
    this.#child.stdin.on('error', () => undefined);
    this.#lines = createInterface({ input: this.#child.stdout })[Symbol.asyncIterator]();
  }

  async ask(places: readonly Place[]): Promise<string[]> {
    this.#child.stdin.write(`${JSON.stringify(places)}\n`);
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, fail) => {
      timer = setTimeout(() => fail(new Error(`${this.#pod} gave no answer within 30 s`)), limitMs);
    });
    try {
      const line = await Promise.race([this.#lines.next(), late]);
      if (line.done === true) throw new Error(`${this.#pod}: the client has ended`);
      return JSON.parse(line.value) as string[];
    } finally {
      clearTimeout(timer);
    }
  }

  close(): void {
    this.#child.kill('SIGTERM');
  }
}
