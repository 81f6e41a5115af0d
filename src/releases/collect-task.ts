import path from 'node:path';
import { formatMs } from '../model/format.ts';
import type { ReleasePlan } from '../model/plan.ts';
import type { RunContext } from '../model/run.ts';
import type { Task } from '../model/task.ts';
import { collectRelease, type CollectedFile } from './collect.ts';
import type { ReadyRelease } from './tasks.ts';

const limitMs = 10 * 60_000;

/** Brings files out of a release's pods once no suite uses it any more, and before it is removed. */
export function collectTask(
  run: RunContext,
  install: Task<ReadyRelease>,
  release: ReleasePlan,
  suites: readonly Task[],
): Task<readonly CollectedFile[]> {
  return {
    id: `collect ${release.name}`,
    phase: 'releases',
    title: `collect files of release ${release.name}`,
    needs: [install],
    after: suites,
    limitMs,
    async run(context) {
      context.awaiting(`files of ${release.name}, for at most ${formatMs(limitMs)}`);
      return collectRelease({
        kube: context.output(install).cluster.kube,
        release,
        outDir: path.join(run.folder, 'releases', release.name),
        signal: context.signal,
        emit: (event) => context.emit(event),
      });
    },
  };
}
