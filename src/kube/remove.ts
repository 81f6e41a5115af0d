import type { Kube, ObjectRef } from '../model/kube.ts';

/** For the pods of what is removed: their sidecars would wait minutes for somebody who takes the results. */
const podGraceSeconds = 5;

/** Deletes an object that ket made, and lets the pods of a namespace or Job end soon. True when it was there. */
export async function remove(
  kube: Pick<Kube, 'delete' | 'list'>,
  ref: ObjectRef,
  signal?: AbortSignal,
): Promise<boolean> {
  const there = await kube.delete(ref, {}, signal);
  const query = podsOf(ref);
  if (query === undefined) return there;
  for (const { metadata } of await kube.list({ apiVersion: 'v1', kind: 'Pod', ...query }, signal)) {
    const pod = { apiVersion: 'v1', kind: 'Pod', namespace: query.namespace, name: metadata?.name ?? '' };
    await kube.delete(pod, { graceSeconds: podGraceSeconds }, signal);
  }
  return there;
}

function podsOf(ref: ObjectRef): { readonly namespace: string; readonly labelSelector?: string } | undefined {
  if (ref.kind === 'Namespace') return { namespace: ref.name };
  if (ref.kind !== 'Job' || ref.namespace === undefined) return undefined;
  return { namespace: ref.namespace, labelSelector: `batch.kubernetes.io/job-name=${ref.name}` };
}
