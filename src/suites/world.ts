import fs from 'node:fs';
import path from 'node:path';
import { parse } from 'yaml';
import type { V1ConfigMap, V1Node, V1Service } from '@kubernetes/client-node';
import { KubeError } from '../kube/error.ts';
import { KetError } from '../model/errors.ts';
import type { Kube, Wire } from '../model/kube.ts';
import type { NamespacePlan, SuitePlan } from '../model/plan.ts';
import type { ClusterHandle, ImageFacts, Outbound } from '../model/run.ts';
import type { StateFile } from '../model/state.ts';
import type { TestDurations } from '../results/test-durations.ts';
import type { Job } from './job/job-input.ts';
import type { AttemptJournal } from './journal.ts';
import type { KetRunPrograms } from './job/objects.ts';
import type { ClusterNetwork } from './job/outbound.ts';
import type { Secrets } from './job/secrets.ts';
import type { ClusterView } from './pod/view.ts';

/** What all attempts of a run share. */
export interface SuiteWorld {
  readonly runId: string;
  readonly kube: Kube;
  readonly view: ClusterView;
  readonly template: (suite: SuitePlan) => Job;
  readonly programs: KetRunPrograms;
  readonly arch: 'amd64' | 'arm64';
  /** ClusterIP of the cluster's DNS. */
  readonly nameserver: string;
  readonly network: ClusterNetwork;
  /** Rules for the namespaces of attempts. */
  readonly namespace: NamespacePlan;
  /** Release name to namespace. */
  readonly namespaces: Readonly<Record<string, string>>;
  /** The suite's image, where Docker knows it. */
  readonly image: ImageFacts | undefined;
  /** How long the pod of a failed attempt stays for a look inside, ms; 0: not at all. */
  readonly keepFailedMs: number;
  /** The cluster goes away with the run: nothing in it needs deleting one by one. */
  readonly ephemeral: boolean;
  readonly secrets: Secrets;
  /** How long the suite's tests took in an earlier run; for suites with shards. */
  readonly durations: TestDurations;
  /** Masks secrets of releases from now on. */
  readonly mask: (secrets: Secrets) => void;
  readonly outbound: Outbound;
  /** Where an attempt's namespace is listed in a cluster that stays, before it is made. */
  readonly lists: StateFile;
  readonly journal: AttemptJournal;
  readonly cluster: Pick<ClusterHandle, 'name' | 'kubeconfig'>;
  /** Releases that are unavailable now, and why; absent where the suite is not told of them. */
  readonly unavailable?: ReadonlyMap<string, string>;
  /** Suites of the run hold room on the nodes that the suite could have. */
  readonly mayGetRoom: () => boolean;
}

/** The namespaces of the releases that a suite needs, in their order. */
export const neededNamespaces = (
  suite: SuitePlan,
  { namespaces }: Pick<SuiteWorld, 'namespaces'>,
): string[] => suite.needs.map((name) => namespaces[name] ?? name);

/** Files that come with ket, below the folder of its package. */
export interface Assets {
  readonly root: string;
}

/** The ket-run programs of both architectures. */
export function readPrograms(assets: Assets): KetRunPrograms {
  const read = (arch: string): Buffer =>
    fs.readFileSync(path.join(assets.root, 'dist', 'ket-run', `ket-run-${arch}`));
  return { amd64: read('amd64'), arm64: read('arm64') };
}

export type ClusterFacts = Pick<SuiteWorld, 'arch' | 'nameserver' | 'network'>;

/** What Jobs need to know of a cluster: the processors of its nodes, and its DNS. */
export async function clusterFacts(kube: Kube, signal: AbortSignal): Promise<ClusterFacts> {
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
  return { arch, nameserver, network: await networkOf(kube, signal) };
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
