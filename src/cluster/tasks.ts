import path from 'node:path';
import type { V1Node } from '@kubernetes/client-node';
import { connect as connectKube } from '../kube/connect.ts';
import { KetError } from '../model/errors.ts';
import { formatMs, plural } from '../model/format.ts';
import type { Kube, Wire } from '../model/kube.ts';
import type { ClusterPlan, Plan } from '../model/plan.ts';
import type { ClusterHandle, RunContext, StartedNodes, Tools } from '../model/run.ts';
import type { Task, TaskContext } from '../model/task.ts';
import { factsOfNode, factsOfPlan } from './node-facts.ts';
import { saveDiagnostics } from './diagnose.ts';
import { startCreation, type Creation } from './kind.ts';
import { clusterName, nodeNames } from './names.ts';
import { waitUntilReady } from './ready.ts';
import { refuseOldKubernetes } from './version.ts';

/** Makes the API client of a kubeconfig. */
export type Connect = (kubeconfig: string) => Promise<Kube>;
const realConnect: Connect = (kubeconfig) => connectKube({ kubeconfig });

export interface ClusterTasks {
  readonly tools: Task<Tools>;
  /** Node containers run; images can be brought to them while Kubernetes starts. */
  readonly nodes: Task<StartedNodes>;
  /** kind is done; the API answers. */
  readonly create: Task<ClusterHandle>;
  /** Everything that releases and suites rely on is there. */
  readonly ready: Task<ClusterHandle>;
  readonly all: readonly Task[];
}

/** The node image may have to be pulled first: 1.5 GB. */
const nodesMs = 10 * 60_000;
const bootMs = 5 * 60_000;
/** For saving diagnostics after the limit proper. */
const graceMs = 60_000;
const shownLines = 20;

/** Creates the run's own Kind cluster. */
export function clusterTasks(
  run: RunContext,
  plan: Plan & { readonly cluster: ClusterPlan },
  tools: Task<Tools>,
  connect: Connect = realConnect,
): ClusterTasks {
  const name = clusterName(run.runId, plan.tier);
  const { kubeconfig } = run;
  const folder = path.join(run.folder, 'cluster');
  const names = nodeNames(name, plan.cluster.nodes);
  let creation: Creation | undefined;
  /** The task that shows kind's steps now. */
  let shown: { id: string; context: TaskContext } | undefined;

  const nodes: Task<StartedNodes> = {
    id: 'cluster nodes',
    phase: 'cluster',
    title: `start ${plural(names.length, 'node')} of cluster ${name}`,
    needs: [tools],
    limitMs: nodesMs + graceMs,
    async run(context) {
      const { kind, docker } = context.output(tools);
      if (kind === undefined)
        throw new KetError('KET_INTERNAL', 'no kind among the tools of a plan with a cluster');
      shown = { id: nodes.id, context };
      sayNameIsNotUsed(context, plan.cluster);
      await run.state.add({ type: 'kind-cluster', name, kubeconfig });
      const started = startCreation(context.deps, {
        kind,
        name,
        kubeconfig,
        plan: plan.cluster,
        authorities: run.outbound.authorities,
        limitMs: nodesMs + bootMs,
        onStep: ({ name: step, ms }) =>
          shown?.context.emit({ type: 'task-step', task: shown.id, step, stepMs: ms }),
        onStepBegin: (step) => shown?.context.awaiting(`kind: ${step}`),
      });
      creation = started;
      await within(context, started, started.nodes, nodesMs, { docker, name, folder });
      return { name, nodes: names, facts: factsOfPlan(plan.cluster, names) };
    },
  };

  const create: Task<ClusterHandle> = {
    id: 'cluster create',
    phase: 'cluster',
    title: `start Kubernetes in cluster ${name}`,
    needs: [tools, nodes],
    limitMs: bootMs + graceMs,
    async run(context) {
      shown = { id: create.id, context };
      const { docker } = context.output(tools);
      if (creation === undefined) throw new Error('the nodes were not started by this run');
      context.awaiting('kind to start Kubernetes');
      await within(context, creation, creation.done, bootMs, { docker, name, folder });
      return { name, kubeconfig, nodes: names, kube: await connect(kubeconfig) };
    },
  };

  const ready = readyTask(run, plan.cluster, tools, create);
  return { tools, nodes, create, ready, all: [nodes, create, ready] };
}

