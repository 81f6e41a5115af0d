/**
 * Every version the testbed builds. One file, because these numbers belong
 * together (etcd's and CoreDNS's are in their go.mod): the node image, kind and the programs in the nodes are a set that
 * was tried together.
 */
export const versions = {
  kubernetes: '1.34.4',
  /** The oldest minor version that ket supports. Of its patches this is the one all of whose modules can be had. */
  oldKubernetes: '1.29.15',
  kind: '0.30.0',
  helm: '4.2.4',
  helm3: '3.19.5',
  act: '0.2.89',
  localPathProvisioner: '0.0.30',
  /** What the test image of this version of Kubernetes calls itself. */
  agnhost: '2.56',
  /** The one in `go/traefik/go.mod`. */
  traefik: '3.5.0',
  /** The suite in which all images are built; the host must run it too. */
  debian: 'bookworm',
  /** The suite of the Docker engine: the one before cannot run privileged containers on new kernels. */
  engineDebian: 'trixie',
} as const;

/** A version of Kubernetes of which a node image is built; `hyperkube` names what differs from one to the other. */
export interface KubernetesVersion {
  readonly version: string;
  /** `1.29`: of `go/hyperkube/kubernetes-1.29.mod`, and of the build tag; absent for what go.mod itself says. */
  readonly variant?: string;
}

export const kubernetes: KubernetesVersion = { version: versions.kubernetes };
export const oldKubernetes: KubernetesVersion = {
  version: versions.oldKubernetes,
  variant: versions.oldKubernetes.replace(/\.\d+$/, ''),
};

/** Ends the names of what is made for a version of its own. */
export const suffixOf = ({ variant }: KubernetesVersion): string =>
  variant === undefined ? '' : `-${variant}`;

/** The name by which kind publishes its image of a version. */
export const nodeImageOf = ({ version }: KubernetesVersion): string => `kindest/node:v${version}`;

/** Public names of the images that the testbed stands in for. */
export const images = {
  node: nodeImageOf(kubernetes),
  oldNode: nodeImageOf(oldKubernetes),
  base: 'debian:bookworm-slim',
  python: 'python:3.11-slim',
  postgres: 'postgres:15',
  redis: 'redis:7',
  registry: 'registry:2.8.3',
  busybox: 'busybox:1.36',
  agnhost: `registry.k8s.io/e2e-test-images/agnhost:${versions.agnhost}`,
  traefik: `traefik:v${versions.traefik}`,
} as const;

/** The node image that kind publishes, tried where Docker reaches a registry. */
export const publishedNodeImage = images.node;
