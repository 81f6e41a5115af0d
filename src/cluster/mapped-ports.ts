import { KetError } from '../model/errors.ts';
import type { ClusterPlan } from '../model/plan.ts';
import type { ClusterHandle, Tools } from '../model/run.ts';
import type { Task } from '../model/task.ts';

/** A port of the nodes that the Kind config maps to this machine, as Docker writes it: `80/tcp`. */
type NodePort = `${number}/${string}`;

/** Those of a Kind config, each once. Pure. */
export function mappedIn({ kindConfig }: Pick<ClusterPlan, 'kindConfig'>): readonly NodePort[] {
  const nodes = (kindConfig['nodes'] ?? []) as readonly {
    readonly extraPortMappings?: readonly { readonly containerPort: number; readonly protocol?: string }[];
  }[];
  const all = nodes.flatMap(({ extraPortMappings = [] }) =>
    extraPortMappings.map(({ containerPort, protocol = 'TCP' }): NodePort => {
      return `${containerPort}/${protocol.toLowerCase()}`;
    }),
  );
  return [...new Set(all)];
}

/** `KET_MAPPED_80`, and with another protocol than TCP `KET_MAPPED_53_UDP`. */
export function variableOf(port: NodePort): string {
  const [number = '', protocol = 'tcp'] = port.split('/');
  return `KET_MAPPED_${number}${protocol === 'tcp' ? '' : `_${protocol.toUpperCase()}`}`;
}

interface Binding {
  readonly HostIp: string;
  readonly HostPort: string;
}

/** As a client of this machine writes it: what listens on all addresses is reached on the loopback. */
function addressOf({ HostIp: ip, HostPort: port }: Binding): string {
  if (ip === '0.0.0.0' || ip === '') return `127.0.0.1:${port}`;
  if (ip === '::') return `[::1]:${port}`;
  return ip.includes(':') ? `[${ip}]:${port}` : `${ip}:${port}`;
}

/**
 * The address of this machine for each mapped port. `said`: what Docker says of each node, in the order of the nodes, as
 * `{"80/tcp": [{"HostIp": "127.0.0.1", "HostPort": "8080"}], "443/tcp": null}`; the first node that has the port counts.
 * Pure.
 */
export function addressesOf(
  ports: readonly NodePort[],
  said: readonly Readonly<Record<string, readonly Binding[] | null>>[],
): { readonly env: Readonly<Record<string, string>>; readonly missing: readonly NodePort[] } {
  const env: Record<string, string> = {};
  const missing: NodePort[] = [];
  for (const port of ports) {
    const bindings = said.flatMap((node) => node[port] ?? []);
    const binding = bindings.find(({ HostIp: ip }) => !ip.includes(':')) ?? bindings[0];
    if (binding === undefined) missing.push(port);
    else env[variableOf(port)] = addressOf(binding);
  }
  return { env, missing };
}

/** Variables with the addresses of this machine that lead to ports of the nodes, for suites on this machine. */
export function mappedPortsTask(
  plan: ClusterPlan,
  tools: Task<Tools>,
  cluster: Task<ClusterHandle>,
): Task<Readonly<Record<string, string>>> {
  return {
    id: 'mapped ports',
    phase: 'cluster',
    title: 'ask Docker for the mapped ports',
    needs: [tools, cluster],
    limitMs: 30_000,
    async run(context) {
      const { docker } = context.output(tools);
      const { nodes } = context.output(cluster);
      const argv = [docker, 'container', 'inspect', '--format', '{{json .NetworkSettings.Ports}}', ...nodes];
      const { code, stdout, stderr } = await context.deps.exec({
        argv,
        limitMs: 20_000,
        signal: context.signal,
      });
      if (code !== 0)
        throw new KetError('KET_CLUSTER', `Docker does not tell the ports of the nodes: ${stderr.trim()}`);
      const lines = stdout.split('\n').filter((line) => line !== '');
      const { env, missing } = addressesOf(
        mappedIn(plan),
        lines.map((line) => JSON.parse(line) as Parameters<typeof addressesOf>[1][number]),
      );
      // A cluster that something else made may have other mappings than the tier's Kind config.
      if (missing.length > 0)
        context.emit({
          type: 'notice',
          level: 'warning',
          text: `the nodes do not have what the Kind config maps: ${missing.join(', ')}; ${missing.map(variableOf).join(', ')} ${missing.length === 1 ? 'is' : 'are'} not set`,
        });
      return env;
    },
  };
}
