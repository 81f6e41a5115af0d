import path from 'node:path';
import { KetError } from '../model/errors.ts';
import type { Plan } from '../model/plan.ts';
import type { ClusterHandle, RunContext, Tools } from '../model/run.ts';
import type { Task } from '../model/task.ts';
import type { ReleaseMade, UpStore } from '../model/up.ts';
import { helmEnv } from './helm.ts';

const uninstallMs = 120_000;

/** Releases that `ket up` once installed and that the tier has no more, or has elsewhere now. */
export const removedReleases = (plan: Plan, up: UpStore): readonly (readonly [string, ReleaseMade])[] =>
  Object.entries(up.releases()).filter(
    ([name, made]) =>
      !plan.releases.some((release) => release.name === name && release.namespace === made.namespace),
  );

/** Uninstalls them. Their namespaces stay: what else is in them is not known. */
export function uninstallTasks(
  run: RunContext,
  removed: readonly (readonly [string, ReleaseMade])[],
  up: UpStore,
  cluster: { readonly tools: Task<Tools>; readonly ready: Task<ClusterHandle> },
): Task[] {
  return removed.map(([name, { helmName, namespace }]) => ({
    id: `uninstall ${name}`,
    phase: 'releases',
    title: `uninstall release ${name}, which the tier has no more`,
    needs: [cluster.tools, cluster.ready],
    limitMs: uninstallMs,
    async run(context) {
      const { helm } = context.output(cluster.tools);
      if (helm === undefined) throw new KetError('KET_INTERNAL', 'no helm for a release that is to go');
      const { kubeconfig } = context.output(cluster.ready);
      const argv = [helm, 'uninstall', helmName, '--namespace', namespace, '--ignore-not-found', '--wait'];
      const result = await context.deps.exec({
        argv: [...argv, '--kubeconfig', kubeconfig, '--timeout', '90s'],
        env: helmEnv(run.env, kubeconfig),
        limitMs: uninstallMs - 10_000,
        signal: context.signal,
      });
      if (result.code !== 0)
        throw new KetError('KET_RELEASE', `release ${name} could not be uninstalled`, {
          where: path.join(run.folder, 'releases'),
          details: result.stderr.trim().split('\n').slice(-5),
          next: `helm uninstall ${helmName} --namespace ${namespace} --kubeconfig ${kubeconfig}`,
        });
      up.forget(name);
    },
  }));
}
