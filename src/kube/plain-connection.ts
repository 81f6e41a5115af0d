import fs from 'node:fs';
import { parse } from 'yaml';
import { connectionTo, type Connection } from './agent.ts';

/** The parts of a kubeconfig as kind writes it. */
interface Kubeconfig {
  readonly 'current-context'?: unknown;
  readonly contexts?: readonly Named<'context', { readonly cluster?: string; readonly user?: string }>[];
  readonly clusters?: readonly Named<'cluster', Mapping>[];
  readonly users?: readonly Named<'user', Mapping>[];
}
type Named<Key extends string, Value> = { readonly name?: string } & { readonly [K in Key]?: Value };
type Mapping = Readonly<Record<string, unknown>>;

const ofCluster = ['server', 'certificate-authority-data'];
const ofUser = ['client-certificate-data', 'client-key-data'];

/**
 * The connection of a kubeconfig that has nothing but an address and certificates, as kind writes them. Undefined for
 * any other, and for one that cannot be read: client-node knows all forms, but it costs 90 MB and half a second.
 */
export function plainConnection(kubeconfig: string, context: string | undefined): Connection | undefined {
  const config = read(kubeconfig);
  const wanted = context ?? config?.['current-context'];
  const chosen = config?.contexts?.find(({ name }) => name === wanted)?.context;
  const cluster = config?.clusters?.find(({ name }) => name === chosen?.cluster)?.cluster;
  const user = config?.users?.find(({ name }) => name === chosen?.user)?.user;
  if (cluster === undefined || user === undefined) return undefined;
  const [server, ca] = textsOf(cluster, ofCluster) ?? [];
  const [cert, key] = textsOf(user, ofUser) ?? [];
  if (server === undefined || ca === undefined || cert === undefined || key === undefined) return undefined;
  const url = URL.parse(server);
  if (url?.protocol !== 'https:') return undefined;
  const tls = { ca: decoded(ca), cert: decoded(cert), key: decoded(key) };
  return connectionTo(url, false, (agent) => Promise.resolve({ ...tls, agent, headers: {} }));
}

function read(kubeconfig: string): Kubeconfig | undefined {
  try {
    return parse(fs.readFileSync(kubeconfig, 'utf8')) as Kubeconfig;
  } catch {
    return undefined;
  }
}

/** The values of exactly these keys; undefined when one lacks, or when there is any other. */
function textsOf(mapping: Mapping, keys: readonly string[]): string[] | undefined {
  const values = keys.map((key) => mapping[key]);
  const texts = values.filter((value) => typeof value === 'string' && value !== '');
  return texts.length === keys.length && Object.keys(mapping).length === keys.length
    ? (texts as string[])
    : undefined;
}

const decoded = (base64: string): Buffer => Buffer.from(base64, 'base64');
