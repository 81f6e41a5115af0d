import type { V1Pod, V1Service } from '@kubernetes/client-node';
import type { Wire } from '../model/kube.ts';
import type { Question } from './question.ts';

/** What `network: true` asks from one pod. Pure. */

export type Service = Wire<V1Service>;

/** How many requests over how many connections show that connections are used again. */
export const reuse = { requests: 1000, connections: 10 } as const;

/** A pod of ket's that answers. */
export interface Answering {
  readonly pod: string;
  readonly node: string;
  readonly address: string;
  readonly port: number;
}

/**
 * Names and TCP ports of all services. A short name that several namespaces have is left out, for it can be only one
 * of them; so are the ports of a service that has no pods by intent (no selector, or an external name).
 */
export function serviceQuestions(services: readonly Service[], domain: string): Question[] {
  return services.flatMap((service): Question[] => {
    const { name = '', namespace = '' } = service.metadata ?? {};
    const same = services.filter((other) => other.metadata?.name === name);
    const full = `${name}.${namespace}.svc.${domain}`;
    const names = [...(same.length > 1 ? [] : [name]), `${name}.${namespace}`, full];
    const addresses = addressesOf(service);
    const label = `${namespace}/${name}`;
    const lookUps = names.map((host): Question => ({
      probe: { kind: 'dns', host },
      to: `name ${host}`,
      expects: { kind: 'addresses', addresses },
      service: label,
    }));
    return [...lookUps, ...portQuestions(service, full, label)];
  });
}

function portQuestions({ spec }: Service, host: string, service: string): Question[] {
  const hasPods = spec?.type !== 'ExternalName' && Object.keys(spec?.selector ?? {}).length > 0;
  if (!hasPods) return [];
  const ports = (spec?.ports ?? []).filter((port) => (port.protocol ?? 'TCP') === 'TCP');
  return ports.map((port): Question => {
    // Without an address of its own, names lead to the pods, past the Service and its mapping of ports.
    const headless = spec?.clusterIP === 'None';
    const number = headless && typeof port.targetPort === 'number' ? port.targetPort : port.port;
    const to = `${host}:${number}`;
    return isHttp(port)
      ? {
          probe: { kind: 'http', host, port: number, path: '/' },
          to: `http://${to}/`,
          expects: { kind: 'answer' },
          service,
        }
      : { probe: { kind: 'tcp', host, port: number }, to, expects: { kind: 'connection' }, service };
  });
}

/** By the names that Kubernetes and meshes use; `https` and `http2` are other protocols. */
const isHttp = ({ name, appProtocol }: { readonly name?: string; readonly appProtocol?: string }): boolean =>
  appProtocol === undefined ? /^http(-|$)/.test(name ?? '') : /^http$/i.test(appProtocol);

/** Empty where any will do: of a service whose name leads to its pods, or elsewhere. */
function addressesOf({ spec }: Service): string[] {
  if (spec?.type === 'ExternalName') return [];
  const all = spec?.clusterIPs ?? (spec?.clusterIP === undefined ? [] : [spec.clusterIP]);
  return all.filter((address) => address !== 'None' && address !== '');
}

/** The names of services that should have pods behind them, and have none that is ready. */
export function withoutPods(services: readonly Service[], pods: readonly Wire<V1Pod>[]): string[] {
  return services.flatMap(({ metadata, spec }) => {
    const selector = Object.entries(spec?.selector ?? {});
    if (selector.length === 0 || spec?.type === 'ExternalName' || spec?.publishNotReadyAddresses === true)
      return [];
    const ready = pods.some(
      (pod) =>
        pod.metadata?.namespace === metadata?.namespace &&
        selector.every(([key, value]) => pod.metadata?.labels?.[key] === value) &&
        pod.status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True') === true,
    );
    return ready ? [] : [`${metadata?.namespace ?? ''}/${metadata?.name ?? ''}`];
  });
}

/** From a pod on `node` to the pods on other nodes, by their addresses. */
export const acrossNodes = (node: string, answering: readonly Answering[]): Question[] =>
  answering
    .filter((other) => other.node !== node)
    .map((other) => ({
      probe: { kind: 'http', host: other.address, port: other.port, path: '/' },
      to: `pod ${other.pod} on node ${other.node} (${other.address}:${other.port})`,
      expects: { kind: 'status', status: 200, body: 'ket' },
    }));

/** Whether connections to a pod of ket's are used again. `word`: of this look alone. */
export const reuseQuestion = (word: string, { pod, node, address, port }: Answering): Question => ({
  probe: { kind: 'http', host: address, port, path: `/count/${word}`, ...reuse },
  to: `pod ${pod} on node ${node} (${address}:${port})`,
  expects: { kind: 'reused', ...reuse },
});
