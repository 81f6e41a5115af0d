import type { SuitePlan } from '../../model/plan.ts';

/** The container of ket's own template, and of those in its place, that runs the suite. */
const ownName = 'suite';

/** Kubernetes' own word for the container that `kubectl logs` and `exec` take where none is named. */
export const defaultContainer = 'kubectl.kubernetes.io/default-container';

/** The container that runs a suite. */
export const mainContainerOf = ({ job }: Pick<SuitePlan, 'job'>): string => job?.container ?? ownName;

/** The same of a pod that ket made. */
export const mainContainerOfPod = ({
  metadata,
}: {
  readonly metadata?: { readonly annotations?: Readonly<Record<string, string>> };
}): string => metadata?.annotations?.[defaultContainer] ?? ownName;

/** Where ket-run finds its folders in the pod; its command line names them, so nothing is assumed twice. */
export const folders = ['--state', '/ket/state', '--results', '/results'];
export const ketRun = '/ket/bin/ket-run';
/** The native sidecar that keeps the results. */
export const sidecar = 'ket';
/** Key in the ConfigMap, and file beside ket-run. */
export const durationsKey = 'durations.tsv';

/**
 * What `KET_UNAVAILABLE_FILE` names in the pod: which releases are unavailable now, `{"releases": {"shop":
 * "why"}}`. Not there until one is; empty of releases when all are back. ket-run knows the name.
 */
export const unavailableFile = '/ket/state/unavailable.json';
