import type { AnyObject } from '../model/kube.ts';
import { labels } from '../model/labels.ts';

/** The pods from which checks look, and what they need; pure. */

/** Where ket-run stands in them. */
export const ketRun = '/ket/bin/ket-run';
/** On which all of them answer. */
export const port = 8099;
export const container = 'probe';
/** Of the ConfigMap that brings ket-run, in each namespace. */
export const programName = (runId: string): string => `ket-${runId}-checks`;

/** What all pods of a run have in common. */
export interface PodFacts {
  readonly runId: string;
  /** Of one of the suites; nothing of it runs. */
  readonly image: string;
  /** ClusterIP of the cluster's DNS. */
  readonly nameserver: string;
  readonly domain: string;
  /** Name of a Secret with logins at registries. */
  readonly pullSecret?: string | undefined;
}

export interface PodAsked {
  readonly name: string;
  readonly namespace: string;
  /** Beside ket's own, over which they go. */
  readonly labels?: Readonly<Record<string, string>>;
  /** In which short names are looked up. */
  readonly searches: readonly string[];
  readonly node?: string;
  /** Uid of the ConfigMap beside it, for a pod that stands among those of a release. */
  readonly owner?: string;
}

export const ownLabels = (runId: string): Record<string, string> => ({
  [labels.managedBy]: 'ket',
  [labels.run]: runId,
});

/**
 * A pod that answers requests and in which probes are run. One with an owner is never ready, so that no Service sends
 * it requests, and no ReplicaSet takes it, for it has a controller.
 */
export function podFor(facts: PodFacts, asked: PodAsked): AnyObject {
  const { runId, image, nameserver, domain, pullSecret } = facts;
  const { name, namespace, searches, node, owner } = asked;
  const own = programName(runId);
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name,
      namespace,
      labels: { ...ownLabels(runId), ...asked.labels },
      ...(owner === undefined
        ? {}
        : {
            ownerReferences: [
              { apiVersion: 'v1', kind: 'ConfigMap', name: own, uid: owner, controller: true },
            ],
          }),
    },
    spec: {
      ...(node === undefined ? {} : { nodeName: node }),
      ...(owner === undefined ? {} : { readinessGates: [{ conditionType: 'ket.dev/never' }] }),
      ...(pullSecret === undefined ? {} : { imagePullSecrets: [{ name: pullSecret }] }),
      automountServiceAccountToken: false,
      enableServiceLinks: false,
      terminationGracePeriodSeconds: 0,
      securityContext: {
        runAsNonRoot: true,
        runAsUser: 10001,
        runAsGroup: 10001,
        seccompProfile: { type: 'RuntimeDefault' },
      },
      dnsPolicy: 'None',
      dnsConfig: {
        nameservers: [nameserver],
        searches: [...searches.map((one) => `${one}.svc.${domain}`), `svc.${domain}`, domain],
        options: [{ name: 'ndots', value: '5' }],
      },
      containers: [
        {
          name: container,
          image,
          imagePullPolicy: 'IfNotPresent',
          command: [ketRun, 'answer', '--port', String(port)],
          // 32 probes at once, each a process.
          resources: { requests: { cpu: '5m', memory: '16Mi' }, limits: { cpu: '1', memory: '128Mi' } },
          securityContext: {
            allowPrivilegeEscalation: false,
            readOnlyRootFilesystem: true,
            capabilities: { drop: ['ALL'] },
          },
          volumeMounts: [{ name: 'program', mountPath: '/ket/bin', readOnly: true }],
        },
      ],
      volumes: [{ name: 'program', configMap: { name: own, defaultMode: 0o555 } }],
    },
  };
}

/** What brings ket-run into a namespace. */
export const programFor = (runId: string, namespace: string, program: Buffer): AnyObject => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name: programName(runId), namespace, labels: ownLabels(runId) },
  immutable: true,
  binaryData: { 'ket-run': program.toString('base64') },
});

/** The namespace of the pods that look, which the run has for itself. */
export const namespaceOf = (runId: string): string => `ket-${runId}-checks`;

export const namespaceFor = (runId: string): AnyObject => ({
  apiVersion: 'v1',
  kind: 'Namespace',
  metadata: {
    name: namespaceOf(runId),
    labels: { ...ownLabels(runId), 'pod-security.kubernetes.io/enforce': 'restricted' },
  },
});
