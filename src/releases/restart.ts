import type { V1Deployment } from '@kubernetes/client-node';
import { imageKey } from '../model/image-name.ts';
import type { Kube, ObjectRef, Wire } from '../model/kube.ts';
import { isOfRelease } from './workloads.ts';

const kinds = ['Deployment', 'StatefulSet', 'DaemonSet'] as const;

/** What the three kinds have in common. */
type Workload = Pick<Wire<V1Deployment>, 'metadata'> & {
  readonly spec?: { readonly template?: NonNullable<Wire<V1Deployment>['spec']>['template'] };
};

/** Same name, other content: whether a workload's pods run an image that was brought anew under its old name. */
export function usesAny(workload: Workload, images: readonly string[]): boolean {
  const spec = workload.spec?.template?.spec;
  // A chart may write the name in full.
  const keys = images.map(imageKey);
  return [...(spec?.containers ?? []), ...(spec?.initContainers ?? [])].some(
    (container) => container.image !== undefined && keys.includes(imageKey(container.image)),
  );
}

/**
 * What stands of a release before it is installed again, and runs one of these images. When their content changed
 * under the same name, Helm sees no change and would leave the old code running, which the suites would then test.
 */
export async function running(
  kube: Pick<Kube, 'list'>,
  release: { readonly name: string; readonly namespace: string },
  images: readonly string[],
  signal: AbortSignal,
): Promise<ObjectRef[]> {
  const found: ObjectRef[] = [];
  for (const kind of kinds) {
    const query = { apiVersion: 'apps/v1', kind, namespace: release.namespace };
    for (const workload of await kube.list<Workload>(query, signal)) {
      const name = workload.metadata?.name;
      if (name !== undefined && isOfRelease(workload, release.name) && usesAny(workload, images))
        found.push({ ...query, name });
    }
  }
  return found;
}

/** Starts the pods of these workloads anew, as far as they are still there. Returns what was restarted. */
export async function restart(
  kube: Pick<Kube, 'get' | 'patch'>,
  workloads: readonly ObjectRef[],
  mark: string,
  signal: AbortSignal,
): Promise<string[]> {
  const restarted: string[] = [];
  for (const workload of workloads) {
    if ((await kube.get(workload, signal)) === undefined) continue;
    const patch = { spec: { template: { metadata: { annotations: { 'ket.dev/restarted-by': mark } } } } };
    await kube.patch(workload, patch, signal);
    restarted.push(`${workload.kind} ${workload.name}`);
  }
  return restarted;
}
