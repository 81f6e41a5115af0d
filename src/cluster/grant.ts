import { createHash } from 'node:crypto';
import { stringify } from 'yaml';
import type { Right } from '../kube/rights.ts';

/** What to say of rights that lack, and the objects that would grant them. Pure. */

const resourceText = ({ group, resource }: Right): string =>
  group === '' ? resource : `${resource}.${group}`;

/** One line for each resource and namespace: `create, delete jobs.batch in namespace x`. */
export function lackingLines(lacking: readonly Right[]): string[] {
  const verbs = new Map<string, string[]>();
  for (const right of lacking) {
    const where = right.namespace === undefined ? 'of the cluster' : `in namespace ${right.namespace}`;
    const what = `${resourceText(right)} ${where}`;
    verbs.set(what, [...(verbs.get(what) ?? []), right.verb]);
  }
  return [...verbs].map(([what, list]) => `${list.join(', ')} ${what}`);
}

/** A rule of RBAC. */
export interface Rule {
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  readonly verbs: readonly string[];
}

/** The rules that grant rights, whatever their namespaces. */
export function rulesOf(rights: readonly Right[]): Rule[] {
  const byVerbs = new Map<string, { group: string; verbs: string; resources: string[] }>();
  const verbsOf = new Map<string, { right: Right; verbs: string[] }>();
  for (const right of rights) {
    const at = `${right.group}/${right.resource}`;
    const known = verbsOf.get(at);
    if (known === undefined) verbsOf.set(at, { right, verbs: [right.verb] });
    else if (!known.verbs.includes(right.verb)) known.verbs.push(right.verb);
  }
  for (const { right, verbs } of verbsOf.values()) {
    const text = [...verbs].sort().join(',');
    const at = `${right.group} ${text}`;
    const known = byVerbs.get(at);
    if (known === undefined)
      byVerbs.set(at, { group: right.group, verbs: text, resources: [right.resource] });
    else known.resources.push(right.resource);
  }
  return [...byVerbs.values()].map(({ group, verbs, resources }) => ({
    apiGroups: [group],
    resources,
    verbs: verbs.split(','),
  }));
}

const rbac = 'rbac.authorization.k8s.io';
/** Of what it grants: to apply one grant takes nothing from another. */
const nameOf = (rights: readonly Right[], user: string): string =>
  `ket-runs-${createHash('sha256')
    .update(JSON.stringify([user, rights]))
    .digest('hex')
    .slice(0, 8)}`;

/**
 * RBAC that grants rights to a user, as YAML for `kubectl apply`: in namespaces that are there a Role each; for the
 * cluster, and for namespaces that a run makes (`own`), whose names nobody knows beforehand, a ClusterRole.
 */
export function grantFor(
  rights: readonly Right[],
  user: string,
  own: (namespace: string) => boolean,
): string {
  const isWide = ({ namespace }: Right): boolean => namespace === undefined || own(namespace);
  const wide = rights.filter(isWide);
  const rest = rights.filter((right) => !isWide(right));
  const namespaces = [...new Set(rest.flatMap(({ namespace }) => namespace ?? []))];
  const subjects = [subjectOf(user)];
  const name = nameOf(rights, user);
  const objects = [
    ...(wide.length === 0
      ? []
      : [
          { apiVersion: `${rbac}/v1`, kind: 'ClusterRole', metadata: { name }, rules: rulesOf(wide) },
          {
            apiVersion: `${rbac}/v1`,
            kind: 'ClusterRoleBinding',
            metadata: { name },
            roleRef: { apiGroup: rbac, kind: 'ClusterRole', name },
            subjects,
          },
        ]),
    ...namespaces.flatMap((namespace) => [
      {
        apiVersion: `${rbac}/v1`,
        kind: 'Role',
        metadata: { name, namespace },
        rules: rulesOf(rest.filter((right) => right.namespace === namespace)),
      },
      {
        apiVersion: `${rbac}/v1`,
        kind: 'RoleBinding',
        metadata: { name, namespace },
        roleRef: { apiGroup: rbac, kind: 'Role', name },
        subjects,
      },
    ]),
  ];
  return objects.map((object) => `---\n${stringify(object, { aliasDuplicateObjects: false })}`).join('');
}

function subjectOf(user: string): Readonly<Record<string, string>> {
  const account = /^system:serviceaccount:([^:]+):([^:]+)$/.exec(user);
  return account === null
    ? { apiGroup: rbac, kind: 'User', name: user }
    : { kind: 'ServiceAccount', namespace: account[1] ?? '', name: account[2] ?? '' };
}
