/**
 * Proves that the set-up works: plain kind makes a cluster of one and of three
 * nodes; pods, DNS, the network between nodes, NetworkPolicies, volumes and
 * Jobs are tried. `node testbed/selftest.ts [nodes …]` (default 1 3), after
 * `up --for test`. With `--image` the nodes are of another image, with
 * `--name` the clusters and the log have other names.
 */
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { environment } from './lib/commands.ts';
import { paths, sourceDir } from './lib/paths.ts';
import { CommandError, ask, endChildrenOnSignal, tail } from './lib/proc.ts';
import { say } from './lib/progress.ts';
import { images } from './lib/versions.ts';
import { Cluster, soon, timed } from './selftest/cluster.ts';
import { provePolicies } from './selftest/policies.ts';

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
  await timed('images loaded', () =>
    cluster.kind('load', 'docker-image', images.python, images.busybox, images.agnhost),
  );
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
  await provePolicies(cluster);
}

async function main(): Promise<number> {
  const env = environment();
  if (!env || !existsSync(paths.logs)) {
    say('selftest: nothing is set up: run "node testbed/main.ts up" first');
    return 2;
  }
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { image: { type: 'string' }, name: { type: 'string', default: 'ket-selftest' } },
  });
  const log = join(paths.logs, `${values.name}.log`);
  mkdirSync(paths.work, { recursive: true });
  writeFileSync(log, '');
  const counts = positionals.map(Number);
  for (const nodes of counts.length > 0 ? counts : [1, 3]) {
    const name = `${values.name}-${String(nodes)}`;
    const image = values.image ?? env['KET_NODE_IMAGE'];
    const cluster = new Cluster({ name, nodes, env, image, log });
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
