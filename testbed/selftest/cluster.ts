/** A cluster that the selftest makes with plain kind, and how its steps are told. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { paths } from '../lib/paths.ts';
import { run } from '../lib/proc.ts';
import { say, seconds } from '../lib/progress.ts';

export interface ClusterOptions {
  readonly name: string;
  readonly nodes: number;
  readonly env: Readonly<Record<string, string>>;
  /** Undefined: the one that kind has for its version. */
  readonly image: string | undefined;
  readonly log: string;
}

export class Cluster {
  readonly nodes: number;
  readonly name: string;
  readonly kubeconfig: string;
  readonly env: Readonly<Record<string, string>>;
  readonly #image: string | undefined;
  readonly #log: string;

  constructor({ name, nodes, env, image, log }: ClusterOptions) {
    this.nodes = nodes;
    this.name = name;
    this.kubeconfig = join(paths.work, `${name}.kubeconfig`);
    this.env = { ...env, KUBECONFIG: this.kubeconfig };
    this.#image = image;
    this.#log = log;
  }

  kind(...args: string[]): Promise<string> {
    return run(['kind', ...args, '--name', this.name], { log: this.#log, env: this.env });
  }

  kubectl(...args: string[]): Promise<string> {
    return run(['kubectl', ...args], { log: this.#log, env: this.env });
  }

  /** Applies objects; `name` is that of the file that holds them meanwhile. */
  async apply(name: string, objects: readonly object[]): Promise<void> {
    const file = join(paths.work, `${this.name}-${name}.json`);
    writeFileSync(file, JSON.stringify({ apiVersion: 'v1', kind: 'List', items: objects }));
    await this.kubectl('apply', '-f', file);
  }

  async create(): Promise<void> {
    const config = join(paths.work, `${this.name}.yaml`);
    const roles = Array.from(
      { length: this.nodes },
      (_, index) => `- role: ${index === 0 ? 'control-plane' : 'worker'}\n`,
    );
    writeFileSync(config, `kind: Cluster\napiVersion: kind.x-k8s.io/v1alpha4\nnodes:\n${roles.join('')}`);
    await this.kind(
      ...['create', 'cluster', '--config', config, '--kubeconfig', this.kubeconfig],
      ...(this.#image === undefined ? [] : ['--image', this.#image]),
    );
  }
}

export async function timed(what: string, work: () => Promise<unknown>): Promise<void> {
  const start = performance.now();
  await work();
  say(`  ✓ ${what}, ${seconds(performance.now() - start)}`);
}

/** Retries what becomes true soon after a pod is ready, for 15 s. */
export async function soon(work: () => Promise<unknown>): Promise<void> {
  const until = Date.now() + 15_000;
  for (;;) {
    try {
      await work();
      return;
    } catch (error) {
      if (Date.now() > until) throw error;
      await sleep(500);
    }
  }
}
