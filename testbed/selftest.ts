/**
 * Proves that the set-up works: plain kind makes a cluster of one and of three
 * nodes; pods, DNS, the network between nodes, volumes and Jobs are tried.
 * `node testbed/selftest.ts [nodes …]` (default 1 3), after `up`.
 */
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { environment } from './lib/commands.ts';
import { paths, sourceDir } from './lib/paths.ts';
import { CommandError, ask, endChildrenOnSignal, run, tail } from './lib/proc.ts';
import { say, seconds } from './lib/progress.ts';
import { images } from './lib/versions.ts';

const log = join(paths.logs, 'selftest.log');

class Cluster {
  readonly nodes: number;
  readonly name: string;
  readonly kubeconfig: string;
  readonly env: Readonly<Record<string, string>>;

  constructor(nodes: number, env: Readonly<Record<string, string>>) {
    this.nodes = nodes;
    this.name = `ket-selftest-${String(nodes)}`;
    this.kubeconfig = join(paths.work, `${this.name}.kubeconfig`);
    this.env = { ...env, KUBECONFIG: this.kubeconfig };
  }

  kind(...args: string[]): Promise<string> {
    return run(['kind', ...args, '--name', this.name], { log, env: this.env });
  }

  kubectl(...args: string[]): Promise<string> {
    return run(['kubectl', ...args], { log, env: this.env });
  }

  async create(): Promise<void> {
    const config = join(paths.work, `${this.name}.yaml`);
    const roles = Array.from(
      { length: this.nodes },
      (_, index) => `- role: ${index === 0 ? 'control-plane' : 'worker'}\n`,
    );
    writeFileSync(config, `kind: Cluster\napiVersion: kind.x-k8s.io/v1alpha4\nnodes:\n${roles.join('')}`);
    const image = this.env['KET_NODE_IMAGE'];
    await this.kind(
      'create',
      'cluster',
      '--config',
      config,
      '--kubeconfig',
      this.kubeconfig,
      ...(image === undefined ? [] : ['--image', image]),
    );
  }
}

async function timed(what: string, work: () => Promise<unknown>): Promise<void> {
  const start = performance.now();
  await work();
  say(`  ✓ ${what}, ${seconds(performance.now() - start)}`);
}

/** Retries what becomes true soon after a pod is ready, for 15 s. */
async function soon(work: () => Promise<unknown>): Promise<void> {
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

async function prove(cluster: Cluster): Promise<void> {
  await cluster.kind('delete', 'cluster', '--kubeconfig', cluster.kubeconfig); // of an interrupted call
  await timed('kind create cluster', () => cluster.create());
  await timed('nodes ready', () =>
    cluster.kubectl('wait', '--for=condition=Ready', 'nodes', '--all', '--timeout=120s'),
  );
  await timed('CoreDNS and storage ready', async () => {
    await cluster.kubectl('-n', 'kube-system', 'rollout', 'status', 'deployment/coredns', '--timeout=60s');
    await cluster.kubectl(
      '-n',
      'local-path-storage',
      'rollout',
      'status',
      'deployment/local-path-provisioner',
      '--timeout=60s',
    );
  });
  await timed('images loaded', () => cluster.kind('load', 'docker-image', images.python, images.busybox));
  await timed('a pod on every node', async () => {
    await soon(() => cluster.kubectl('get', 'serviceaccount', 'default'));
    await cluster.kubectl('apply', '-f', join(sourceDir, 'selftest', 'manifest.yaml'));
    await cluster.kubectl('rollout', 'status', 'daemonset/web', '--timeout=60s');
  });
  const client = readFileSync(join(sourceDir, 'selftest', 'client.py'), 'utf8');
  await timed('DNS, service and pod-to-pod from every node', async () => {
    const list = await cluster.kubectl(
      'get',
      'pods',
      '-l',
      'app=web',
      '-o',
      'jsonpath={range .items[*]}{.metadata.name} {.status.podIP}{"\\n"}{end}',
    );
    const pods = list
      .trim()
      .split('\n')
      .map((line) => line.split(' ') as [string, string]);
    if (pods.length !== cluster.nodes)
      throw new Error(`${String(pods.length)} pods on ${String(cluster.nodes)} nodes`);
    const addresses = ['web', ...pods.map(([, ip]) => `${ip}:8080`)];
    for (const [name] of pods)
      await soon(() => cluster.kubectl('exec', name, '--', 'python', '-c', client, ...addresses));
  });
  await timed('volume bound, Job complete', async () => {
    await cluster.kubectl('wait', '--for=condition=Complete', 'job/write', '--timeout=60s');
    await cluster.kubectl('wait', '--for=jsonpath={.status.phase}=Bound', 'pvc/data', '--timeout=5s');
  });
}

async function main(): Promise<number> {
  const env = environment();
  if (!env || !existsSync(paths.logs)) {
    say('selftest: nothing is set up: run "node testbed/main.ts up" first');
    return 2;
  }
  mkdirSync(paths.work, { recursive: true });
  writeFileSync(log, '');
  const counts = process.argv.slice(2).map(Number);
  for (const nodes of counts.length > 0 ? counts : [1, 3]) {
    const cluster = new Cluster(nodes, env);
    say(`▸ cluster of ${String(nodes)}`);
    try {
      await prove(cluster);
    } catch (error) {
      say(
        `✗ ${error instanceof CommandError ? error.message : String(error)}\n  log: ${log}\n${tail(log, 20)
          .map((line) => `  | ${line}`)
          .join('\n')}`,
      );
      const state = ask(['kubectl', 'get', 'nodes,pods', '-A', '-o', 'wide'], cluster.env).out;
      process.stderr.write(state);
      return 1;
    } finally {
      await timed('kind delete cluster', () =>
        cluster.kind('delete', 'cluster', '--kubeconfig', cluster.kubeconfig),
      );
      rmSync(cluster.kubeconfig, { force: true });
    }
  }
  say('selftest: passed');
  return 0;
}

endChildrenOnSignal();
process.exitCode = await main();
