import fs from 'node:fs';
import path from 'node:path';
import type { V1Node } from '@kubernetes/client-node';
import { KubeError } from '../kube/error.ts';
import { lackingRights, userOf, type Right } from '../kube/rights.ts';
import { plural } from '../model/format.ts';
import { KetError } from '../model/errors.ts';
import type { Kube, Wire } from '../model/kube.ts';
import type { ClusterHandle, RunContext, StartedNodes, Tools } from '../model/run.ts';
import type { Task, TaskContext } from '../model/task.ts';
import { distributionOf } from './distribution.ts';
import { grantFor, lackingLines } from './grant.ts';
import type { ClusterTasks, Connect } from './tasks.ts';
import { versionError } from './version.ts';

/** What a cluster that is not ket's alone must answer before anything is made in it. */
export interface SharedNeeds {
  /** Tasks without which the rights are not known. */
  readonly after: readonly Task[];
  /** All that the run will do there. */
  readonly rights: (kube: Kube, context: TaskContext) => Promise<readonly Right[]>;
  /** Whether the run makes a namespace of that name. */
  readonly isOwn: (namespace: string) => boolean;
  /** More that must be right. Rejects with what is not. */
  readonly look: (handle: ClusterHandle, context: TaskContext) => Promise<void>;
}

const connectMs = 60_000;
/** Charts may have to be fetched, to know what they make. */
const rightsMs = 3 * 60_000;
const lookMs = 2 * 60_000;

/** Uses a cluster that a context names: looks who it is, whether ket may do there what it has to, and makes nothing. */
export function sharedClusterTasks(
  run: RunContext,
  tools: Task<Tools>,
  cluster: { readonly name: string; readonly kubeconfig: string },
  needs: SharedNeeds,
  connect: Connect,
): ClusterTasks {
  const { name, kubeconfig } = cluster;
  // Nothing is brought to nodes that are no containers of this machine.
  const nodes: Task<StartedNodes> = {
    id: 'cluster nodes',
    phase: 'cluster',
    title: `nodes of cluster ${name}`,
    needs: [tools],
    limitMs: 1000,
    run: () => Promise.resolve({ name, nodes: [], facts: [] }),
  };
  const create: Task<ClusterHandle> = {
    id: 'cluster create',
    phase: 'cluster',
    title: `connect to cluster ${name}`,
    needs: [tools],
    limitMs: connectMs,
    async run(context) {
      const kube = await connect(kubeconfig);
      try {
        context.awaiting(`an answer of ${kube.server}`);
        const text = await versionOf(kube, name, context.signal);
        const old = versionError(text, 'use a cluster with a newer one: another context');
        if (old !== undefined) throw old;
        const found = await nodesOf(kube, context.signal);
        context.emit({ type: 'notice', level: 'info', text: clusterText(name, text, found) });
        return { name, kubeconfig, nodes: (found ?? []).map((node) => node.metadata?.name ?? ''), kube };
      } catch (error) {
        kube.close();
        throw error;
      }
    },
  };
  const rights: Task = {
    id: 'cluster rights',
    phase: 'cluster',
    title: `ask cluster ${name} for the rights`,
    needs: [create, tools, ...needs.after],
    limitMs: rightsMs,
    async run(context) {
      const { kube } = context.output(create);
      const wanted = await needs.rights(kube, context);
      context.awaiting(`answers to ${String(wanted.length)} questions for rights`);
      const lacking = await lackingRights(kube, wanted, context.signal);
      if (lacking.length === 0) return;
      const user = await userOf(kube, context.signal);
      throw await noRights(run, { name, user }, lacking, needs.isOwn);
    },
  };
  const ready: Task<ClusterHandle> = {
    id: 'cluster ready',
    phase: 'cluster',
    title: `look whether cluster ${name} can be used`,
    needs: [create, rights],
    limitMs: lookMs,
    async run(context) {
      const handle = context.output(create);
      const found = await nodesOf(handle.kube, context.signal);
      if (!(found ?? []).some(takesPods))
        throw new KetError('KET_NODES_NOT_READY', `no node of cluster ${name} is ready and takes pods`, {
          details: (found ?? []).map((node) => `node ${node.metadata?.name ?? ''}`),
          next: 'kubectl get nodes tells what is wrong with them',
        });
      await needs.look(handle, context);
      return handle;
    },
  };
  return { tools, nodes, create, ready, all: [create, rights, ready] };
}

async function versionOf(kube: Kube, name: string, signal: AbortSignal): Promise<string> {
  try {
    return await kube.text('/version', signal);
  } catch (error) {
    signal.throwIfAborted();
    if (!(error instanceof KubeError)) throw error;
    const refused = error.status === 401 || error.status === 403;
    throw new KetError(
      'KET_CLUSTER',
      refused
        ? `cluster ${name} does not accept who the kubeconfig says that you are`
        : `cluster ${name} cannot be reached`,
      { where: kube.server, cause: error, ...(error.next === undefined ? {} : { next: error.next }) },
    );
  }
}

/** Undefined where the user may not see them, which the rights tell in full. */
async function nodesOf(kube: Kube, signal: AbortSignal): Promise<readonly Wire<V1Node>[] | undefined> {
  try {
    return await kube.list<Wire<V1Node>>({ apiVersion: 'v1', kind: 'Node' }, signal);
  } catch (error) {
    if (error instanceof KubeError && error.status === 403) return undefined;
    throw error;
  }
}

/** `cluster staging: Kubernetes v1.34.4 (EKS), 3 nodes`. */
export function clusterText(
  name: string,
  version: string,
  nodes: readonly Wire<V1Node>[] | undefined,
): string {
  const { gitVersion = 'of an unknown version' } = JSON.parse(version) as { readonly gitVersion?: string };
  const count = nodes === undefined ? '' : `, ${plural(nodes.length, 'node')}`;
  return `cluster ${name}: Kubernetes ${gitVersion} (${distributionOf(gitVersion, nodes ?? [])})${count}`;
}

const takesPods = (node: Wire<V1Node>): boolean =>
  node.spec?.unschedulable !== true &&
  node.status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True') === true;

/** One error for all that lacks, with the objects that would grant it, also as a file. */
async function noRights(
  run: Pick<RunContext, 'folder'>,
  { name, user }: { readonly name: string; readonly user: string | undefined },
  lacking: readonly Right[],
  isOwn: (namespace: string) => boolean,
): Promise<KetError> {
  const grant = grantFor(lacking, user ?? 'USER', isOwn);
  const file = path.join(run.folder, 'cluster', 'rights.yaml');
  await fs.promises.mkdir(path.dirname(file), { recursive: true });
  await fs.promises.writeFile(file, grant, { mode: 0o600 });
  return new KetError(
    'KET_RIGHTS',
    `no rights: ${user ?? 'the user of the kubeconfig'} lacks ${String(lacking.length)} that the run needs in cluster ${name}; nothing was made`,
    {
      where: file,
      details: [...lackingLines(lacking), 'what grants them:', ...grant.trimEnd().split('\n')],
      next: `have somebody who may apply it: kubectl apply -f ${file}`,
    },
  );
}
