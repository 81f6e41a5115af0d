import type { V1ContainerStatus, V1Pod } from '@kubernetes/client-node';
import type { Wire } from '../model/kube.ts';

export type Pod = Wire<V1Pod>;
export type ContainerStatus = Wire<V1ContainerStatus>;

/** A container of a pod, with what the kubelet says about it. */
export interface PodContainer {
  readonly pod: Pod;
  readonly name: string;
  readonly init: boolean;
  readonly status: ContainerStatus;
}

export function containersOf(pod: Pod): PodContainer[] {
  const of = (statuses: readonly ContainerStatus[] | undefined, init: boolean): PodContainer[] =>
    (statuses ?? []).map((status) => ({ pod, name: status.name, init, status }));
  return [...of(pod.status?.initContainerStatuses, true), ...of(pod.status?.containerStatuses, false)];
}

export const podName = (pod: Pod): string => pod.metadata?.name ?? '';
export const podUid = (pod: Pod): string => pod.metadata?.uid ?? podName(pod);
/** Finished pods (of Jobs) and pods on their way out are not waited for. */
export const isOver = (pod: Pod): boolean =>
  pod.metadata?.deletionTimestamp !== undefined ||
  pod.status?.phase === 'Succeeded' ||
  pod.status?.phase === 'Failed';
export const isOfJob = (pod: Pod): boolean =>
  pod.metadata?.ownerReferences?.some((owner) => owner.kind === 'Job') === true;

const condition = (pod: Pod, type: string) => pod.status?.conditions?.find((item) => item.type === type);

export const isReady = (pod: Pod): boolean => condition(pod, 'Ready')?.status === 'True';
/** When a ready pod became ready, ms. */
export const readySince = (pod: Pod): number =>
  Date.parse(condition(pod, 'Ready')?.lastTransitionTime ?? '') || 0;

/** What a pod is doing, in a few words; undefined when it is ready or finished well. */
export function podTrouble(pod: Pod): string | undefined {
  if (pod.status?.phase === 'Succeeded' || isReady(pod)) return undefined;
  if (pod.status?.phase === 'Failed')
    return pod.status.message ?? pod.status.reason ?? `failed${exitOf(pod)}`;
  const scheduled = condition(pod, 'PodScheduled');
  if (scheduled?.status === 'False')
    return `not scheduled: ${scheduled.message ?? scheduled.reason ?? 'no reason given'}`;
  const stuck = stuckContainer(pod);
  if (stuck === undefined) return pod.status?.phase === 'Running' ? 'not ready yet' : 'starting';
  return containerTrouble(stuck);
}

/** The container for which a pod is not ready: an init container that waits or fails is why the others wait. */
function stuckContainer(pod: Pod): PodContainer | undefined {
  const containers = containersOf(pod);
  return (
    containers.find(
      (item) => item.init && item.status.state?.terminated?.exitCode !== 0 && !isSidecarUp(item),
    ) ?? containers.find((item) => !item.init && !item.status.ready)
  );
}

/** A native sidecar runs for as long as the pod: started is all that it can be. */
const isSidecarUp = ({ pod, name, status }: PodContainer): boolean =>
  status.started === true &&
  status.state?.running !== undefined &&
  pod.spec?.initContainers?.some((item) => item.name === name && item.restartPolicy === 'Always') === true;

/** The first container that is not well, by the names under which its log is had. */
export function illContainer(pods: readonly Pod[]): { pod: string; container: string } | undefined {
  for (const pod of pods) {
    if (isOver(pod) || isReady(pod)) continue;
    const container = stuckContainer(pod);
    if (container !== undefined) return { pod: podName(pod), container: container.name };
  }
  return undefined;
}

function exitOf(pod: Pod): string {
  const failed = containersOf(pod).find(({ status }) => (status.state?.terminated?.exitCode ?? 0) !== 0);
  const end = failed?.status.state?.terminated;
  return end === undefined
    ? ''
    : `: container ${failed?.name ?? ''} ended with exit code ${String(end.exitCode)}`;
}

export function containerTrouble({ name, init, status }: PodContainer): string {
  const what = `${init ? 'init container' : 'container'} ${name}`;
  const again = status.restartCount > 0 ? `, restarted ${String(status.restartCount)} times` : '';
  const { waiting, terminated } = status.state ?? {};
  if (waiting !== undefined) {
    const why = waiting.message === undefined ? '' : `: ${waiting.message}`;
    return `${what} waits (${waiting.reason ?? 'no reason given'}${why})${again}`;
  }
  if (terminated !== undefined) {
    const why = terminated.reason === undefined ? '' : ` (${terminated.reason})`;
    return `${what} ended with exit code ${String(terminated.exitCode)}${why}${again}`;
  }
  return init ? `${what} runs${again}` : `${what} runs but is not ready (its readiness probe)${again}`;
}
