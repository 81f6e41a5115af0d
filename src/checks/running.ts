import type { V1Pod } from '@kubernetes/client-node';
import type { AnyObject, ContainerRef, Kube, Wire } from '../model/kube.ts';
import { podTrouble } from '../releases/pod-state.ts';
import { container } from './pods.ts';

/** A pod of ket's that runs. */
export interface Standing extends ContainerRef {
  readonly node: string;
  readonly address: string;
  /** It stands in the namespace of a release, among its pods. */
  readonly guest?: boolean;
}

type Pod = Wire<V1Pod>;

/** Creates pods of one namespace, and resolves when all of them run, in the order in which they were given. */
export async function startPods(
  kube: Pick<Kube, 'create' | 'reflect'>,
  namespace: string,
  pods: readonly AnyObject[],
  signal: AbortSignal,
  awaiting: (what: string) => void,
): Promise<readonly Standing[]> {
  await Promise.all(pods.map((pod) => kube.create(pod, signal)));
  const names = pods.map(({ metadata }) => metadata?.name ?? '');
  const watch = kube.reflect<Pod>({ apiVersion: 'v1', kind: 'Pod', namespace });
  try {
    return await watch.until((there) => {
      const found = names.map((name) => there.find(({ metadata }) => metadata?.name === name));
      const standing = found.flatMap((pod) => (pod === undefined ? [] : (standingOf(pod) ?? [])));
      if (standing.length === names.length) return standing;
      const late = found.find((pod) => pod !== undefined && standingOf(pod) === undefined);
      const name = late?.metadata?.name ?? names[standing.length] ?? '';
      awaiting(`pod ${name} of ket's: ${late === undefined ? 'made' : (podTrouble(late) ?? 'starting')}`);
      return undefined;
    }, signal);
  } finally {
    watch.close();
  }
}

/** Undefined while it does not run. */
function standingOf({ metadata, spec, status }: Pod): Standing | undefined {
  const runs = status?.containerStatuses?.some(({ state }) => state?.running !== undefined) === true;
  const { podIP: address } = status ?? {};
  if (!runs || address === undefined) return undefined;
  const { name = '', namespace = '' } = metadata ?? {};
  return { namespace, pod: name, container, node: spec?.nodeName ?? '', address };
}

/** As a message names it. */
export const standingText = ({ pod, node, namespace, guest }: Standing): string =>
  `pod ${pod}${guest === true ? ` in namespace ${namespace}` : ''} on node ${node}`;
