import fs from 'node:fs';
import path from 'node:path';
import type { EventBody } from '../model/events.ts';
import type { ExitCode } from '../model/outcome.ts';
import type { Plan } from '../model/plan.ts';
import type { ClusterHandle } from '../model/run.ts';
import type { Task } from '../model/task.ts';
import { saveDiagnostics } from '../cluster/diagnose.ts';
import type { PreparedSuite } from '../suites/prepare.ts';
import type { SuiteReport } from '../suites/suite.ts';
import { findDocker } from '../tools/find.ts';
import { cleanupTasks, leavingTasks, nameOf, remover } from './cleanup.ts';
import type { Composition } from './composition.ts';
import { execute, type TaskResult } from './executor.ts';
import type { ExistingCluster } from './existing.ts';
import { guarded } from './guarded.ts';
import type { RunEnd, RunOptions } from './run-options.ts';
import type { OpenState } from './state.ts';

export interface Ended {
  readonly exitCode: ExitCode;
  readonly reports: readonly SuiteReport[];
  readonly composition: Composition;
  readonly results: ReadonlyMap<Task, TaskResult>;
}

/** Removes what the run made, or keeps it for a look inside and says how. Gives the cluster; its kubeconfig if it stays. */
export async function settle(
  options: Pick<RunOptions, 'deps' | 'connect' | 'up'> & {
    readonly folder: string;
    readonly existing?: ExistingCluster;
  },
  plan: Plan,
  state: OpenState,
  ended: Ended,
  emit: (event: EventBody) => void,
): Promise<RunEnd['cluster']> {
  const { deps } = options;
  const cluster =
    ended.composition.cluster === undefined
      ? undefined
      : (ended.results.get(ended.composition.cluster)?.output as ClusterHandle | undefined);
  // Nothing cancels a removal: each part has a limit of its own, and what a killed ket leaves, the next one sweeps.
  const signal = new AbortController().signal;
  const remove = remover(deps, options.connect, undefined, (text) =>
    emit({ type: 'notice', level: 'warning', text }),
  );
  // Of suites that never ran: nobody looks inside.
  await Promise.all(
    (ended.composition.prepared ?? []).map(
      (task) =>
        (ended.results.get(task)?.output as PreparedSuite | undefined)?.drop(emit) ?? Promise.resolve(),
    ),
  );
  await execute(leavingTasks(state, remove), { deps, emit, signal });
  const stays = options.up === true ? ended.exitCode === 0 : keeps(plan, ended) && state.list().length > 0;
  const shared = options.existing?.shared === true;
  // What others have in their cluster is no concern of a report of this run.
  if (cluster !== undefined && !shared && (plan.logs === 'always' || ended.exitCode === 3))
    await guarded('the logs of the cluster', emit, async () => {
      const { name, kube } = cluster;
      const where = {
        docker: findDocker(deps.env),
        name,
        kube,
        folder: path.join(options.folder, 'cluster'),
      };
      await saveDiagnostics(deps, where);
    });
  cluster?.kube.close();
  if (stays && cluster !== undefined) {
    if (options.up === true) {
      // One that an earlier `ket up` made is listed already.
      if (options.existing === undefined) await state.keep({ up: { root: plan.root, tier: plan.tier } });
      emit({
        type: 'kept',
        what: nameOf({ type: 'kind-cluster', ...cluster }),
        until: 'ket down',
        how: howToEnter(cluster, []),
      });
    } else {
      const until = new Date(deps.clock.now() + plan.keepMs).toISOString();
      await state.keep({ until });
      emit({
        type: 'kept',
        what: state.list().map(nameOf).join(', '),
        until,
        how: howToEnter(cluster, ended.reports),
      });
    }
    return { name: cluster.name, kubeconfig: cluster.kubeconfig };
  }
  await execute(cleanupTasks(state, remove), { deps, emit, signal });
  if (options.existing === undefined) fs.rmSync(state.file.replace(/\.json$/, '.up'), { force: true });
  // It holds keys, and is needed for what could not be removed alone.
  if (shared && state.list().length === 0) fs.rmSync(options.existing.kubeconfig, { force: true });
  if (cluster === undefined) return undefined;
  const { name, kubeconfig } = cluster;
  return options.existing === undefined || shared ? { name } : { name, kubeconfig };
}

function keeps(plan: Plan, ended: Ended): boolean {
  if (ended.exitCode === 130) return false;
  return plan.keep === 'always' || (plan.keep === 'on-failure' && ended.exitCode !== 0);
}

function howToEnter(cluster: ClusterHandle, reports: readonly SuiteReport[]): string[] {
  return [
    `export KUBECONFIG=${cluster.kubeconfig}`,
    ...reports.flatMap((report) =>
      report.kept.map((pod) => `kubectl exec -it -n ${pod.namespace} ${pod.pod} -c ${pod.container} -- sh`),
    ),
  ];
}
