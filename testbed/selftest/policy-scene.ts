/** Who talks to whom while policies are tried: two servers, and clients near and far. */
import { images } from '../lib/versions.ts';

/** In `shop`, on the last node. */
export const servers = ['api', 'db'] as const;
/** A server's ports, by the names that its pod gives them. */
export const ports = { web: 8080, admin: 9090, echo: 8081 } as const;
type Port = keyof typeof ports;

export interface Client {
  readonly namespace: 'shop' | 'other';
  readonly role: 'friend' | 'stranger';
  /** Beside the servers, or on another node. */
  readonly node: 'same' | 'across';
}

export interface Target {
  readonly server: (typeof servers)[number];
  readonly port: Port;
  readonly by: 'pod' | 'service';
}

export const nameOf = (client: Client): string => `${client.role}-${client.node}`;

/** On one node there is no other node to come from. */
export function clientsOn(nodes: number): Client[] {
  const places = nodes > 1 ? (['same', 'across'] as const) : (['same'] as const);
  return places.flatMap((node) =>
    (['shop', 'other'] as const).flatMap((namespace) =>
      (['friend', 'stranger'] as const).map((role) => ({ namespace, role, node })),
    ),
  );
}

export const targets: readonly Target[] = servers.flatMap((server) =>
  (['web', 'admin', 'echo'] as const).flatMap((port) =>
    (['pod', 'service'] as const).map((by) => ({ server, port, by })),
  ),
);

/** `nodes` by name: the first is the one across, the last has the servers. */
export function objectsOn(nodes: readonly string[]): object[] {
  const [first = '', last = first] = [nodes[0], nodes.at(-1)];
  return [
    namespace('shop', 'sales'),
    namespace('other', 'research'),
    ...servers.flatMap((name) => [serverPod(name, last), service(name)]),
    ...clientsOn(nodes.length).map((client) =>
      pod({
        name: nameOf(client),
        namespace: client.namespace,
        labels: { role: client.role },
        node: client.node === 'same' ? last : first,
        containers: [{ name: 'client', image: images.python, command: ['sleep', 'infinity'] }],
      }),
    ),
  ];
}

/** One that begins under a policy: it tries the addresses at once and ends. */
export function earlyPod(node: string, script: string, addresses: readonly string[]): object {
  const container = {
    name: 'client',
    image: images.python,
    command: ['python', '-c', script, ...addresses],
  };
  return pod({ name: 'early', labels: { role: 'early' }, node, containers: [container] });
}

function namespace(name: string, team: string): object {
  return { apiVersion: 'v1', kind: 'Namespace', metadata: { name, labels: { team } } };
}

interface PodOf {
  readonly name: string;
  /** Default `shop`. */
  readonly namespace?: string;
  readonly labels: object;
  readonly node: string;
  readonly containers: readonly object[];
}

function pod({ name, namespace = 'shop', labels, node, containers }: PodOf): object {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace, labels },
    spec: {
      nodeName: node, // past the scheduler, so a taint is no matter
      restartPolicy: 'Never',
      terminationGracePeriodSeconds: 0,
      containers: containers.map((container) => ({ imagePullPolicy: 'Never', ...container })),
    },
  };
}

/** Its probe fails at once when the kubelet no longer gets through. */
function serverPod(name: string, node: string): object {
  const netexec = (port: number, udp: number): string[] => [
    'netexec',
    `--http-port=${String(port)}`,
    `--udp-port=${String(udp)}`,
  ];
  const web = {
    name: 'web',
    image: images.agnhost,
    args: netexec(ports.web, ports.echo),
    ports: [
      { name: 'web', containerPort: ports.web },
      { name: 'echo', containerPort: ports.echo, protocol: 'UDP' },
    ],
    readinessProbe: {
      httpGet: { path: '/hostname', port: 'web' },
      periodSeconds: 1,
      timeoutSeconds: 5,
      failureThreshold: 1,
    },
  };
  const admin = {
    name: 'admin',
    image: images.agnhost,
    args: netexec(ports.admin, -1),
    ports: [{ name: 'admin', containerPort: ports.admin }],
  };
  return pod({ name, labels: { app: name }, node, containers: [web, admin] });
}

function service(name: string): object {
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name, namespace: 'shop' },
    spec: {
      selector: { app: name },
      ports: Object.entries(ports).map(([port, number]) => ({
        name: port,
        port: number,
        targetPort: port,
        protocol: port === 'echo' ? 'UDP' : 'TCP',
      })),
    },
  };
}
