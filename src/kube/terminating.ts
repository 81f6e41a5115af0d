import type { V1Namespace } from '@kubernetes/client-node';
import type { Wire } from '../model/kube.ts';

export type Namespace = Wire<V1Namespace>;

export const isTerminating = (namespace: Namespace): boolean =>
  namespace.metadata?.deletionTimestamp !== undefined;

/** A kind of object that a namespace still has, as its conditions name it. */
export interface Remaining {
  /** Plural. */
  readonly resource: string;
  /** Empty for the core group. */
  readonly group: string;
}

/** Conditions by which the namespace controller says what keeps a namespace; others do not matter here. */
const telling = new Set([
  'NamespaceDeletionDiscoveryFailure',
  'NamespaceDeletionGroupVersionParsingFailure',
  'NamespaceDeletionContentFailure',
  'NamespaceContentRemaining',
  'NamespaceFinalizersRemaining',
]);

const tellingConditions = (
  namespace: Namespace,
): NonNullable<NonNullable<Namespace['status']>['conditions']> =>
  (namespace.status?.conditions ?? []).filter(({ type, status }) => telling.has(type) && status === 'True');

/** What keeps a namespace that is being deleted, in the words of its conditions; empty while they say nothing. Pure. */
export function whyTerminating(namespace: Namespace): string[] {
  const own = namespace.metadata?.finalizers ?? [];
  return [
    ...tellingConditions(namespace).map(({ type, reason, message }) => {
      const head = reason === undefined || `Namespace${reason}` === type ? type : `${type} (${reason})`;
      return message === undefined ? head : `${head}: ${message}`;
    }),
    ...(own.length === 0 ? [] : [`finalizers of the namespace itself: ${own.join(', ')}`]),
  ];
}

/**
 * The kinds of which objects remain, out of `Some resources are remaining: configmaps. has 1 resource instances,
 * widgets.example.com has 2 resource instances`. Pure.
 */
export function remainingIn(namespace: Namespace): Remaining[] {
  const text = tellingConditions(namespace).find(({ type }) => type === 'NamespaceContentRemaining')?.message;
  return [...(text ?? '').matchAll(/([a-z0-9-]+)\.([a-z0-9.-]*) has \d+ resource instances/g)].map(
    ([, resource = '', group = '']) => ({ resource, group }),
  );
}

/** The API groups whose server does not answer: `metrics.k8s.io/v1beta1` … Pure. */
export function deadGroups(namespace: Namespace): string[] {
  const text = tellingConditions(namespace).find(
    ({ type }) => type === 'NamespaceDeletionDiscoveryFailure',
  )?.message;
  return [
    ...new Set(
      [...(text ?? '').matchAll(/([a-z0-9-]+(?:\.[a-z0-9-]+)+\/v[a-z0-9]+):/g)].map(([, g = '']) => g),
    ),
  ];
}

/** An object that is not gone because of its finalizers. */
export interface Blocker extends Remaining {
  readonly name: string;
  readonly finalizers: readonly string[];
}

const fullName = ({ resource, group }: Remaining): string =>
  group === '' ? resource : `${resource}.${group}`;

export const blockerText = (blocker: Blocker): string =>
  `${fullName(blocker)}/${blocker.name} has the finalizer ${blocker.finalizers.join(', ')}`;

/** The next step for the user. Pure. */
export function terminatingCure(namespace: Namespace, blockers: readonly Blocker[]): string {
  const name = namespace.metadata?.name ?? '';
  const [first] = blockers;
  if (first !== undefined)
    return (
      'let the controller that owns the finalizer run; if it is gone for good, take the finalizer away: ' +
      `kubectl patch ${fullName(first)} ${first.name} -n ${name} --type=merge -p '{"metadata":{"finalizers":null}}'`
    );
  const [group] = deadGroups(namespace);
  if (group !== undefined) {
    const [host = '', version = ''] = group.split('/');
    return `its API server does not answer: mend it, or kubectl delete apiservice ${version}.${host}`;
  }
  return `kubectl get namespace ${name} -o yaml shows what it waits for`;
}
