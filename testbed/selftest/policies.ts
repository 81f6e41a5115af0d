/**
 * Proves that NetworkPolicies are enforced, by pods that try: every client
 * asks every server by its pod's and its service's address. Before a policy and
 * after it all is open, so that what is closed in between is so by the policy.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { sourceDir } from '../lib/paths.ts';
import { ask } from '../lib/proc.ts';
import { timed } from './cluster.ts';
import type { Cluster } from './cluster.ts';
import { cases } from './policy-cases.ts';
import type { Addresses } from './policy-cases.ts';
import { clientsOn, earlyPod, nameOf, objectsOn, ports, targets } from './policy-scene.ts';
import type { Client, Target } from './policy-scene.ts';
import { Prober } from './prober.ts';
import type { Place } from './prober.ts';

type Allows = (from: Client, to: Target) => boolean;
const all: Allows = () => true;
/** A policy is in force soon after it is there, later on a busy machine. */
const limitMs = 20_000;

export async function provePolicies(cluster: Cluster): Promise<void> {
  const nodes = (await cluster.kubectl('get', 'nodes', '-o', 'jsonpath={.items[*].metadata.name}')).split(
    ' ',
  );
  await timed('servers and clients for NetworkPolicies', async () => {
    await cluster.apply('scene', objectsOn(nodes));
    for (const namespace of ['shop', 'other'])
      await cluster.kubectl(
        '-n',
        namespace,
        'wait',
        '--for=condition=Ready',
        'pods',
        '--all',
        '--timeout=90s',
      );
  });
  const scene = new Scene(cluster, nodes.length);
  try {
    await timed(`all open, ${String(scene.paths)} paths`, () => scene.expect(all));
    for (const { name, namespace = 'shop', specs, allows } of cases) {
      await timed(`NetworkPolicy: ${name}`, () =>
        scene.under(namespace, specs(scene.addresses), () => scene.expect(allows)),
      );
    }
    await timed('NetworkPolicy: probes pass, what is open stays open', () => kept(cluster, scene));
    await timed('NetworkPolicy: from the first moment of a pod', () =>
      early(cluster, scene, nodes.at(-1) ?? ''),
    );
    await timed('NetworkPolicy: agnhost says the same, a pod reaches itself', () =>
      byAgnhost(cluster, scene),
    );
  } finally {
    scene.close();
  }
}

/** The pods, and what each of them is asked. */
class Scene {
  readonly addresses: Addresses;
  readonly #cluster: Cluster;
  readonly #clients: readonly Client[];
  readonly #probers: readonly Prober[];
  readonly #places: readonly Place[];

