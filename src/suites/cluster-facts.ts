import fs from 'node:fs';
import path from 'node:path';
import { parse } from 'yaml';
import type { V1ConfigMap, V1Node, V1Service } from '@kubernetes/client-node';
import { KubeError } from '../kube/error.ts';
import { KetError } from '../model/errors.ts';
import type { Kube, Wire } from '../model/kube.ts';
import type { Assets, ClusterHandle } from '../model/run.ts';
import type { Task } from '../model/task.ts';
import type { ClusterNetwork } from './job/outbound.ts';

/** What Jobs need to know of a cluster: its DNS, its subnets, and the program that its nodes can run. */
export interface ClusterFacts {
  /** ClusterIP of the cluster's DNS. */
  readonly nameserver: string;
  readonly network: ClusterNetwork;
  /** `ket-run` for the processors of the nodes. */
  readonly ketRun: Buffer;
}

/** Once for all suites, while their releases are still on the way. */
export const clusterFactsTask = (cluster: Task<ClusterHandle>, assets: Assets): Task<ClusterFacts> => ({
  id: 'cluster facts',
  phase: 'cluster',
  title: 'look at the cluster',
  needs: [cluster],
  limitMs: 60_000,
  run: (context) => factsOf(context.output(cluster).kube, assets, context.signal),
});

async function factsOf(kube: Kube, assets: Assets, signal: AbortSignal): Promise<ClusterFacts> {
  const nodes = await kube.list<Wire<V1Node>>({ apiVersion: 'v1', kind: 'Node' }, signal);
  const arches = new Set(nodes.map((node) => node.status?.nodeInfo?.architecture));
  const [arch] = arches;
  if (arches.size !== 1 || (arch !== 'amd64' && arch !== 'arm64'))
    throw new KetError(
      'KET_CLUSTER',
      `nodes of the architectures ${[...arches].join(', ')} cannot be used together`,
      {
        next: 'use a cluster whose nodes are all amd64 or all arm64',
      },
    );
  const ref = { apiVersion: 'v1', kind: 'Service', namespace: 'kube-system', name: 'kube-dns' };
  const dns = await kube.get<Wire<V1Service>>(ref, signal);
  const nameserver = dns?.spec?.clusterIP;
  if (nameserver === undefined || nameserver === 'None')
    throw new KetError('KET_CLUSTER', 'the cluster has no DNS service kube-system/kube-dns', {
      next: 'install CoreDNS under that service, as kubeadm and Kind do',
    });
  const ketRun = fs.readFileSync(path.join(assets.root, 'dist', 'ket-run', `ket-run-${arch}`));
  return { nameserver, network: await networkOf(kube, signal), ketRun };
}

/** What kubeadm keeps of the cluster's configuration, as Kind does; elsewhere its defaults, and no subnet is known. */
async function networkOf(kube: Kube, signal: AbortSignal): Promise<ClusterNetwork> {
  const ref = { apiVersion: 'v1', kind: 'ConfigMap', namespace: 'kube-system', name: 'kubeadm-config' };
  const map = await kube.get<Wire<V1ConfigMap>>(ref, signal).catch((error: unknown) => {
    // A user of some namespaces only need not see it.
    if (error instanceof KubeError && error.status === 403) return undefined;
    throw error;
  });
  const config = parse(map?.data?.['ClusterConfiguration'] ?? '') as {
    networking?: { dnsDomain?: string; podSubnet?: string; serviceSubnet?: string };
  } | null;
  const { dnsDomain = 'cluster.local', podSubnet = '', serviceSubnet = '' } = config?.networking ?? {};
  const subnets = [podSubnet, serviceSubnet].flatMap((list) => list.split(','));
  return { domain: dnsDomain, subnets: subnets.filter((subnet) => subnet !== '') };
}
