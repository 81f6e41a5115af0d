import { stringify } from 'yaml';
import { longestMs, type ScheduleInput } from './schedule.ts';

/**
 * Manifests of a CronJob that runs a tier at its times in a cluster: what it may do, the volume for the results, and the
 * CronJob itself. A tier without a cluster gets no rights and no token. ``rules`: what
 * the tier needs in the cluster.
 */
export function cronJobOf(
  input: ScheduleInput,
  {
    image,
    namespace,
    rules,
  }: { readonly image: string; readonly namespace: string; readonly rules: readonly object[] },
): string {
  const { plan, cron, config, variables } = input;
  const name = `ket-${plan.tier}`;
  const inCluster = plan.cluster !== undefined;
  const labels = { 'app.kubernetes.io/name': name, 'app.kubernetes.io/managed-by': 'ket-schedule' };
  const metadata = { name, namespace, labels };
  const kubeconfig = {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [
      {
        name: 'here',
        cluster: { server: 'https://kubernetes.default.svc', 'certificate-authority': `${token}/ca.crt` },
      },
    ],
    users: [{ name: 'ket', user: { tokenFile: `${token}/token` } }],
    contexts: [{ name: 'here', context: { cluster: 'here', user: 'ket' } }],
    'current-context': 'here',
  };
  const container = {
    name: 'ket',
    image,
    command: [
      ...['ket', 'run', '--tier', plan.tier, '--config', config, '--output', '/results', '--format', 'plain'],
      // Goes before the context that ket.yaml names, which a pod does not have.
      ...(inCluster ? ['--kubeconfig', '/etc/ket/kubeconfig'] : []),
      ...(plan.production ? ['--production'] : []),
    ],
    env: [
      { name: 'CI', value: 'true' },
      { name: 'HOME', value: '/tmp' },
      // Beside the results, so that the next run finds what a killed one left.
      { name: 'XDG_STATE_HOME', value: '/results/.state' },
      { name: 'XDG_CACHE_HOME', value: '/tmp/cache' },
      ...variables.map((variable) => ({
        name: variable,
        valueFrom: { secretKeyRef: { name, key: variable, optional: true } },
      })),
    ],
    resources: { requests: { cpu: '100m', memory: '256Mi' } },
    securityContext: { allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } },
    volumeMounts: [
      { name: 'results', mountPath: '/results' },
      { name: 'tmp', mountPath: '/tmp' },
      ...(inCluster ? [{ name: 'kubeconfig', mountPath: '/etc/ket', readOnly: true }] : []),
    ],
  };
  const pod = {
    serviceAccountName: name,
    automountServiceAccountToken: inCluster,
    // Once: a run judges by itself whether something is worth another attempt.
    restartPolicy: 'Never',
    // ket removes what it made when it is told to end.
    terminationGracePeriodSeconds: 300,
    securityContext: {
      runAsNonRoot: true,
      runAsUser: 10001,
      fsGroup: 10001,
      seccompProfile: { type: 'RuntimeDefault' },
    },
    containers: [container],
    volumes: [
      { name: 'results', persistentVolumeClaim: { claimName: `${name}-results` } },
      { name: 'tmp', emptyDir: {} },
      ...(inCluster ? [{ name: 'kubeconfig', configMap: { name } }] : []),
    ],
  };
  const objects: readonly object[] = [
    { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } },
    { apiVersion: 'v1', kind: 'ServiceAccount', metadata, automountServiceAccountToken: false },
    ...(inCluster
      ? [
          {
            apiVersion: 'rbac.authorization.k8s.io/v1',
            kind: 'ClusterRole',
            metadata: { name, labels },
            rules,
          },
          {
            apiVersion: 'rbac.authorization.k8s.io/v1',
            kind: 'ClusterRoleBinding',
            metadata: { name, labels },
            roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name },
            subjects: [{ kind: 'ServiceAccount', name, namespace }],
          },
          { apiVersion: 'v1', kind: 'ConfigMap', metadata, data: { kubeconfig: stringify(kubeconfig) } },
        ]
      : []),
    {
      apiVersion: 'v1',
      kind: 'PersistentVolumeClaim',
      metadata: { ...metadata, name: `${name}-results` },
      spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '5Gi' } } },
    },
    {
      apiVersion: 'batch/v1',
      kind: 'CronJob',
      metadata,
      spec: {
        schedule: cron,
        timeZone: 'Etc/UTC',
        concurrencyPolicy: 'Forbid',
        startingDeadlineSeconds: 3600,
        successfulJobsHistoryLimit: 3,
        failedJobsHistoryLimit: 10,
        jobTemplate: {
          spec: {
            backoffLimit: 0,
            activeDeadlineSeconds: Math.ceil(longestMs(plan) / 1000),
            template: { metadata: { labels }, spec: pod },
          },
        },
      },
    },
  ];
  const head = `# Runs tier ${plan.tier} at its times (UTC). Written by ket schedule; the times stand in ${config}.\n`;
  const secrets =
    variables.length === 0
      ? ''
      : `# Its variables come from a Secret ${name} in ${namespace}: ${variables.join(', ')}.\n`;
  return head + secrets + objects.map((object) => stringify(object)).join('---\n');
}

const token = '/var/run/secrets/kubernetes.io/serviceaccount';
