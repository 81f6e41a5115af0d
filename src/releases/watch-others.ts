import type { Kube, Reflector } from '../model/kube.ts';
import {
  claimLacks,
  definitionLacks,
  serviceLacks,
  type Claim,
  type Definition,
  type Service,
  type ServiceLacks,
  type Slice,
} from './lacks.ts';
import type { Pod } from './pod-state.ts';
import type { WatchMore } from './watch.ts';
import type { Workloads } from './workloads.ts';

export interface OthersWatch {
  readonly reflectors: readonly Reflector<unknown>[];
  look(pods: readonly Pod[], workloads: Workloads): ServiceLacks;
}

/** Watches what a release is made of besides workloads. `release` is Helm's name of it. */
export function watchOthers(
  kube: Kube,
  namespace: string,
  release: string,
  { definitions: names, classes }: WatchMore,
): OthersWatch {
  const claims = kube.reflect<Claim>({ apiVersion: 'v1', kind: 'PersistentVolumeClaim', namespace });
  const services = kube.reflect<Service>({ apiVersion: 'v1', kind: 'Service', namespace });
  const slices = kube.reflect<Slice>({
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    namespace,
  });
  const [only] = names;
  // Definitions are large, and a cluster may have hundreds.
  const definitions =
    only === undefined
      ? undefined
      : kube.reflect<Definition>({
          apiVersion: 'apiextensions.k8s.io/v1',
          kind: 'CustomResourceDefinition',
          ...(names.length === 1 ? { fieldSelector: `metadata.name=${only}` } : {}),
        });
  return {
    reflectors: [claims, services, slices, ...(definitions === undefined ? [] : [definitions])],
    look(pods, workloads) {
      const served = serviceLacks(services.items(), slices.items(), pods, workloads, release);
      return {
        lacks: [
          ...definitionLacks(names, definitions?.items() ?? []),
          ...claimLacks(claims.items(), pods, classes, release),
          ...served.lacks,
        ],
        doubts: served.doubts,
      };
    },
  };
}
