import type { V1Deployment, V1Node, V1ServiceAccount, V1StorageClass } from '@kubernetes/client-node';
import type { Wire } from '../model/kube.ts';

/** What the gate of a new cluster looks at. */
export interface ClusterObjects {
  readonly nodes: readonly Wire<V1Node>[];
  /** Deployments of kube-system. */
  readonly deployments: readonly Wire<V1Deployment>[];
  /** Service accounts of the namespace default. */
  readonly serviceAccounts: readonly Wire<V1ServiceAccount>[];
  readonly storageClasses: readonly Wire<V1StorageClass>[];
}

export interface Readiness {
  readonly ready: boolean;
  /** What is lacking, each with the state it is in. */
  readonly waitingFor: readonly string[];
}

const defaultClass = 'storageclass.kubernetes.io/is-default-class';

/** Whether a cluster can be worked with: every node of the config, DNS, the default service account and storage. */
export function clusterReadiness(objects: ClusterObjects, expectedNodes: readonly string[]): Readiness {
  const byName = new Map(objects.nodes.map((node) => [node.metadata?.name, node]));
  const waitingFor = expectedNodes.flatMap((name) => {
    const lacking = nodeLacks(byName.get(name));
    return lacking === undefined ? [] : [`node ${name} (${lacking})`];
  });
  const dns = dnsLacks(objects.deployments.find((deployment) => deployment.metadata?.name === 'coredns'));
  if (dns !== undefined) waitingFor.push(`CoreDNS (${dns})`);
  if (!objects.serviceAccounts.some((account) => account.metadata?.name === 'default'))
    waitingFor.push('the default service account (not made yet)');
  if (!objects.storageClasses.some((item) => item.metadata?.annotations?.[defaultClass] === 'true'))
    waitingFor.push('a default storage class (none yet)');
  return { ready: waitingFor.length === 0, waitingFor };
}

function nodeLacks(node: Wire<V1Node> | undefined): string | undefined {
  if (node === undefined) return 'has not joined';
  const ready = node.status?.conditions?.find((condition) => condition.type === 'Ready');
  if (ready === undefined) return 'has no status yet';
  if (ready.status === 'True') return undefined;
  return `not ready: ${shorten(ready.message ?? ready.reason ?? ready.status)}`;
}

/** What the kubelet says may fill a screen; how it ends is what differs. */
const shorten = (text: string): string =>
  text.length <= 160 ? text : `${text.slice(0, 60)} … ${text.slice(-95)}`;

function dnsLacks(deployment: Wire<V1Deployment> | undefined): string | undefined {
  if (deployment === undefined) return 'not made yet';
  const { status, spec } = deployment;
  const available = status?.availableReplicas ?? 0;
  const wanted = spec?.replicas ?? 1;
  const observed = (status?.observedGeneration ?? 0) >= (deployment.metadata?.generation ?? 0);
  // One answering replica is DNS; the Deployment's own condition allows for as many missing as its strategy does.
  const condition = status?.conditions?.find((item) => item.type === 'Available');
  if (observed && condition?.status === 'True' && available > 0) return undefined;
  return `${available} of ${wanted} available`;
}

/** The next step for the reasons that are well known. */
export function readinessCure(waitingFor: readonly string[], disableDefaultCNI: boolean): string {
  const text = waitingFor.join('\n');
  if (/cni plugin not initialized|NetworkPluginNotReady/i.test(text))
    return disableDefaultCNI
      ? 'the Kind config has disableDefaultCNI: true, so nothing brings a network to the nodes: remove it'
      : 'the network of the cluster did not start: see the logs of the pods of kube-system in the folder of the run';
  if (/has not joined/.test(text))
    return 'see the kubelet journals in the folder of the run; often the inotify limits are too low: ket doctor';
  return 'see the folder cluster of the run; where the machine is only slow, raise the cluster limit in ket.yaml';
}
