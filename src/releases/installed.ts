import path from 'node:path';
import { KetError } from '../model/errors.ts';
import { formatMs } from '../model/format.ts';
import type { ReleasePlan } from '../model/plan.ts';
import type { ClusterHandle, RunContext } from '../model/run.ts';
import type { Task } from '../model/task.ts';
import { evidence } from './evidence.ts';
import { nodesText, spreadOf } from './spread.ts';
import type { ReadyRelease } from './tasks.ts';
import { watchRelease } from './watch.ts';

const graceMs = 30_000;

/** Looks at a release that is in the cluster already: whether it is there and ready. It is not touched. */
export function installedTask(
  run: RunContext,
  release: ReleasePlan,
  cluster: Task<ClusterHandle>,
): Task<ReadyRelease> {
  const { name, namespace } = release;
  return {
    id: `install ${name}`,
    phase: 'releases',
    title: `look at release ${name}, installed already`,
    needs: [cluster],
    limitMs: release.limitMs + graceMs,
    async run(context) {
      const handle = context.output(cluster);
      const folder = path.join(run.folder, 'releases', name);
      const watch = watchRelease(handle.kube, context.deps.clock, release, true);
      const limit = AbortSignal.timeout(release.limitMs);
      try {
        const end = await watch.until<'ready' | 'absent' | 'thin'>(
          (stand) => {
            if (stand.workloads.length === 0) return 'absent';
            if (stand.notAvailable.length === 0)
              return spreadOf(stand.pods).nodes.length >= (release.spread ?? 0) ? 'ready' : 'thin';
            context.awaiting(stand.waitingFor[0] ?? name);
            return undefined;
          },
          AbortSignal.any([context.signal, limit]),
        );
        if (end === 'ready') return { release, cluster: handle };
        if (end === 'thin')
          throw new KetError(
            'KET_RELEASE',
            `release ${name} has its ready pods on ${nodesText(spreadOf(watch.stand().pods).nodes.length)}, and \`spread\` asks for ${String(release.spread)}`,
            {
              where: `namespace ${namespace}`,
              next: 'lower `spread`, or see to it that its pods are spread',
            },
          );
        throw new KetError(
          'KET_RELEASE',
          `release ${name} is not in namespace ${namespace}, and \`installed: true\` says that it is`,
          {
            where: `cluster ${handle.name}`,
            next: `ket looks for Deployments, StatefulSets and DaemonSets that Helm installed as ${name}, or with the label app.kubernetes.io/instance=${name}: name another namespace, or leave \`installed\` out`,
          },
        );
      } catch (error) {
        context.signal.throwIfAborted();
        if (!limit.aborted) throw error;
        const { waitingFor, pods } = watch.stand();
        const proofs = evidence(handle.kube, namespace, folder);
        const events = await proofs.events(8);
        await proofs.save(pods);
        throw new KetError(
          'KET_RELEASE',
          `release ${name}, installed already, was not ready within ${formatMs(release.limitMs)}: ${waitingFor[0] ?? 'no reason is known'}`,
          {
            where: folder,
            details: [...waitingFor, ...events],
            next: 'see to it that it works; ket changes nothing about it',
          },
        );
      } finally {
        watch.close();
      }
    },
  };
}
