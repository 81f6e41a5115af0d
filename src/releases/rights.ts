import { resourceOf } from '../kube/paths.ts';
import { rights, type Right } from '../kube/rights.ts';
import type { AnyObject, Kube } from '../model/kube.ts';
import type { ReleasePlan } from '../model/plan.ts';

/** Rights that a release needs, known before it is installed. */

const look = ['list', 'watch'];
const exec = ['get', 'create'];

/** To see whether it is ready, and stays so; with what `collect` brings out. */
export const watchRights = ({ namespace, collect }: ReleasePlan): Right[] => [
  ...rights(look, '', ['pods'], namespace),
  ...rights(['get'], '', ['pods/log'], namespace),
  ...rights(['list'], '', ['events'], namespace),
  ...rights(look, 'batch', ['jobs'], namespace),
  ...rights(look, 'apps', ['deployments', 'statefulsets', 'daemonsets'], namespace),
  ...(collect.length === 0
    ? []
    : [
        ...rights(['get'], '', ['pods'], namespace),
        ...rights(['get'], 'apps', ['deployments', 'statefulsets'], namespace),
        ...rights(exec, '', ['pods/exec'], namespace),
      ]),
];

/** To install what was rendered and to remove it again, with Helm's own notes about it. */
export function installRights(release: ReleasePlan, objects: readonly AnyObject[], kindOf: KindOf): Right[] {
  const { namespace } = release;
  return [
    ...rights(['get', 'list', 'create', 'update', 'delete'], '', ['secrets'], namespace),
    ...rights(['list', 'delete'], '', ['persistentvolumeclaims'], namespace),
    ...objects.flatMap((object) => objectRights(object, namespace, kindOf)),
  ];
}

type KindOf = (object: AnyObject) => ReturnType<typeof resourceOf>;

/** Helm applies, waits for and deletes each. */
const managed = ['get', 'list', 'watch', 'create', 'patch', 'delete'];

function objectRights(object: AnyObject, namespace: string, kindOf: KindOf): Right[] {
  const found = kindOf(object);
  if (found === undefined) return [];
  const where = found.namespaced ? (object.metadata?.namespace ?? namespace) : undefined;
  const isCrd = object.kind === 'CustomResourceDefinition';
  return [
    ...rights(isCrd ? [...managed, 'update'] : managed, found.group, [found.resource], where),
    ...handedOn(object, where),
  ];
}

interface Rule {
  readonly apiGroups?: readonly string[];
  readonly resources?: readonly string[];
  readonly resourceNames?: readonly string[];
  readonly verbs?: readonly string[];
}

/** Who makes a role must have what it grants. What is of single names only is left to the API server. */
function handedOn(object: AnyObject, namespace: string | undefined): Right[] {
  if (object.kind !== 'Role' && object.kind !== 'ClusterRole') return [];
  const { rules } = object as AnyObject & { readonly rules?: readonly Rule[] | null };
  return (rules ?? [])
    .filter(({ resourceNames }) => resourceNames === undefined)
    .flatMap(({ apiGroups = [], resources = [], verbs = [] }) =>
      apiGroups.flatMap((group) => rights(verbs, group, resources, namespace)),
    )
    .map((right) => ({ ...right, handedOn: true as const }));
}

interface Discovered {
  readonly resources?: readonly {
    readonly name: string;
    readonly kind: string;
    readonly namespaced: boolean;
  }[];
}

/** How kinds are called in rights: those that ket knows, those of CRDs among the objects, and what the cluster tells. */
export async function kindsOf(
  kube: Pick<Kube, 'text'>,
  objects: readonly AnyObject[],
  signal: AbortSignal,
): Promise<KindOf> {
  const found = new Map<string, ReturnType<typeof resourceOf>>();
  const own = new Map(objects.filter(isCrd).map(({ spec }) => [`${spec.group} ${spec.names.kind}`, spec]));
  const asked = new Map<string, Discovered>();
  for (const { apiVersion, kind } of objects) {
    const known = resourceOf(apiVersion, kind);
    const [group = ''] = apiVersion.includes('/') ? apiVersion.split('/') : [''];
    const crd = own.get(`${group} ${kind}`);
    if (known !== undefined) found.set(`${apiVersion} ${kind}`, known);
    else if (crd !== undefined)
      found.set(`${apiVersion} ${kind}`, {
        group,
        resource: crd.names.plural,
        namespaced: crd.scope === 'Namespaced',
      });
    else {
      const path = apiVersion.includes('/') ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
      // A version that the cluster does not have is Helm's to tell, with the object.
      const list =
        asked.get(path) ??
        (await kube.text(path, signal).then(
          (text) => JSON.parse(text) as Discovered,
          (): Discovered => ({}),
        ));
      asked.set(path, list);
      const one = list.resources?.find((other) => other.kind === kind && !other.name.includes('/'));
      if (one !== undefined)
        found.set(`${apiVersion} ${kind}`, { group, resource: one.name, namespaced: one.namespaced });
    }
  }
  return ({ apiVersion, kind }) => found.get(`${apiVersion} ${kind}`);
}

type Crd = AnyObject & {
  readonly spec: {
    readonly group: string;
    readonly scope: string;
    readonly names: { readonly kind: string; readonly plural: string };
  };
};
const isCrd = (object: AnyObject): object is Crd => object.kind === 'CustomResourceDefinition';
