import type { Kube, Reflector } from '../../model/kube.ts';
import type { KubeEvent, Pod } from './pod-state.ts';
import type { Node } from '../admission/room.ts';

/** One watch per kind for all suites of a run, in all namespaces. They end with the client. */
export interface ClusterView {
  readonly nodes: Reflector<Node>;
  readonly pods: Reflector<Pod>;
  readonly events: Reflector<KubeEvent>;
}

export const openView = (kube: Kube): ClusterView => ({
  nodes: kube.reflect<Node>({ apiVersion: 'v1', kind: 'Node' }),
  pods: kube.reflect<Pod>({ apiVersion: 'v1', kind: 'Pod' }),
  events: kube.reflect<KubeEvent>({ apiVersion: 'v1', kind: 'Event' }),
});

/** The part of a watch that one attempt looks at. */
export interface Part<T> {
  items(): readonly T[];
  until<R>(decide: (items: readonly T[]) => R | undefined, signal: AbortSignal): Promise<R>;
}

export const partOf = <T>(whole: Reflector<T>, belongs: (item: T) => boolean): Part<T> => ({
  items: () => whole.items().filter(belongs),
  until: (decide, signal) => whole.until((items) => decide(items.filter(belongs)), signal),
});
