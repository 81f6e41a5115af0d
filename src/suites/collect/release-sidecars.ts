import type { Kube } from '../../model/kube.ts';
import { parseManifest } from '../../results/manifest.ts';
import { acknowledge, execKetRun, type Access } from './ask.ts';
import { folders, sidecar } from '../job/in-pod.ts';
import { sidecarStatus, type Pod } from '../pod/pod-state.ts';

/** Results that nobody will fetch are hashed once more for it. */
const limitMs = 20_000;

/**
 * Tells the sidecars of the pods that ket is about to delete that nobody comes for their results. The kubelet gives the
 * sidecar of a suite that has ended the pod's whole grace, minutes, and a deletion does not shorten it. A sidecar that
 * cannot be told goes when that is over: nothing fails for it.
 */
export async function releaseSidecars(
  kube: Pick<Kube, 'list' | 'exec'>,
  pods: { readonly namespace: string; readonly labelSelector?: string },
  signal: AbortSignal = new AbortController().signal,
): Promise<void> {
  const stop = AbortSignal.any([signal, AbortSignal.timeout(limitMs)]);
  const found = await kube.list<Pod>({ apiVersion: 'v1', kind: 'Pod', ...pods }, stop).catch(() => []);
  const waiting = found.filter((pod) => sidecarStatus(pod)?.state?.running !== undefined);
  await Promise.all(
    waiting.map(async ({ metadata }) => {
      const container = { namespace: pods.namespace, pod: metadata?.name ?? '', container: sidecar };
      const access: Access = { kube, container, signal: stop };
      try {
        const chunks: Buffer[] = [];
        await execKetRun(access, ['manifest', ...folders], (chunk) => void chunks.push(chunk));
        await acknowledge(access, parseManifest(Buffer.concat(chunks)).sha256);
      } catch {
        // It goes by itself, later.
      }
    }),
  );
}
