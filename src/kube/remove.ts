import type { V1Pod } from '@kubernetes/client-node';
import type { Kube, ObjectRef, Wire } from '../model/kube.ts';

type Pod = Wire<V1Pod>;

/** For the pods of what is removed: their sidecars would wait minutes for somebody who takes the results. */
const podGraceSeconds = 5;

/**
 * Deletes an object that ket made; the pods of a namespace or Job before it, for the cluster itself would give them
 * their whole grace, and once more after it, for one may have come meanwhile. True when the object was there.
 */
export async function remove(
  kube: Pick<Kube, 'delete' | 'list'>,
  ref: ObjectRef,
  signal?: AbortSignal,
): Promise<boolean> {
  const query = podsOf(ref);
  const endPods = async (): Promise<void> => {
    if (query === undefined) return;
    for (const { metadata, status } of await kube.list<Pod>(
      { apiVersion: 'v1', kind: 'Pod', ...query },
      signal,
    )) {
      const { name = '', deletionGracePeriodSeconds } = metadata ?? {};
      const ended = status?.phase === 'Succeeded' || status?.phase === 'Failed';
      if (ended || (deletionGracePeriodSeconds ?? Infinity) <= podGraceSeconds) continue;
      const pod = { apiVersion: 'v1', kind: 'Pod', namespace: query.namespace, name };
      await kube.delete(pod, { graceSeconds: podGraceSeconds }, signal);
    }
  };
  await endPods();
  const there = await kube.delete(ref, {}, signal);
  await endPods();
  return there;
}

/** The pods that go with an object; undefined for kinds that have none. */
export function podsOf(
  ref: Pick<ObjectRef, 'kind' | 'name' | 'namespace'>,
): { readonly namespace: string; readonly labelSelector?: string } | undefined {
  if (ref.kind === 'Namespace') return { namespace: ref.name };
  if (ref.kind !== 'Job' || ref.namespace === undefined) return undefined;
  return { namespace: ref.namespace, labelSelector: `batch.kubernetes.io/job-name=${ref.name}` };
}
