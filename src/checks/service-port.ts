import type { Kube, Wire } from '../model/kube.ts';
import type { V1Service } from '@kubernetes/client-node';

/**
 * Why a port cannot be one of the Service, in the words of a message; undefined when it can. The address of a Service
 * on a port that it does not have leads out of the cluster, where anything may take the connection. `label`:
 * `namespace/name`; what is not a Service, or one without an address of its own, is not judged.
 */
export async function misdirected(
  kube: Pick<Kube, 'get'>,
  label: string | undefined,
  port: number,
  signal: AbortSignal,
): Promise<string | undefined> {
  const [namespace, name] = label?.split('/') ?? [];
  if (namespace === undefined || name === undefined) return undefined;
  const service = await kube.get<Wire<V1Service>>(
    { apiVersion: 'v1', kind: 'Service', namespace, name },
    signal,
  );
  const { type, clusterIP, ports = [] } = service?.spec ?? {};
  if (clusterIP === undefined || clusterIP === 'None' || type === 'ExternalName') return undefined;
  const tcp = ports.filter(({ protocol = 'TCP' }) => protocol === 'TCP').map((one) => one.port);
  if (tcp.includes(port)) return undefined;
  if (tcp.length === 0) return `Service ${label ?? ''} has no TCP port`;
  return `Service ${label ?? ''} has no port ${String(port)}, only ${tcp.join(', ')}`;
}
