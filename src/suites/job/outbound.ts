import type { V1Service } from '@kubernetes/client-node';
import type { Kube, Wire } from '../../model/kube.ts';
import type { Outbound } from '../../model/run.ts';

/** What is reached without a proxy: addresses, subnets and names of the cluster. */
export interface ClusterNetwork {
  /** `cluster.local` unless the cluster was made otherwise. */
  readonly domain: string;
  readonly subnets: readonly string[];
}

/** What the main container of an attempt gets for its way out of the cluster. */
export interface PodOutbound {
  readonly env: Readonly<Record<string, string>>;
  /** PEM of all authorities to trust, for `authoritiesFile`; absent when those of the image do. */
  readonly authorities?: string;
}

export const authoritiesKey = 'authorities.pem';
export const authoritiesFile = `/ket/bin/${authoritiesKey}`;

/**
 * Variables by which programs take their authorities: OpenSSL, Python and Go the first, Node the second, Python's
 * requests and pip the third, curl and git the others. All but Node's replace what the image trusts, so the file holds
 * everything.
 */
const authorityVariables = [
  'SSL_CERT_FILE',
  'NODE_EXTRA_CA_CERTS',
  'REQUESTS_CA_BUNDLE',
  'CURL_CA_BUNDLE',
  'GIT_SSL_CAINFO',
];

/** Reads what there is to except from the proxy, as it stands now: the services that the suite may call by name. */
export async function podOutbound(
  outbound: Outbound,
  kube: Kube,
  network: ClusterNetwork,
  namespaces: readonly string[],
  signal: AbortSignal,
): Promise<PodOutbound> {
  if (Object.keys(outbound.proxies).length === 0) return outboundFor(outbound, network, []);
  const lists = await Promise.all(
    ['default', ...namespaces].map((namespace) =>
      kube.list<Wire<V1Service>>({ apiVersion: 'v1', kind: 'Service', namespace }, signal),
    ),
  );
  return outboundFor(outbound, network, lists.flat());
}

/** Pure. */
export function outboundFor(
  outbound: Outbound,
  network: ClusterNetwork,
  services: readonly Wire<V1Service>[],
): PodOutbound {
  const { authorities } = outbound;
  const env = proxyEnv(outbound, network, services);
  if (authorities === undefined) return { env };
  for (const name of authorityVariables) env[name] = authoritiesFile;
  // Where it is not needed TLS costs its memory all the same.
  const tls = process.getBuiltinModule('node:tls');
  return { env, authorities: [...tls.getCACertificates('bundled'), authorities].join('\n') };
}

function proxyEnv(
  { proxies, noProxy }: Outbound,
  network: ClusterNetwork,
  services: readonly Wire<V1Service>[],
): Record<string, string> {
  if (Object.keys(proxies).length === 0) return {};
  // A short name has no suffix that could be excepted, so each stands by itself.
  const names = services.flatMap(({ metadata, spec }) => {
    const { name = '', namespace = '' } = metadata ?? {};
    const address = spec?.clusterIP;
    // Not every program understands subnets.
    const addresses = address === undefined || address === 'None' ? [] : [address];
    return [name, `${name}.${namespace}`, ...addresses];
  });
  const spared = [
    ...noProxy.split(',').map((entry) => entry.trim()),
    ...['localhost', '127.0.0.1', '::1', ...network.subnets, '.svc', `.${network.domain}`],
    ...names,
  ].filter((entry) => entry !== '');
  const all = Object.entries({ ...proxies, NO_PROXY: [...new Set(spared)].join(',') });
  return Object.fromEntries(
    all.flatMap(([name, value]) => [
      [name, value],
      [name.toLowerCase(), value],
    ]),
  );
}
