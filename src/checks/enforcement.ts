import type { Clock } from '../model/deps.ts';
import { KetError } from '../model/errors.ts';
import type { Kube } from '../model/kube.ts';
import { ask } from './ask.ts';
import { ownLabels, port } from './pods.ts';
import type { Question } from './question.ts';
import { standingText, type Standing } from './running.ts';

/** Label of the pod that ket's own policy shuts off. */
export const wallLabels = { 'ket.dev/wall': 'true' } as const;

/** Before the first request to a pod that has just started, and until a policy has come to its node. */
const openMs = 15_000;
const shutMs = 15_000;
const pauseMs = 300;
const tryMs = 1500;

/**
 * Whether the cluster enforces NetworkPolicies: a pod of ket's that answers another one does so no more, once a policy
 * denies it everything. Both are needed: a pod that never answered would look as if it were shut off.
 */
export async function enforces(
  kube: Pick<Kube, 'exec' | 'create'>,
  { runId, from, wall }: { readonly runId: string; readonly from: Standing; readonly wall: Standing },
  clock: Clock,
  signal: AbortSignal,
): Promise<boolean> {
  const question: Question = {
    probe: { kind: 'tcp', host: wall.address, port },
    to: standingText(wall),
    expects: { kind: 'connection' },
  };
  const becomes = async (open: boolean, limitMs: number): Promise<boolean> => {
    const until = clock.monotonic() + limitMs;
    for (;;) {
      const [answer] = await ask(kube, from, [question], tryMs, signal);
      if (answer?.ok === open) return true;
      if (clock.monotonic() >= until) return false;
      await clock.sleep(pauseMs, signal);
    }
  };
  if (!(await becomes(true, openMs)))
    throw new KetError(
      'KET_CHECK',
      `${standingText(from)} gets no connection to ${standingText(wall)} (${wall.address}:${String(port)}), though no policy is in the way`,
      { next: 'the network between pods does not work: see the pods of its plugin in kube-system' },
    );
  await kube.create(
    {
      apiVersion: 'networking.k8s.io/v1',
      kind: 'NetworkPolicy',
      metadata: { name: wall.pod, namespace: wall.namespace, labels: ownLabels(runId) },
      spec: { podSelector: { matchLabels: wallLabels }, policyTypes: ['Ingress'] },
    },
    signal,
  );
  return becomes(false, shutMs);
}
