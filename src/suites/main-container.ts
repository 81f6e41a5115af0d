import type { SuitePlan } from '../model/plan.ts';

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