  constructor(cluster: Cluster, nodes: number) {
    this.#cluster = cluster;
    this.#clients = clientsOn(nodes);
    this.#probers = this.#clients.map((client) => new Prober(cluster.env, client.namespace, nameOf(client)));
    const pod = (name: string): string => this.#field(`pod/${name}`, '{.status.podIP}');
    const service = (name: string): string => this.#field(`service/${name}`, '{.spec.clusterIP}');
    this.addresses = {
      servers: { api: pod('api'), db: pod('db') },
      services: { api: service('api'), db: service('db') },
      friends: this.#clients
        .filter(({ namespace, role }) => namespace === 'shop' && role === 'friend')
        .map((client) => pod(nameOf(client))),
    };
    this.#places = targets.map(({ server, port, by }) => [
      port === 'echo' ? 'udp' : 'tcp',
      (by === 'pod' ? this.addresses.servers : this.addresses.services)[server],
      ports[port],
    ]);
  }

  get paths(): number {
    return this.#clients.length * this.#places.length;
  }

  /** Tries all paths until exactly the allowed ones are open. */
  async expect(allows: Allows): Promise<void> {
    const until = Date.now() + limitMs;
    for (;;) {
      const wrong = await this.#wrong(allows);
      if (wrong.length === 0) return;
      if (Date.now() > until)
        throw new Error(
          `${String(wrong.length)} of ${String(this.paths)} paths are wrong:\n  ${wrong.slice(0, 8).join('\n  ')}`,
        );
      await sleep(100);
    }
  }

  async #wrong(allows: Allows): Promise<string[]> {
    const answers = await Promise.all(this.#probers.map((prober) => prober.ask(this.#places)));
    return this.#clients.flatMap((client, row) =>
      targets.flatMap((target, column) => {
        const wanted = allows(client, target) ? 'open' : 'timeout';
        const answer = answers[row]?.[column] ?? 'nothing';
        const path = `${client.namespace}/${nameOf(client)} to ${target.server}:${target.port} by ${target.by}`;
        return answer === wanted ? [] : [`${path}: ${answer}, not ${wanted}`];
      }),
    );
  }

  /** Does the work under policies, and proves that all is open when they are gone. */
  async under(namespace: string, specs: readonly object[], work: () => Promise<unknown>): Promise<void> {
    const objects = specs.map((spec, index) => ({
      apiVersion: 'networking.k8s.io/v1',
      kind: 'NetworkPolicy',
      metadata: { name: `tried-${String(index)}`, namespace },
      spec,
    }));
    await this.#cluster.apply('policies', objects);
    await work();
    await this.#cluster.kubectl('-n', namespace, 'delete', 'networkpolicy', '--all');
    await this.expect(all);
  }

  /** One place asked from the first client, a friend in `shop`. */
  async one(place: Place): Promise<string> {
    return (await this.#probers[0]?.ask([place]))?.[0] ?? 'nothing';
  }

  close(): void {
    for (const prober of this.#probers) prober.close();
  }

  #field(object: string, path: string): string {
    const answer = ask(['kubectl', '-n', 'shop', 'get', object, '-o', `jsonpath=${path}`], this.#cluster.env);
    if (!answer.ok || answer.out === '') throw new Error(`${object} has no ${path}: ${answer.err}`);
    return answer.out;
  }
}

/** The kubelet's probes and a connection that was open before go on under a policy that denies all. */
async function kept(cluster: Cluster, scene: Scene): Promise<void> {
  const { api } = scene.addresses.servers;
  same(await scene.one(['hold', api, ports.web]), 'open');
  await scene.under('shop', [{ podSelector: {}, policyTypes: ['Ingress', 'Egress'] }], async () => {
    await scene.expect(() => false);
    same(await scene.one(['held', api, ports.web]), 'open');
    await sleep(3_000); // three probes
    await cluster.kubectl('-n', 'shop', 'wait', '--for=condition=Ready', 'pod/api', 'pod/db', '--timeout=1s');
  });
}

/** A pod whose address nobody knows yet may do what its policy allows, and nothing else. */
async function early(cluster: Cluster, scene: Scene, node: string): Promise<void> {
  const { api, db } = scene.addresses.servers;
  const script = readFileSync(join(sourceDir, 'selftest', 'early.py'), 'utf8');
  const attempt = async (): Promise<string> => {
    const addresses = [api, db].map((ip) => `${ip}:${String(ports.web)}`);
    await cluster.apply('early', [earlyPod(node, script, addresses)]);
    await cluster.kubectl(
      '-n',
      'shop',
      'wait',
      '--for=jsonpath={.status.phase}=Succeeded',
      'pod/early',
      '--timeout=60s',
    );
    const said = await cluster.kubectl('-n', 'shop', 'logs', 'early');
    await cluster.kubectl('-n', 'shop', 'delete', 'pod', 'early');
    return said.trim();
  };
  const spec = {
    podSelector: { matchLabels: { role: 'early' } },
    policyTypes: ['Egress'],
    egress: [{ to: [{ podSelector: { matchLabels: { app: 'api' } } }] }],
  };
  await scene.under('shop', [spec], async () => same(shortened(await attempt()), 'all none'));
  same(shortened(await attempt()), 'all all');
}

/** `17/17 0/17` as `all none`. */
function shortened(counts: string): string {
  return counts
    .split(' ')
    .map((count) => {
      const [reached, tried] = count.split('/');
      return reached === '0' ? 'none' : reached === tried ? 'all' : count;
    })
    .join(' ');
}

/**
 * Kubernetes' own test program as the client, in the api's pod: what it says of
 * a packet that is dropped, and that no policy keeps a pod from itself.
 */
async function byAgnhost(cluster: Cluster, scene: Scene): Promise<void> {
  const connect = (host: string): string => {
    const command = ['/agnhost', 'connect', '--timeout=1s', `${host}:${String(ports.web)}`];
    const argv = ['kubectl', '-n', 'shop', 'exec', 'api', '-c', 'web', '--', ...command];
    const answer = ask(argv, cluster.env);
    return answer.ok ? 'open' : (/^(TIMEOUT|REFUSED|OTHER.*)$/m.exec(answer.err)?.[1] ?? answer.err);
  };
  const { servers: pods, services } = scene.addresses;
  const both = (): string => `${connect(services.api)} ${connect(pods.db)}`;
  same(both(), 'open open');
  await scene.under('shop', [{ podSelector: {}, policyTypes: ['Ingress', 'Egress'] }], async () => {
    await scene.expect(() => false);
    same(both(), 'open TIMEOUT');
  });
  same(both(), 'open open');
}

function same(got: string, wanted: string): void {
  if (got !== wanted) throw new Error(`"${got}" in place of "${wanted}"`);
}
