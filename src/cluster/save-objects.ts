import { stringify } from 'yaml';
import type { CoreV1Event, V1Node, V1Pod } from '@kubernetes/client-node';
import type { Kube, Wire } from '../model/kube.ts';

/** Saves events, and the state of nodes and pods that are not ready. Returns the warnings, oldest first. */
export async function saveObjects(
  kube: Kube,
  save: (file: string, text: string) => Promise<void>,
  signal: AbortSignal,
): Promise<string[]> {
  const [events, nodes, pods] = await Promise.all([
    kube.list<Wire<CoreV1Event>>({ apiVersion: 'v1', kind: 'Event' }, signal),
    kube.list<Wire<V1Node>>({ apiVersion: 'v1', kind: 'Node' }, signal),
    kube.list<Wire<V1Pod>>({ apiVersion: 'v1', kind: 'Pod' }, signal),
  ]);
  const ordered = [...events].sort((a, b) => eventTime(a).localeCompare(eventTime(b)));
  await save('events.txt', ordered.map(eventLine).join('\n') + '\n');
  const ill = [...nodes, ...pods.filter((pod) => !podIsWell(pod))].map(withoutNoise);
  await save('nodes-and-pods-not-ready.yaml', ill.map((item) => stringify(item)).join('---\n'));
  return ordered.filter((event) => event.type !== 'Normal').map(eventLine);
}

const eventTime = (event: Wire<CoreV1Event>): string =>
  event.lastTimestamp ?? event.eventTime ?? event.metadata.creationTimestamp ?? '';

/** One line of an event, as people read it. */
export function eventLine(event: Wire<CoreV1Event>): string {
  const { kind = '', namespace, name = '' } = event.involvedObject;
  const where = namespace === undefined ? `${kind}/${name}` : `${namespace}/${kind}/${name}`;
  const times = (event.count ?? 1) > 1 ? ` (${event.count ?? 1} times)` : '';
  return `${eventTime(event)} ${event.type ?? ''} ${event.reason ?? ''} ${where}: ${event.message ?? ''}${times}`;
}

export function podIsWell(pod: Wire<V1Pod>): boolean {
  if (pod.status?.phase === 'Succeeded') return true;
  return pod.status?.conditions?.some((item) => item.type === 'Ready' && item.status === 'True') === true;
}

function withoutNoise(item: Wire<V1Node> | Wire<V1Pod>): object {
  const metadata = { ...item.metadata };
  delete metadata.managedFields;
  return { ...item, metadata };
}