/** Uses a cluster that an earlier `ket up` made; ket never creates or deletes anything of it but what the run makes. */
export function existingClusterTasks(
  run: RunContext,
  plan: Plan & { readonly cluster: ClusterPlan },
  tools: Task<Tools>,
  cluster: { readonly name: string; readonly kubeconfig: string; readonly nodes?: readonly string[] },
  connect: Connect = realConnect,
): ClusterTasks {
  const names = cluster.nodes ?? nodeNames(cluster.name, plan.cluster.nodes);
  const create: Task<ClusterHandle> = {
    id: 'cluster create',
    phase: 'cluster',
    title: `connect to cluster ${cluster.name}`,
    needs: [],
    limitMs: 60_000,
    run: async () => ({
      name: cluster.name,
      kubeconfig: cluster.kubeconfig,
      nodes: names,
      kube: await connect(cluster.kubeconfig),
    }),
  };
  const nodes: Task<StartedNodes> = {
    id: 'cluster nodes',
    phase: 'cluster',
    title: `look at the nodes of cluster ${cluster.name}`,
    needs: [create],
    limitMs: 60_000,
    async run(context) {
      const { kube } = context.output(create);
      const found = await kube.list<Wire<V1Node>>({ apiVersion: 'v1', kind: 'Node' }, context.signal);
      const facts = found.map(factsOfNode).filter(({ name }) => names.includes(name));
      return { name: cluster.name, nodes: names, facts };
    },
  };
  const ready = readyTask(run, plan.cluster, tools, create);
  return { tools, nodes, create, ready, all: [nodes, create, ready] };
}

function readyTask(
  run: RunContext,
  plan: ClusterPlan,
  tools: Task<Tools>,
  create: Task<ClusterHandle>,
): Task<ClusterHandle> {
  return {
    id: 'cluster ready',
    phase: 'cluster',
    title: 'wait until the cluster is ready',
    needs: [tools, create],
    limitMs: plan.readyMs + graceMs,
    async run(context) {
      const cluster = context.output(create);
      try {
        await waitUntilReady({
          kube: cluster.kube,
          nodes: cluster.nodes,
          limitMs: plan.readyMs,
          disableDefaultCNI: plan.disableDefaultCNI,
          signal: context.signal,
          awaiting: (what) => context.awaiting(what),
        });
        await refuseOldKubernetes(cluster.kube, context.signal);
      } catch (error) {
        const { docker } = context.output(tools);
        const folder = path.join(run.folder, 'cluster');
        throw await withDiagnostics(context, error, {
          docker,
          name: cluster.name,
          folder,
          kube: cluster.kube,
        });
      }
      return cluster;
    },
  };
}

interface Where {
  readonly docker: string;
  readonly name: string;
  readonly folder: string;
  readonly kube?: Kube;
}

/** Waits for a part of the creation, within the task's own limit; ends kind and saves diagnostics when that fails. */
async function within(
  context: TaskContext,
  creation: Creation,
  part: Promise<void>,
  limitMs: number,
  where: Where,
): Promise<void> {
  const limit = AbortSignal.timeout(limitMs);
  const signal = AbortSignal.any([context.signal, limit]);
  let onAbort: (() => void) | undefined;
  const aborted = new Promise<never>((_resolve, reject) => {
    onAbort = () => reject(signal.reason as Error);
    signal.addEventListener('abort', onAbort, { once: true });
  });
  try {
    context.signal.throwIfAborted();
    await Promise.race([part, aborted]);
  } catch (error) {
    await creation.stop();
    const cause = limit.aborted
      ? new KetError('KET_CLUSTER', `kind did not get so far within ${formatMs(limitMs)}`, {
          where: 'kind create cluster',
          next: 'see the folder cluster of the run; ket doctor checks this machine',
        })
      : error;
    throw await withDiagnostics(context, cause, where);
  } finally {
    if (onAbort !== undefined) signal.removeEventListener('abort', onAbort);
  }
}

/** The error with the lines that matter from what was saved; a cancelled run saves nothing. */
async function withDiagnostics(context: TaskContext, error: unknown, where: Where): Promise<unknown> {
  if (context.signal.aborted || !(error instanceof KetError)) return error;
  context.awaiting('diagnostics to be saved');
  const lines = Math.max(10, shownLines - error.details.length);
  const saved = await saveDiagnostics(context.deps, { ...where, lines });
  return new KetError(error.code, error.message, {
    details: [...error.details, ...saved.lines],
    ...(error.next === undefined ? {} : { next: error.next }),
    where: saved.files.length > 0 ? where.folder : (error.where ?? where.folder),
    cause: error.cause,
  });
}

/** Two runs at once must not fight for a name, so the one in the config cannot be honoured; that is said. */
function sayNameIsNotUsed(context: TaskContext, { configName }: ClusterPlan): void {
  if (configName !== undefined)
    context.emit({
      type: 'notice',
      level: 'info',
      text: `the name in the Kind config (${configName}) is not used: every run has its own`,
    });
}
