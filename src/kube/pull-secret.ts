import type { V1Namespace, V1Secret, V1ServiceAccount } from '@kubernetes/client-node';
import type { AnyObject, Kube, Wire } from '../model/kube.ts';
import { labels } from '../model/labels.ts';
import { KubeError } from './error.ts';

/** Of the Secret with the logins at registries, in each namespace that ket makes. */
export const pullSecretName = 'ket-registries';

const own = { [labels.managedBy]: 'ket' };

/** `.dockerconfigjson` as a Secret for pods of a namespace. */
export const pullSecretFor = (
  namespace: string,
  dockerConfigJson: string,
  more: Readonly<Record<string, string>> = {},
): AnyObject => ({
  apiVersion: 'v1',
  kind: 'Secret',
  metadata: { name: pullSecretName, namespace, labels: { ...own, ...more } },
  type: 'kubernetes.io/dockerconfigjson',
  data: { '.dockerconfigjson': Buffer.from(dockerConfigJson).toString('base64') },
});

/**
 * Makes a namespace ready for a release whose pods are to pull with logins: the namespace itself where it is not there,
 * the Secret, and the default service account with it, before any pod is made. False, and nothing is done, in a
 * namespace of somebody else.
 */
export async function withPullSecret(
  kube: Pick<Kube, 'create' | 'get' | 'patch'>,
  namespace: string,
  dockerConfigJson: string,
  signal: AbortSignal,
): Promise<boolean> {
  const at = { apiVersion: 'v1', kind: 'Namespace', name: namespace };
  // Who may not make namespaces may still look at one that is there.
  const there = await kube.get<Wire<V1Namespace>>(at, signal);
  if (there === undefined)
    await createOr(kube, { ...at, metadata: { name: namespace, labels: own } }, signal);
  else if (there.metadata?.labels?.[labels.managedBy] !== 'ket') return false;
  const secret = pullSecretFor(namespace, dockerConfigJson);
  if (!(await createOr(kube, secret, signal))) {
    const ref = { apiVersion: 'v1', kind: 'Secret', namespace, name: pullSecretName };
    await kube.patch<Wire<V1Secret>>(ref, { data: secret['data'] }, signal);
  }
  await addToDefaultAccount(kube, namespace, signal);
  return true;
}

/** False when it is there already. */
async function createOr(
  kube: Pick<Kube, 'create'>,
  object: AnyObject,
  signal: AbortSignal,
): Promise<boolean> {
  try {
    await kube.create(object, signal);
    return true;
  } catch (error) {
    if (error instanceof KubeError && error.status === 409) return false;
    throw error;
  }
}

/** Its controller makes the account only where there is none, so nothing has to be waited for. */
async function addToDefaultAccount(
  kube: Pick<Kube, 'create' | 'get' | 'patch'>,
  namespace: string,
  signal: AbortSignal,
): Promise<void> {
  const imagePullSecrets = [{ name: pullSecretName }];
  const ref = { apiVersion: 'v1', kind: 'ServiceAccount', namespace, name: 'default' };
  const account = {
    apiVersion: 'v1',
    kind: 'ServiceAccount',
    metadata: { name: 'default', namespace },
    imagePullSecrets,
  };
  if (await createOr(kube, account, signal)) return;
  const there = await kube.get<Wire<V1ServiceAccount>>(ref, signal);
  const has = there?.imagePullSecrets ?? [];
  if (has.some(({ name }) => name === pullSecretName)) return;
  await kube.patch(ref, { imagePullSecrets: [...has, ...imagePullSecrets] }, signal);
}
