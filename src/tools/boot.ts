import { compareVersions } from './table.ts';

/** The forms of kubeadm's configuration that kind writes for the Kubernetes versions that ket supports. */
export type KubeadmVersion = 'v1beta3' | 'v1beta4';

/** kind writes v1beta4 from this release on, and only for Kubernetes of the second version or newer. */
const firstBeta4 = { kind: 'v0.32.0', kubernetes: 'v1.36.0' };
/** Native sidecars, which hand over the results, are on by default from here (KEP-753). */
export const leastKubernetes = { major: 1, minor: 29 } as const;
/** Why an older one is refused; it follows the name of that version. */
export const tooOld = `is too old: ket needs ${String(leastKubernetes.major)}.${String(leastKubernetes.minor)}, whose native sidecars keep results safe`;
/** kubeadm no longer reads v1beta3. */
const beta3Gone = 'v1.37.0';
/** The kubelet refuses cgroup v1 unless its configuration says `failCgroupV1: false`. */
const cgroupV1Gone = 'v1.35.0';

/** The kubeadm configuration that a release of kind writes for a version of Kubernetes. */
export function kubeadmVersion(kind: string, kubernetes: string): KubeadmVersion {
  return compareVersions(kind, firstBeta4.kind) >= 0 &&
    compareVersions(kubernetes, firstBeta4.kubernetes) >= 0
    ? 'v1beta4'
    : 'v1beta3';
}

/** What decides whether a pair of kind and Kubernetes can boot on a machine. */
export interface BootFacts {
  readonly kind: string;
  /** With or without the leading v; undefined when the image does not tell. */
  readonly kubernetes: string | undefined;
  /** Version of the machine's cgroups, as Docker tells it. */
  readonly cgroup?: string | undefined;
  /** The Kind config tells the kubelet to run on cgroup v1 all the same. */
  readonly cgroupV1Allowed?: boolean;
}

/** Why something cannot boot, and what to do. */
export interface BootProblem {
  readonly title: string;
  readonly detail: string;
  readonly cure: string;
}

/** Why a pair cannot boot here; empty when nothing is known against it. */
export function bootProblems(facts: BootFacts): BootProblem[] {
  const { kind, kubernetes, cgroup } = facts;
  if (kubernetes === undefined) return [];
  const shown = `Kubernetes ${kubernetes.replace(/^v/, '')}`;
  const problems: BootProblem[] = [];
  if (compareVersions(kubernetes, `${leastKubernetes.major}.${leastKubernetes.minor}`) < 0)
    problems.push({
      title: 'Kubernetes',
      detail: `${shown} ${tooOld}`,
      cure: 'name a newer node image: nodeImage in ket.yaml, --node-image or KET_NODE_IMAGE',
    });
  if (compareVersions(kubernetes, beta3Gone) >= 0 && kubeadmVersion(kind, kubernetes) === 'v1beta3')
    problems.push({
      title: 'kind',
      detail: `kind ${kind} writes kubeadm's configuration as v1beta3, which kubeadm of ${shown} no longer reads`,
      cure: `use kind ${firstBeta4.kind} or newer, or a node image of Kubernetes 1.36 or older`,
    });
  if (cgroup === '1' && facts.cgroupV1Allowed !== true && compareVersions(kubernetes, cgroupV1Gone) >= 0)
    problems.push({
      title: 'cgroup',
      detail: `this machine has cgroup v1, and the kubelet of ${shown} refuses to run there`,
      cure: 'boot with systemd.unified_cgroup_hierarchy=1, or use a node image of Kubernetes 1.34 or older',
    });
  return problems;
}
