import type { AnyObject } from '../../model/kube.ts';
import { labels } from '../../model/labels.ts';
import type { NamespacePlan, SuitePlan } from '../../model/plan.ts';
import { durationLines, type TestDurations } from '../../results/test-durations.ts';
import { retryCasesKey } from '../verdict/failed-cases.ts';
import { durationsKey } from './in-pod.ts';
import { attemptLabels, attemptName, type AttemptId } from '../names.ts';
import { pullSecretFor } from '../../kube/pull-secret.ts';
import { authoritiesKey } from './outbound.ts';
import type { Secrets } from './secrets.ts';

/** A namespace of the attempt's own, and the rules in it. `expires`: unix time, s. */
export function namespaceFor(
  id: AttemptId,
  suite: SuitePlan,
  { quota, limitRange }: NamespacePlan,
  expires: number,
): AnyObject[] {
  const name = attemptName(id);
  const own = attemptLabels(id);
  const metadata = { name, namespace: name, labels: own };
  const level = { 'pod-security.kubernetes.io/enforce': suite.podSecurity };
  return [
    {
      apiVersion: 'v1',
      kind: 'Namespace',
      metadata: { name, labels: { ...own, [labels.expires]: String(expires), ...level } },
    },
    ...(Object.keys(quota).length === 0
      ? []
      : [{ apiVersion: 'v1', kind: 'ResourceQuota', metadata, spec: { hard: quota } }]),
    ...(limitRange.length === 0
      ? []
      : [{ apiVersion: 'v1', kind: 'LimitRange', metadata, spec: { limits: limitRange } }]),
    ...(suite.ingress === 'allow'
      ? []
      : [
          {
            apiVersion: 'networking.k8s.io/v1',
            kind: 'NetworkPolicy',
            metadata,
            spec: { podSelector: {}, policyTypes: ['Ingress'] },
          },
        ]),
  ];
}

const verbs = ['get', 'list', 'watch'];

/** `api: read`: what a test needs to look at its surroundings; never Secrets, exec or proxy. */
export const readRules = [
  {
    apiGroups: [''],
    resources: [
      'pods',
      'pods/log',
      'pods/status',
      'services',
      'endpoints',
      'configmaps',
      'events',
      'persistentvolumeclaims',
      'serviceaccounts',
      'replicationcontrollers',
      'resourcequotas',
      'limitranges',
    ],
    verbs,
  },
  { apiGroups: ['apps'], resources: ['deployments', 'replicasets', 'statefulsets', 'daemonsets'], verbs },
  { apiGroups: ['batch'], resources: ['jobs', 'cronjobs'], verbs },
  { apiGroups: ['networking.k8s.io'], resources: ['ingresses', 'networkpolicies'], verbs },
  { apiGroups: ['discovery.k8s.io'], resources: ['endpointslices'], verbs },
  { apiGroups: ['autoscaling'], resources: ['horizontalpodautoscalers'], verbs },
  { apiGroups: ['policy'], resources: ['poddisruptionbudgets'], verbs },
  { apiGroups: ['events.k8s.io'], resources: ['events'], verbs },
];

/** What the objects of an attempt hold. */
export interface Contents {
  /** The program, for the processors of the nodes. */
  readonly ketRun: Buffer;
  readonly secrets: Secrets;
  /** PEM. */
  readonly authorities: string | undefined;
  /** Of the suite's tests in an earlier run. */
  readonly durations: TestDurations;
  /** A line for each case to run, in a retry of these alone. */
  readonly retryCases?: string;
  /** `.dockerconfigjson` for its pods. */
  readonly pullSecret?: string;
}

/** The API server takes 1 MiB of data in a ConfigMap; of that, room for other small things is left. */
const configMapBytes = (1024 - 160) * 1024;
/** More says nothing more about who is to run what. */
const mostDurations = 512 * 1024;

/** What is left for them beside the program and the other texts, in lines. */
function durationsFitting({ ketRun, authorities = '', retryCases = '', durations }: Contents): string {
  const texts = Buffer.byteLength(authorities) + Buffer.byteLength(retryCases);
  const taken = ketRun.length + texts;
  return durationLines(durations, Math.min(mostDurations, configMapBytes - taken));
}

/**
 * Everything but the Job: service account, rights in the attempt's namespace and in those of its releases, the
 * ConfigMap that brings ket-run, the authorities and the durations of tests, and the suite's secrets, of which no value
 * stands in the Job.
 */
export function objectsFor(
  id: AttemptId,
  suite: SuitePlan,
  namespace: string,
  releaseNamespaces: readonly string[],
  contents: Contents,
): AnyObject[] {
  const name = attemptName(id);
  const metadata = { name, namespace, labels: attemptLabels(id) };
  const { ketRun, secrets, authorities, retryCases } = contents;
  const data = Object.fromEntries(
    suite.secrets.map((key) => [key, Buffer.from(secrets.get(key) ?? '').toString('base64')]),
  );
  const rights = suite.api === 'none' ? [] : [...new Set([namespace, ...releaseNamespaces])];
  return [
    { apiVersion: 'v1', kind: 'ServiceAccount', metadata },
    ...rights.flatMap((where): AnyObject[] => [
      {
        apiVersion: 'rbac.authorization.k8s.io/v1',
        kind: 'Role',
        metadata: { ...metadata, namespace: where },
        rules: readRules,
      },
      {
        apiVersion: 'rbac.authorization.k8s.io/v1',
        kind: 'RoleBinding',
        metadata: { ...metadata, namespace: where },
        roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name },
        subjects: [{ kind: 'ServiceAccount', name, namespace }],
      },
    ]),
    {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata,
      // The kubelet watches no object that cannot change.
      immutable: true,
      data: {
        [durationsKey]: durationsFitting(contents),
        ...(authorities === undefined ? {} : { [authoritiesKey]: authorities }),
        ...(retryCases === undefined ? {} : { [retryCasesKey]: retryCases }),
      },
      binaryData: { 'ket-run': ketRun.toString('base64') },
    },
    // That of a release is in its namespace already.
    ...(contents.pullSecret === undefined || suite.placement === 'release'
      ? []
      : [pullSecretFor(namespace, contents.pullSecret, attemptLabels(id))]),
    ...(suite.secrets.length === 0
      ? []
      : [{ apiVersion: 'v1', kind: 'Secret', metadata, type: 'Opaque', immutable: true, data }]),
  ];
}
