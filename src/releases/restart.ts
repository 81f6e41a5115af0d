import type { V1Deployment } from '@kubernetes/client-node';
import type { Kube, Wire } from '../model/kube.ts';
import { isOfRelease } from './workloads.ts';

const kinds = ['Deployment', 'StatefulSet', 'DaemonSet'] as const;

/** What the three kinds have in common. */
type Workload = Pick<Wire<V1Deployment>, 'metadata'> & {
  readonly spec?: { readonly template?: NonNullable<Wire<V1Deployment>['spec']>['template'] };
};

/** Same name, other content: whether a workload's pods run an image that was brought anew under its old name. */
export function usesAny(workload: Workload, images: readonly string[]): boolean {
  const spec = workload.spec?.template?.spec;
  return [...(spec?.containers ?? []), ...(spec?.initContainers ?? [])].some(
    (container) => container.image !== undefined && images.includes(container.image),
  );
}

/**
 * Starts the pods of a release anew whose image has changed under the same name: Helm sees no change and would leave
 * the old code running, which the suites would then test. Returns what was restarted.
 */
export async function restartStale(
  kube: Kube,
  release: { readonly name: string; readonly namespace: string },
  images: readonly string[],
  mark: string,
  signal: AbortSignal,
): Promise<string[]> {
  const restarted: string[] = [];
  for (const kind of kinds) {
    const query = { apiVersion: 'apps/v1', kind, namespace: release.namespace };
    for (const workload of await kube.list<Workload>(query, signal)) {
      const name = workload.metadata?.name;
      if (name === undefined || !isOfRelease(workload, release.name) || !usesAny(workload, images)) continue;
      const patch = { spec: { template: { metadata: { annotations: { 'ket.dev/restarted-by': mark } } } } };
      await kube.patch({ ...query, name }, patch, signal);
      restarted.push(`${kind} ${name}`);
    }
  }
  return restarted;
}
