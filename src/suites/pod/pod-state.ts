import type { CoreV1Event, V1ContainerStatus, V1Pod } from '@kubernetes/client-node';
import type { Wire } from '../../model/kube.ts';
import type { InfraClass } from '../../model/outcome.ts';
import { sidecar } from '../job/in-pod.ts';
import { mainContainerOfPod } from '../job/in-pod.ts';

export type Pod = Wire<V1Pod>;
export type KubeEvent = Wire<CoreV1Event>;
type ContainerStatus = Wire<V1ContainerStatus>;

export const mainStatus = (pod: Pod): ContainerStatus | undefined =>
  pod.status?.containerStatuses?.find((c) => c.name === mainContainerOfPod(pod));

export const sidecarStatus = (pod: Pod): ContainerStatus | undefined =>
  pod.status?.initContainerStatuses?.find((c) => c.name === sidecar);

/** The main container has started, whatever became of it since. */
export const hasStarted = (pod: Pod): boolean => {
  const state = mainStatus(pod)?.state;
  return state?.running !== undefined || state?.terminated !== undefined;
};

/** All of its containers have ended for good: it holds nothing of its node any more. */
export const isOver = (pod: Pod): boolean =>
  pod.status?.phase === 'Succeeded' || pod.status?.phase === 'Failed';

/** The suite's command has ended, or can no longer end. */
export const hasEnded = (pod: Pod): boolean =>
  mainStatus(pod)?.state?.terminated !== undefined || isOver(pod);

export interface NeverRan {
  readonly infraClass: InfraClass;
  readonly message: string;
  /** It may still come right by itself: fatal only when it has lasted so long, ms. */
  readonly graceMs: number;
}

/** Grace as measured by the best-tuned policy known (Buildkite: 30 s for pulls; the rest cannot heal by itself). */
const pullGraceMs = 30_000;

const waitingReasons: Readonly<
  Record<string, { readonly infraClass: InfraClass; readonly graceMs: number }>
> = {
  InvalidImageName: { infraClass: 'image-pull', graceMs: 0 },
  ErrImageNeverPull: { infraClass: 'image-pull', graceMs: 0 },
  ErrImagePull: { infraClass: 'image-pull', graceMs: pullGraceMs },
  ImagePullBackOff: { infraClass: 'image-pull', graceMs: pullGraceMs },
  ImageInspectError: { infraClass: 'image-pull', graceMs: pullGraceMs },
  RegistryUnavailable: { infraClass: 'image-pull', graceMs: pullGraceMs },
  CreateContainerConfigError: { infraClass: 'configuration', graceMs: 10_000 },
  CreateContainerError: { infraClass: 'configuration', graceMs: 10_000 },
  RunContainerError: { infraClass: 'configuration', graceMs: 10_000 },
  StartError: { infraClass: 'configuration', graceMs: 0 },
};

/** Why the pod's containers do not start, if its status says so. */
export function whyNotStarted(pod: Pod): NeverRan | undefined {
  const statuses = [...(pod.status?.initContainerStatuses ?? []), ...(pod.status?.containerStatuses ?? [])];
  for (const status of statuses) {
    const waiting = status.state?.waiting;
    const known = waitingReasons[waiting?.reason ?? ''];
    if (waiting !== undefined && known !== undefined)
      return {
        ...known,
        message: `container ${status.name} does not start: ${waiting.reason ?? ''}${waiting.message === undefined ? '' : `: ${waiting.message}`}`,
      };
    const ended = status.state?.terminated;
    if (ended?.reason === 'StartError' || ended?.reason === 'ContainerCannotRun')
      return {
        infraClass: 'configuration',
        graceMs: 0,
        message: `container ${status.name} could not be started: ${ended.message ?? ended.reason}`,
      };
  }
  const scheduled = pod.status?.conditions?.find((c) => c.type === 'PodScheduled');
  if (scheduled?.status === 'False' && scheduled.reason === 'Unschedulable')
    return {
      infraClass: 'unschedulable',
      message: `the pod fits on no node: ${scheduled.message ?? 'no reason given'}`,
      // Room may come as other suites end; only the pending limit is final (a lesson of Tilt's).
      graceMs: Infinity,
    };
  return undefined;
}

/** Why a Job has no pod at all: the Job controller says so only in events. */
export function whyNoPod(events: readonly KubeEvent[]): NeverRan | undefined {
  const failed = events.findLast((e) => e.reason === 'FailedCreate' && e.involvedObject.kind === 'Job');
  if (failed === undefined) return undefined;
  const message = failed.message ?? 'no reason given';
  return {
    infraClass: /exceeded quota/.test(message) ? 'quota' : 'denied',
    message: `no pod was admitted: ${message}`,
    graceMs: 5_000,
  };
}

export interface Disruption {
  readonly infraClass: InfraClass;
  readonly message: string;
}

const disruptionReasons: Readonly<Record<string, InfraClass>> = {
  PreemptionByScheduler: 'preempted',
  DeletionByTaintManager: 'node-lost',
  EvictionByEvictionAPI: 'evicted',
  DeletionByPodGC: 'node-lost',
  TerminationByKubelet: 'evicted',
};

/** Something other than the test took the pod: the node, the scheduler, or somebody who deleted it. */
export function disruption(pod: Pod): Disruption | undefined {
  const reason = pod.status?.reason;
  if (reason === 'Evicted' && !isOwnStorageLimit(pod))
    return {
      infraClass: 'evicted',
      message: `the node evicted the pod: ${pod.status?.message ?? ''}`.trim(),
    };
  if (reason === 'NodeLost' || reason === 'NodeShutdown' || reason === 'Terminated')
    return { infraClass: 'node-lost', message: `the node went away: ${pod.status?.message ?? reason}` };
  if (reason === 'Preempting')
    return { infraClass: 'preempted', message: `the pod was preempted: ${pod.status?.message ?? ''}`.trim() };
  // Of what the kubelet did, the condition says only that the kubelet did it.
  const target = pod.status?.conditions?.find((c) => c.type === 'DisruptionTarget' && c.status === 'True');
  if (target !== undefined)
    return {
      infraClass: disruptionReasons[target.reason ?? ''] ?? 'deleted',
      message:
        `the pod was taken away (${target.reason ?? 'DisruptionTarget'}): ${target.message ?? ''}`.trim(),
    };
  if (pod.metadata?.deletionTimestamp !== undefined)
    return { infraClass: 'deleted', message: 'the pod was deleted while the suite ran' };
  return undefined;
}

/** The pod broke a limit of its own: an emptyDir's sizeLimit or its ephemeral storage. That is the test's doing. */
export function isOwnStorageLimit(pod: Pod): boolean {
  return (
    pod.status?.reason === 'Evicted' &&
    /(exceed(s|ed).*(limit|sizeLimit))|(ephemeral local storage usage exceeds)/i.test(
      pod.status.message ?? '',
    )
  );
}
