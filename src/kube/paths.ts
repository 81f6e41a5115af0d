import { KetError } from '../model/errors.ts';

interface Resource {
  readonly plural: string;
  readonly namespaced: boolean;
}

const namespaced = (plural: string): Resource => ({ plural, namespaced: true });
const cluster = (plural: string): Resource => ({ plural, namespaced: false });

/** The kinds that ket uses, and those that tell a missing namespace from a cluster-scoped kind. */
const known: Readonly<Record<string, Readonly<Record<string, Resource>>>> = {
  v1: {
    ConfigMap: namespaced('configmaps'),
    Endpoints: namespaced('endpoints'),
    Event: namespaced('events'),
    LimitRange: namespaced('limitranges'),
    Namespace: cluster('namespaces'),
    Node: cluster('nodes'),
    PersistentVolume: cluster('persistentvolumes'),
    PersistentVolumeClaim: namespaced('persistentvolumeclaims'),
    Pod: namespaced('pods'),
    ReplicationController: namespaced('replicationcontrollers'),
    ResourceQuota: namespaced('resourcequotas'),
    Secret: namespaced('secrets'),
    Service: namespaced('services'),
    ServiceAccount: namespaced('serviceaccounts'),
  },
  'apps/v1': {
    DaemonSet: namespaced('daemonsets'),
    Deployment: namespaced('deployments'),
    ReplicaSet: namespaced('replicasets'),
    StatefulSet: namespaced('statefulsets'),
  },
  'batch/v1': { CronJob: namespaced('cronjobs'), Job: namespaced('jobs') },
  'authentication.k8s.io/v1': { SelfSubjectReview: cluster('selfsubjectreviews') },
  'authorization.k8s.io/v1': {
    SelfSubjectAccessReview: cluster('selfsubjectaccessreviews'),
    SelfSubjectRulesReview: cluster('selfsubjectrulesreviews'),
  },
  'coordination.k8s.io/v1': { Lease: namespaced('leases') },
  'discovery.k8s.io/v1': { EndpointSlice: namespaced('endpointslices') },
  'events.k8s.io/v1': { Event: namespaced('events') },
  'networking.k8s.io/v1': {
    Ingress: namespaced('ingresses'),
    IngressClass: cluster('ingressclasses'),
    NetworkPolicy: namespaced('networkpolicies'),
  },
  'policy/v1': { PodDisruptionBudget: namespaced('poddisruptionbudgets') },
  'rbac.authorization.k8s.io/v1': {
    ClusterRole: cluster('clusterroles'),
    ClusterRoleBinding: cluster('clusterrolebindings'),
    Role: namespaced('roles'),
    RoleBinding: namespaced('rolebindings'),
  },
  'autoscaling/v2': { HorizontalPodAutoscaler: namespaced('horizontalpodautoscalers') },
  'scheduling.k8s.io/v1': { PriorityClass: cluster('priorityclasses') },
  'storage.k8s.io/v1': {
    StorageClass: cluster('storageclasses'),
    VolumeAttachment: cluster('volumeattachments'),
  },
  'apiextensions.k8s.io/v1': { CustomResourceDefinition: cluster('customresourcedefinitions') },
  'apiregistration.k8s.io/v1': { APIService: cluster('apiservices') },
};

/**
 * Plural of a custom kind as its generators make it. Where English is not regular enough to be sure (Redis, Index,
 * Quiz) nothing is guessed: a wrong path looks like "not found", which callers may take for an answer.
 */
function pluralOf(apiVersion: string, kind: string): string {
  const lower = kind.toLowerCase();
  if (!/^[a-z][a-z0-9]*$/.test(lower) || /(?:[^s]s|x|z|data|fish|series|info|man|f|fe|us|is)$/.test(lower))
    throw new KetError('KET_KUBE', `the plural of kind ${kind} (${apiVersion}) is not known`, {
      next: 'this kind cannot be read by ket yet: please report it',
    });
  if (/(?:ss|sh|ch)$/.test(lower)) return `${lower}es`;
  return /[^aeiou]y$/.test(lower) ? `${lower.slice(0, -1)}ies` : `${lower}s`;
}

/** Group and plural of a kind; undefined for one that ket does not know. */
export function resourceOf(
  apiVersion: string,
  kind: string,
): { readonly group: string; readonly resource: string; readonly namespaced: boolean } | undefined {
  const found = known[apiVersion]?.[kind];
  if (found === undefined) return undefined;
  const [group = ''] = apiVersion.includes('/') ? apiVersion.split('/') : [''];
  return { group, resource: found.plural, namespaced: found.namespaced };
}

export interface Target {
  readonly apiVersion: string;
  readonly kind: string;
  readonly namespace?: string | undefined;
  readonly name?: string | undefined;
}

/** Path of a collection, or of one object when there is a name. */
export function pathOf({ apiVersion, kind, namespace, name }: Target): string {
  const resource = known[apiVersion]?.[kind];
  if (resource?.namespaced === true && name !== undefined && namespace === undefined)
    throw new KetError('KET_INTERNAL', `${kind} ${name} was asked for without a namespace`);
  const plural = resource?.plural ?? pluralOf(apiVersion, kind);
  const group = apiVersion.includes('/') ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
  const inNamespace = namespace !== undefined && resource?.namespaced !== false;
  return [
    group,
    ...(inNamespace ? ['namespaces', encodeURIComponent(namespace)] : []),
    plural,
    ...(name === undefined ? [] : [encodeURIComponent(name)]),
  ].join('/');
}

/** Path of a collection into which an object is created. */
export function collectionOf(target: Target): string {
  if (known[target.apiVersion]?.[target.kind]?.namespaced === true && target.namespace === undefined)
    throw new KetError(
      'KET_INTERNAL',
      `${target.kind} ${target.name ?? ''} was to be created without a namespace`,
    );
  return pathOf({ ...target, name: undefined });
}

export const podPath = (namespace: string, pod: string, part: 'log' | 'exec'): string =>
  `${pathOf({ apiVersion: 'v1', kind: 'Pod', namespace, name: pod })}/${part}`;

/** Query of a URL; what is undefined is left out, a list is repeated. */
export function queryOf(
  values: Readonly<Record<string, string | number | boolean | readonly string[] | undefined>>,
): string {
  const query = new URLSearchParams();
  for (const [key, value] of Object.entries(values)) {
    if (value === undefined) continue;
    if (typeof value === 'object') for (const one of value) query.append(key, one);
    else query.append(key, String(value));
  }
  const text = query.toString();
  return text === '' ? '' : `?${text}`;
}
