import type { V1Node } from '@kubernetes/client-node';
import type { Wire } from '../model/kube.ts';

export type Distribution =
  'kind' | 'EKS' | 'GKE' | 'AKS' | 'k3s' | 'RKE2' | 'OpenShift' | 'minikube' | 'unknown';

/** Whose Kubernetes a cluster is, by what nodes and versions bear. Pure. */
export function distributionOf(gitVersion: string, nodes: readonly Wire<V1Node>[]): Distribution {
  const ids = nodes.map((node) => node.spec?.providerID ?? '');
  const versions = [gitVersion, ...nodes.map((node) => node.status?.nodeInfo?.kubeletVersion ?? '')];
  const any = (list: readonly string[], pattern: RegExp): boolean => list.some((text) => pattern.test(text));
  const hasLabel = (pattern: RegExp): boolean =>
    nodes.some((node) => Object.keys(node.metadata?.labels ?? {}).some((label) => pattern.test(label)));
  // Before the clouds: it runs on theirs as well.
  if (
    hasLabel(/^node\.openshift\.io\//) ||
    any(osImages(nodes), /CoreOS.*OpenShift|^Red Hat Enterprise Linux CoreOS/)
  )
    return 'OpenShift';
  if (any(versions, /\+k3s\d/)) return 'k3s';
  if (any(versions, /\+rke2r\d/)) return 'RKE2';
  if (any(versions, /-eks-/) || hasLabel(/^eks\.amazonaws\.com\//)) return 'EKS';
  if (any(versions, /-gke\.\d/) || hasLabel(/^cloud\.google\.com\/gke-/)) return 'GKE';
  if (hasLabel(/^kubernetes\.azure\.com\//)) return 'AKS';
  if (any(ids, /^kind:/)) return 'kind';
  if (any(ids, /^k3s:/)) return 'k3s';
  if (hasLabel(/^minikube\.k8s\.io\//)) return 'minikube';
  return 'unknown';
}

const osImages = (nodes: readonly Wire<V1Node>[]): string[] =>
  nodes.map((node) => node.status?.nodeInfo?.osImage ?? '');
