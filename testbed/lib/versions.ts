/**
 * Every version the testbed builds. One file, because these numbers belong
 * together (etcd's and CoreDNS's are in their go.mod): the node image, kind and the programs in the nodes are a set that
 * was tried together.
 */
export const versions = {
  kubernetes: '1.34.4',
  kind: '0.30.0',
  helm: '4.2.4',
  helm3: '3.19.5',
  act: '0.2.89',
  localPathProvisioner: '0.0.30',
  /** What the test image of this version of Kubernetes calls itself. */
  agnhost: '2.56',
  /** The suite in which all images are built; the host must run it too. */
  debian: 'bookworm',
  /** The suite of the Docker engine: the one before cannot run privileged containers on new kernels. */
  engineDebian: 'trixie',
} as const;

/** Public names of the images that the testbed stands in for. */
export const images = {
  node: `kindest/node:v${versions.kubernetes}`,
  base: 'debian:bookworm-slim',
  python: 'python:3.11-slim',
  postgres: 'postgres:15',
  redis: 'redis:7',
  busybox: 'busybox:1.36',
  agnhost: `registry.k8s.io/e2e-test-images/agnhost:${versions.agnhost}`,
} as const;

/** The node image that kind publishes, tried where Docker reaches a registry. */
export const publishedNodeImage = images.node;
