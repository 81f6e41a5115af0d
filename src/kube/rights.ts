import type { AnyObject, Kube } from '../model/kube.ts';

/** A right at the API: what RBAC grants and an access review asks for. */
export interface Right {
  readonly verb: string;
  /** Empty for the core group. */
  readonly group: string;
  /** Plural, with `/log` and the like. */
  readonly resource: string;
  /** Absent for what is of the cluster, and for all namespaces. */
  readonly namespace?: string;
  /** It is handed on in a Role: who may escalate and bind there need not have it. */
  readonly handedOn?: true;
}

/** Rights of several verbs on several resources of one group. */
export const rights = (
  verbs: readonly string[],
  group: string,
  resources: readonly string[],
  namespace?: string,
): Right[] =>
  resources.flatMap((resource) =>
    verbs.map((verb) => ({ verb, group, resource, ...(namespace === undefined ? {} : { namespace }) })),
  );

const key = ({ verb, group, resource, namespace }: Right): string =>
  JSON.stringify([verb, group, resource, namespace ?? null]);

/** At once: enough to be quick, and no flood for the fairness of a busy API server. */
const width = 24;

/** Those of the rights that the user does not have. Each is asked once; who may do everything is asked once in all. */
export async function lackingRights(
  kube: Pick<Kube, 'create'>,
  wanted: readonly Right[],
  signal: AbortSignal,
): Promise<readonly Right[]> {
  if (await may(kube, { verb: '*', group: '*', resource: '*' }, signal)) return [];
  const distinct = [...new Map(wanted.map((right) => [key(right), right])).values()];
  const lacking: Right[] = [];
  for (let at = 0; at < distinct.length; at += width) {
    const some = distinct.slice(at, at + width);
    const answers = await Promise.all(some.map((right) => may(kube, right, signal)));
    lacking.push(...some.filter((_, index) => answers[index] === false));
  }
  const handed = [...new Set(lacking.flatMap((right) => (right.handedOn ? [right.namespace] : [])))];
  const free = new Set<string | undefined>();
  for (const namespace of handed) if (await mayHandOn(kube, namespace, signal)) free.add(namespace);
  return lacking.filter((right) => right.handedOn !== true || !free.has(right.namespace));
}

/** The API server lets nobody grant what he has not, unless he has these. */
async function mayHandOn(
  kube: Pick<Kube, 'create'>,
  namespace: string | undefined,
  signal: AbortSignal,
): Promise<boolean> {
  const resource = namespace === undefined ? 'clusterroles' : 'roles';
  const group = 'rbac.authorization.k8s.io';
  const both = await Promise.all(
    ['escalate', 'bind'].flatMap((verb) =>
      rights([verb], group, [resource], namespace).map((right) => may(kube, right, signal)),
    ),
  );
  return both.every((one) => one);
}

interface Review extends AnyObject {
  readonly status?: { readonly allowed?: boolean };
}

async function may(kube: Pick<Kube, 'create'>, right: Right, signal: AbortSignal): Promise<boolean> {
  const { verb, group, namespace } = right;
  const [resource = '', subresource] = right.resource.split('/');
  const resourceAttributes = {
    verb,
    group,
    resource,
    ...(subresource === undefined ? {} : { subresource }),
    ...(namespace === undefined ? {} : { namespace }),
  };
  const review = await kube.create<Review>(
    {
      apiVersion: 'authorization.k8s.io/v1',
      kind: 'SelfSubjectAccessReview',
      spec: { resourceAttributes },
    },
    signal,
  );
  return review.status?.allowed === true;
}

/** Who the kubeconfig's user is to the cluster; undefined where it does not tell. */
export async function userOf(kube: Pick<Kube, 'create'>, signal: AbortSignal): Promise<string | undefined> {
  try {
    const review = await kube.create<
      AnyObject & { readonly status?: { readonly userInfo?: { readonly username?: string } } }
    >({ apiVersion: 'authentication.k8s.io/v1', kind: 'SelfSubjectReview' }, signal);
    return review.status?.userInfo?.username;
  } catch {
    signal.throwIfAborted();
    return undefined;
  }
}
