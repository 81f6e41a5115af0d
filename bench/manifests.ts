import type { SuiteWork } from './work.ts';

export const jobLabel = 'batch.kubernetes.io/job-name';

/** The reading rights that a suite with `api: read` has under ket; a pipeline writes them by hand. */
const rules = [
  {
    apiGroups: [''],
    resources: ['pods', 'pods/log', 'services', 'configmaps', 'events', 'persistentvolumeclaims'],
    verbs: ['get', 'list', 'watch'],
  },
  {
    apiGroups: ['apps', 'batch', 'networking.k8s.io', 'discovery.k8s.io'],
    resources: ['deployments', 'statefulsets', 'replicasets', 'jobs', 'networkpolicies', 'endpointslices'],
    verbs: ['get', 'list', 'watch'],
  },
];

/**
 * Runs the command, then keeps the container until the results are out, because nothing can be copied out of a
 * container that has ended; the Job still ends with the command's own exit code.
 */
function holding(command: string): string {
  return [
    `( ${command} )`,
    'echo $? > /results/.exit-code.new && mv /results/.exit-code.new /results/.exit-code',
    'until [ -e /results/.collected ]; do sleep 0.2; done',
    'exit "$(cat /results/.exit-code)"',
  ].join('\n');
}

/** Waits in the pod until the suite has ended, sends its results, and lets the container end: one exec, no polling. */
export const collectScript = [
  'until [ -e /results/.exit-code ]; do sleep 0.2; done',
  'tar -C /results -cf - . && touch /results/.collected',
].join('\n');

const quoted = (word: string): string => `'${word.replaceAll("'", `'\\''`)}'`;

/** The Job of a suite, and its account and rights, as one list for `kubectl apply`. */
export function manifestsFor(suite: SuiteWork, namespace: string, deadlineSeconds: number): object[] {
  const { name } = suite;
  const command = typeof suite.command === 'string' ? suite.command : suite.command.map(quoted).join(' ');
  const env = { KET_RELEASE_NAMESPACES: namespace, ...suite.env };
  const account = `suite-${name}`;
  const reads = suite.api === 'read';
  const job = {
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: { name, namespace },
    spec: {
      backoffLimit: 0,
      activeDeadlineSeconds: deadlineSeconds,
      template: {
        // The label that the chart's NetworkPolicies let through.
        metadata: { labels: { 'ket.dev/suite': name } },
        spec: {
          restartPolicy: 'Never',
          ...(reads ? { serviceAccountName: account } : { automountServiceAccountToken: false }),
          containers: [
            {
              name: 'tests',
              image: suite.image,
              imagePullPolicy: 'IfNotPresent',
              command: ['sh', '-c', holding(command)],
              env: Object.entries(env).map(([key, value]) => ({ name: key, value })),
              resources: suite.resources,
              volumeMounts: [{ name: 'results', mountPath: '/results' }],
            },
          ],
          volumes: [{ name: 'results', emptyDir: {} }],
        },
      },
    },
  };
  return reads ? [...rights(account, namespace), job] : [job];
}

function rights(name: string, namespace: string): object[] {
  const metadata = { name, namespace };
  return [
    { apiVersion: 'v1', kind: 'ServiceAccount', metadata },
    { apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'Role', metadata, rules },
    {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'RoleBinding',
      metadata,
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name },
      subjects: [{ kind: 'ServiceAccount', name, namespace }],
    },
  ];
}

export const kubectlList = (items: readonly object[]): string =>
  JSON.stringify({ apiVersion: 'v1', kind: 'List', items });
