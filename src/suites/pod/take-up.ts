import fs from 'node:fs';
import path from 'node:path';
import type { TaskContext } from '../../model/task.ts';
import type { PodResult } from '../verdict/attempt-result.ts';
import { letPodGo } from '../collect/bring-home.ts';
import { lastLinesOf } from '../collect/console.ts';
import { afterRetry } from '../verdict/failed-cases.ts';
import { sidecar } from '../job/in-pod.ts';
import type { EndedPod } from '../journal.ts';
import { liveLogFile } from './live-log.ts';
import type { EndState, PodPlace } from './pod-end.ts';
import { sidecarStatus, type Pod } from './pod-state.ts';
import { readResults } from '../verdict/proof.ts';
import { adoptSoFar, soFar } from '../collect/snapshots.ts';
import type { SuiteWorld } from '../world.ts';

/** What a process that died had begun, for the one that goes on. */

/** For letting go a pod whose results are home. */
const letGoMs = 15_000;

/** The result of a pod whose end was decided before; it is let go, should that not have been heard. */
export async function takeEnded(
  world: Pick<SuiteWorld, 'kube' | 'keepFailedMs'>,
  { outDir, namespace, failed }: PodPlace,
  { at: _at, letGo, ...decided }: EndedPod,
  { deps }: Pick<TaskContext, 'deps'>,
): Promise<PodResult> {
  if (letGo !== undefined) {
    const { kube, keepFailedMs } = world;
    const signal = AbortSignal.timeout(letGoMs);
    const until = decided.kept === undefined ? undefined : deps.clock.now() + keepFailedMs;
    try {
      const ref = { apiVersion: 'v1', kind: 'Pod', namespace, name: letGo.pod };
      const pod = await kube.get<Pod>(ref, signal);
      if (pod !== undefined && sidecarStatus(pod)?.state?.running !== undefined)
        await letPodGo(
          { kube, container: { namespace, pod: letGo.pod, container: sidecar }, signal },
          letGo.manifest,
          until,
        );
    } catch {
      // Its results are here: what becomes of the pod changes nothing about them.
    }
  }
  const own = await readResults(path.join(outDir, 'results'));
  return {
    ...decided,
    results: failed === undefined ? own : await afterRetry(failed, own),
    lastLines: lastLinesOf(path.join(outDir, 'console.log'), 20),
  };
}

/** Takes away what a collection that was cut short left; what came over while the suite ran stays. */
export function clearPartial(outDir: string): void {
  if (!fs.existsSync(outDir)) return;
  for (const name of fs.readdirSync(outDir))
    if (name !== soFar && name !== liveLogFile)
      fs.rmSync(path.join(outDir, name), { recursive: true, force: true });
}

/** The end of a pod that went while nobody looked. What came over while it ran is what there is of its results. */
export function lostPod(outDir: string, what: string): EndState {
  const adopted = adoptSoFar(outDir);
  fs.rmSync(path.join(outDir, soFar), { recursive: true, force: true });
  const saved = adopted === undefined ? '' : `; ${String(adopted.files)} of its files had come over before`;
  return { podGone: true, mayHaveRun: true, collectError: `${what} while no driver watched${saved}` };
}
