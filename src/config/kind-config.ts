import path from 'node:path';
import type { HostPort, NodeRole } from '../model/plan.ts';
import { kindFields } from './kind-fields.ts';
import { mergeKind, roleOf } from './kind-merge.ts';
import { hostPortsIn } from './kind-ports.ts';
import { typed } from './kind-types.ts';
import { isRecord } from './overlay.ts';
import { nearest, type Problem } from './problems.ts';
import { readSource, type Source } from './source.ts';
import { childOf, dataOf, itemsOf, problemAt, treeOf, valueOf, type Tree } from './tree.ts';
import type { Environment } from './variables.ts';

/** A Kind config as kind gets it, and what ket must know of it; the rest is kind's own business. */
export interface KindConfig {
  /** Of all files, with variables filled in and paths absolute. */
  readonly data: Readonly<Record<string, unknown>>;
  readonly nodes: readonly NodeRole[];
  readonly hostPorts: readonly HostPort[];
  /** Another network plugin than kind's is to be installed. */
  readonly disableDefaultCNI: boolean;
  readonly name?: string;
  readonly problems: readonly Problem[];
}

export interface KindFile {
  readonly source: Source;
  /** What its relative paths are relative to. */
  readonly folder: string;
}

const apiVersion = 'kind.x-k8s.io/v1alpha4';
const roles = ['control-plane', 'worker'] as const;

/**
 * Reads Kind configs that are merged in this order; `shown` gives their names in messages. Without an environment, as
 * where no run is meant, a variable that has no default is left as it is, and nothing is said of its value.
 */
export function readKindConfig(
  files: readonly string[],
  { shown = (file) => file, env }: { shown?: (file: string) => string; env?: Environment } = {},
): KindConfig {
  return kindConfigOf(
    files.map((file) => ({ source: readSource(file, shown(file)), folder: path.dirname(file) })),
    env,
  );
}

export function kindConfigOf(files: readonly KindFile[], env?: Environment): KindConfig {
  const parts = files.map((file) => partOf(file, env));
  const problems = parts.flatMap((part) => part.problems);
  const [first, ...others] = parts.flatMap(({ tree }) => (tree === undefined ? [] : [tree]));
  const none = { data: {}, nodes: [], hostPorts: [], disableDefaultCNI: false, problems };
  if (first === undefined || problems.length > 0) return none;
  const config = mergeKind(first, ...others);
  const ports = hostPortsIn(config);
  const all = [...controlPlaneProblems(config), ...ports.problems];
  if (all.length > 0) return { ...none, problems: all };
  const nodes = itemsOf(childOf(config, 'nodes')).map((node) => roleOf(node) as NodeRole);
  const name = valueOf(childOf(config, 'name'));
  return {
    data: dataOf(config) as Readonly<Record<string, unknown>>,
    // Without a list kind makes one control plane.
    nodes: nodes.length === 0 ? ['control-plane'] : nodes,
    hostPorts: ports.ports,
    disableDefaultCNI: valueOf(childOf(childOf(config, 'networking'), 'disableDefaultCNI')) === true,
    ...(typeof name === 'string' && name !== '' ? { name } : {}),
    problems,
  };
}

/** One file by itself: its form, its variables, its types. */
function partOf({ source, folder }: KindFile, env?: Environment): { tree?: Tree; problems: Problem[] } {
  const problems: Problem[] = [...source.problems];
  if (source.data === undefined) return { problems };
  if (!isRecord(source.data)) {
    const wanted = `it begins with "kind: Cluster" and "apiVersion: ${apiVersion}"`;
    problems.push(source.problem([], `is not a Kind config: ${wanted}`));
    return { problems };
  }
  problems.push(...header(source, source.data));
  const filled = treeOf(source, env);
  const { tree, problems: wrong } = typed(filled.tree, kindFields, folder);
  problems.push(...filled.problems, ...wrong, ...roleProblems(tree));
  return { tree, problems };
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

function roleProblems(config: Tree): Problem[] {
  const nodes = childOf(config, 'nodes');
  if (nodes?.is === 'list' && nodes.items.length === 0)
    return [problemAt(nodes, '"nodes" must be a list with at least one node')];
  return itemsOf(nodes).flatMap((node, index) => {
    const role = childOf(node, 'role');
    if (role?.is !== 'scalar' || role.made === 'open' || roles.some((name) => name === role.value)) return [];
    const suggestion = typeof role.value === 'string' ? nearest(role.value, roles) : undefined;
    return [problemAt(role, `node ${index + 1} has no role that kind knows`, { allowed: roles, suggestion })];
  });
}

/** Of all files together: one alone may only change workers. */
function controlPlaneProblems(config: Tree): Problem[] {
  const nodes = childOf(config, 'nodes');
  const known = itemsOf(nodes).map(roleOf);
  if (nodes === undefined || known.some((role) => role !== 'worker')) return [];
  return [problemAt(nodes, 'no node has the role control-plane', { key: true })];
}
