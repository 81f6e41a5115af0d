import type {
  V1CustomResourceDefinition,
  V1EndpointSlice,
  V1PersistentVolumeClaim,
  V1Service,
  V1StorageClass,
} from '@kubernetes/client-node';
import type { AnyObject, Wire } from '../model/kube.ts';
import { isOver, type Pod } from './pod-state.ts';
import { isOfRelease, nameIn, type Workloads } from './workloads.ts';

/** What a release lacks besides its workloads: claims, endpoints of its services, its definitions. Pure. */

export type Claim = Wire<V1PersistentVolumeClaim>;
export type Service = Wire<V1Service>;
export type Slice = Wire<V1EndpointSlice>;
export type StorageClass = Wire<V1StorageClass>;
export type Definition = Wire<V1CustomResourceDefinition>;

/**
 * Whether a claim is bound without a pod that uses it: the class says so, or it wants a volume that is there already.
 * Where nothing is known of its class it is not said.
 */
export function bindsAtOnce(claim: Pick<Claim, 'spec'>, classes: readonly StorageClass[]): boolean {
  const wanted = claim.spec?.storageClassName;
  if (wanted === '') return true;
  const isDefault = ({ metadata }: StorageClass): boolean =>
    metadata?.annotations?.['storageclass.kubernetes.io/is-default-class'] === 'true';
  const found = classes.find((one) =>
    wanted === undefined ? isDefault(one) : one.metadata?.name === wanted,
  );
  return found !== undefined && found.volumeBindingMode !== 'WaitForFirstConsumer';
}

/** The claims that a pod mounts. */
const claimsOf = (pod: Pod): string[] =>
  (pod.spec?.volumes ?? []).flatMap((volume) => volume.persistentVolumeClaim?.claimName ?? []);

/**
 * Whether some claim of what is rendered is not bound before a pod uses it, and none does: Helm's own wait would not
 * end.
 */
export function hasIdleClaim(objects: readonly AnyObject[], classes: readonly StorageClass[]): boolean {
  const text = JSON.stringify(objects.filter(({ kind }) => kind !== 'PersistentVolumeClaim'));
  return objects.some(
    (one) =>
      one.kind === 'PersistentVolumeClaim' &&
      !bindsAtOnce(one as unknown as Claim, classes) &&
      !text.includes(`"claimName":${JSON.stringify(one.metadata?.name ?? '')}`),
  );
}

/** Claims that are not bound, and for which somebody waits. */
export function claimLacks(
  claims: readonly Claim[],
  pods: readonly Pod[],
  classes: readonly StorageClass[],
  release: string,
): string[] {
  const used = new Set(pods.filter((pod) => !isOver(pod)).flatMap(claimsOf));
  return claims.flatMap((claim) => {
    if (claim.status?.phase === 'Bound') return [];
    const isUsed = used.has(claim.metadata?.name ?? '');
    if (!isUsed && !(isOfRelease(claim, release) && bindsAtOnce(claim, classes))) return [];
    return [`PersistentVolumeClaim ${nameIn(claim)}: not bound (${claim.status?.phase ?? 'new'})`];
  });
}

export interface ServiceLacks {
  readonly lacks: readonly string[];
  /** Services that no pod and no workload of the release has the labels for: perhaps one comes, perhaps none ever. */
  readonly doubts: readonly string[];
}

type Labels = Readonly<Record<string, string>>;
const selects = (selector: Labels, labels: Labels | undefined): boolean =>
  Object.entries(selector).every(([key, value]) => labels?.[key] === value);

const isEndpointOf = ({ metadata, endpoints }: Slice, service: Service): boolean =>
  metadata?.labels?.['kubernetes.io/service-name'] === service.metadata?.name &&
  (endpoints ?? []).some(({ conditions }) => conditions?.ready !== false);

/** Services of a release with a selector and without an endpoint that is ready. Nobody waits for what is scaled to 0. */
export function serviceLacks(
  services: readonly Service[],
  slices: readonly Slice[],
  pods: readonly Pod[],
  workloads: Workloads,
  release: string,
): ServiceLacks {
  const lacks: string[] = [];
  const doubts: string[] = [];
  const wanted = [
    ...[...workloads.deployments, ...workloads.statefulSets].map(({ spec }) => ({
      labels: spec?.template.metadata?.labels,
      count: spec?.replicas ?? 1,
    })),
    ...workloads.daemonSets.map(({ spec, status }) => ({
      labels: spec?.template.metadata?.labels,
      count: status?.desiredNumberScheduled ?? 0,
    })),
  ];
  for (const service of services) {
    const selector = service.spec?.selector ?? {};
    if (!isOfRelease(service, release) || service.spec?.type === 'ExternalName') continue;
    if (Object.keys(selector).length === 0 || slices.some((slice) => isEndpointOf(slice, service))) continue;
    const matching = wanted.filter(({ labels }) => selects(selector, labels));
    const hasPod = pods.some((pod) => !isOver(pod) && selects(selector, pod.metadata?.labels));
    const labels = Object.entries(selector).map(([key, value]) => `${key}=${value}`);
    if (hasPod || matching.some(({ count }) => count > 0))
      lacks.push(`Service ${nameIn(service)}: no endpoint is ready`);
    else if (matching.length === 0)
      doubts.push(`Service ${nameIn(service)}: no pod has the labels ${labels.join(',')}`);
  }
  return { lacks, doubts };
}

/** Definitions of custom resources that the API server does not serve yet. */
export function definitionLacks(names: readonly string[], definitions: readonly Definition[]): string[] {
  return names.flatMap((name) => {
    const found = definitions.find(({ metadata }) => metadata?.name === name);
    const established = found?.status?.conditions?.some(
      ({ type, status }) => type === 'Established' && status === 'True',
    );
    return established === true ? [] : [`CustomResourceDefinition ${name}: not established`];
  });
}
