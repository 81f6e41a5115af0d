import type { HostPort, NodeRole } from '../model/plan.ts';
import { nearest, type Problem } from './problems.ts';
import { readSource, type Source } from './source.ts';

/** What ket must know of a Kind config; the rest is kind's own business, and kind checks it strictly. */
export interface KindConfig {
  readonly nodes: readonly NodeRole[];
  readonly hostPorts: readonly HostPort[];
  /** Another network plugin than kind's is to be installed. */
  readonly disableDefaultCNI: boolean;
  readonly name?: string;
  readonly problems: readonly Problem[];
}

const apiVersion = 'kind.x-k8s.io/v1alpha4';
const roles = ['control-plane', 'worker'] as const;

/** Reads a Kind config; `shown` is its name in messages. */
export function readKindConfig(file: string, shown = file): KindConfig {
  return kindConfigOf(readSource(file, shown));
}

export function kindConfigOf(source: Source): KindConfig {
  const problems: Problem[] = [...source.problems];
  const { data } = source;
  const none = { nodes: [], hostPorts: [], disableDefaultCNI: false, problems };
  if (data === undefined) return none;
  if (!isRecord(data)) {
    problems.push(
      source.problem(
        [],
        `is not a Kind config: it begins with "kind: Cluster" and "apiVersion: ${apiVersion}"`,
      ),
    );
    return none;
  }
  problems.push(...header(source, data));
  const { nodes, problems: wrong } = rolesOf(source, data['nodes']);
  problems.push(...wrong);
  const { networking, name } = data;
  return {
    nodes,
    hostPorts: hostPortsOf(data),
    disableDefaultCNI: isRecord(networking) && networking['disableDefaultCNI'] === true,
    ...(typeof name === 'string' && name !== '' ? { name } : {}),
    problems,
  };
}

function header(source: Source, data: Readonly<Record<string, unknown>>): Problem[] {
  const problems: Problem[] = [];
  for (const [key, wanted] of [
    ['apiVersion', apiVersion],
    ['kind', 'Cluster'],
  ] as const) {
    const value = data[key];
    if (value === wanted) continue;
    const message =
      value === undefined
        ? `is not a Kind config: "${key}: ${wanted}" is missing`
        : `is not a Kind config that ket takes: "${key}" is ${JSON.stringify(value)}`;
    problems.push(source.problem([key], message, { allowed: [wanted] }));
  }
  return problems;
}

/** Roles of the nodes; without a list kind makes one control plane. */
function rolesOf(source: Source, list: unknown): { nodes: NodeRole[]; problems: Problem[] } {
  if (list === undefined || list === null) return { nodes: ['control-plane'], problems: [] };
  if (!Array.isArray(list) || list.length === 0)
    return {
      nodes: [],
      problems: [source.problem(['nodes'], '"nodes" must be a list with at least one node')],
    };
  const nodes: NodeRole[] = [];
  const problems: Problem[] = [];
  list.forEach((node: unknown, index) => {
    const role: unknown = isRecord(node) ? (node['role'] ?? 'control-plane') : undefined;
    const known = roles.find((name) => name === role);
    if (known !== undefined) nodes.push(known);
    else {
      const at = isRecord(node) ? ['nodes', index, 'role'] : ['nodes', index];
      problems.push(
        source.problem(at, `node ${index + 1} has no role that kind knows`, {
          allowed: roles,
          suggestion: typeof role === 'string' ? nearest(role, roles) : undefined,
        }),
      );
    }
  });
  if (problems.length === 0 && !nodes.includes('control-plane'))
    problems.push(source.problem(['nodes'], 'no node has the role control-plane', { key: true }));
  return { nodes, problems };
}

/** Ports with a number of their own; 0 and -1 leave the choice to kind. */
function hostPortsOf(data: Readonly<Record<string, unknown>>): HostPort[] {
  const found: HostPort[] = [];
  const claim = (port: unknown, address: unknown, protocol: unknown): void => {
    if (typeof port !== 'number' || port <= 0) return;
    found.push({
      port,
      address: typeof address === 'string' && address !== '' ? address : '0.0.0.0',
      protocol: typeof protocol === 'string' ? protocol.toUpperCase() : 'TCP',
    });
  };
  for (const node of asList(data['nodes']))
    for (const mapping of asList(isRecord(node) ? node['extraPortMappings'] : undefined))
      if (isRecord(mapping)) claim(mapping['hostPort'], mapping['listenAddress'], mapping['protocol']);
  const networking = data['networking'];
  if (isRecord(networking))
    claim(networking['apiServerPort'], networking['apiServerAddress'] ?? '127.0.0.1', 'TCP');
  return found;
}

const asList = (value: unknown): readonly unknown[] =>
  Array.isArray(value) ? (value as readonly unknown[]) : [];

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
