import { labels } from '../model/labels.ts';
import { isOfInstalled, isOfRelease } from '../releases/workloads.ts';

/** `alone: true`: what runs in a namespace, and whose it is. Pure. */

/** The parts of an object that are read. */
export interface Resident {
  readonly kind: string;
  readonly metadata?: {
    readonly name?: string;
    readonly namespace?: string;
    readonly uid?: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
    readonly ownerReferences?: readonly Owner[];
  };
  readonly spec?: { readonly suspend?: boolean; readonly schedule?: string };
  readonly status?: { readonly phase?: string };
}

export interface Owner {
  readonly apiVersion: string;
  readonly kind: string;
  readonly name: string;
  readonly uid: string;
  readonly controller?: boolean;
}

/** A release of the tier, as Helm calls it. */
export interface Host {
  readonly name: string;
  readonly namespace: string;
  /** Not by ket, perhaps not by Helm. */
  readonly installed: boolean;
}

/** What runs in a namespace and is of no release of the tier, and not of ket. */
export interface Stranger {
  readonly kind: string;
  readonly name: string;
  readonly namespace: string;
  /** Of a CronJob, which has no pods of its own. */
  readonly schedule?: string;
  readonly pods: readonly string[];
  /** The release of Helm that it is of. */
  readonly release?: string;
  /** What made it, and could not be read or is gone: `Postgres db`. */
  readonly madeFor?: string;
}

const releaseNamespace = 'meta.helm.sh/release-namespace';
const hook = 'helm.sh/hook';
const instance = 'app.kubernetes.io/instance';

/** A pod of the kubelet's own is of no more than its node. */
const ownerOf = ({ metadata }: Resident): Owner | undefined => {
  const owners = metadata?.ownerReferences ?? [];
  const owner = owners.find(({ controller }) => controller === true) ?? owners[0];
  return owner?.kind === 'Node' ? undefined : owner;
};

/** An object and what it was made for, up to where that is known; `beyond`: the owner that is not. */
function lineOf(
  object: Resident,
  byUid: ReadonlyMap<string, Resident>,
): { readonly line: readonly Resident[]; readonly beyond?: Owner } {
  const line = [object];
  for (let one = object; ;) {
    const owner = ownerOf(one);
    if (owner === undefined) return { line };
    const next = byUid.get(owner.uid);
    // Nothing owns itself, also not by way of others.
    if (next === undefined || line.includes(next)) return { line, beyond: owner };
    line.push(next);
    one = next;
  }
}

const byUidOf = (objects: readonly Resident[]): ReadonlyMap<string, Resident> =>
  new Map(objects.map((object) => [object.metadata?.uid ?? '', object]));

/** Whether it does something now, or will without anybody asking. */
function runs({ kind, spec, status }: Resident): boolean {
  if (kind === 'CronJob') return spec?.suspend !== true;
  return kind === 'Pod' && status?.phase !== 'Succeeded' && status?.phase !== 'Failed';
}

/** The owners of what runs that are not among the objects, each with the namespace in which it is. */
export function unknownOwners(
  objects: readonly Resident[],
): readonly { readonly namespace: string; readonly owner: Owner }[] {
  const byUid = byUidOf(objects);
  const found = objects.filter(runs).flatMap((object) => {
    const { beyond } = lineOf(object, byUid);
    const { namespace = '' } = object.metadata ?? {};
    return beyond === undefined ? [] : [[beyond.uid, { namespace, owner: beyond }] as const];
  });
  return [...new Map(found).values()];
}

/** Whether it is of a release of its namespace, or of ket: suites with `placement: release` stand there too. */
function isAtHome(object: Resident, hosts: readonly Host[]): boolean {
  const { labels: marks = {}, annotations = {}, namespace } = object.metadata ?? {};
  if (marks[labels.run] !== undefined) return true;
  const here = hosts.filter((host) => host.namespace === namespace);
  // A release of the same name may be in another namespace, and have put this here.
  const from = annotations[releaseNamespace] ?? namespace;
  if (from === namespace && here.some(({ name }) => isOfRelease(object, name))) return true;
  if (here.some(({ name, installed }) => installed && isOfInstalled(object, name))) return true;
  // Helm does not write its name on hooks.
  if (annotations[hook] === undefined) return false;
  return marks[instance] === undefined || here.some(({ name }) => name === marks[instance]);
}

/** `pod/debug-*` as a pattern of kind and name. */
const matches = (pattern: string, kind: string, name: string): boolean =>
  new RegExp(`^${pattern.replaceAll(/[.]/g, '\\.').replaceAll('*', '.*')}$`).test(
    `${kind.toLowerCase()}/${name}`,
  );

/** What runs and is of nobody who is meant to; one for each thing that somebody made, with its pods. */
export function strangersIn(
  objects: readonly Resident[],
  hosts: readonly Host[],
  besides: readonly string[],
): Stranger[] {
  const byUid = byUidOf(objects);
  const found = new Map<string, { stranger: Stranger; pods: string[] }>();
  for (const object of objects.filter(runs)) {
    const { line, beyond } = lineOf(object, byUid);
    if (line.some((one) => isAtHome(one, hosts))) continue;
    const named = line.some(({ kind, metadata }) =>
      besides.some((pattern) => matches(pattern, kind, metadata?.name ?? '')),
    );
    const wanted = beyond !== undefined && besides.some((one) => matches(one, beyond.kind, beyond.name));
    if (named || wanted) continue;
    const top = line.at(-1) ?? object;
    const { uid = '', name = '', namespace = '', annotations } = top.metadata ?? {};
    const release = annotations?.['meta.helm.sh/release-name'];
    const { schedule } = top.spec ?? {};
    const known = found.get(uid) ?? {
      stranger: {
        ...{ kind: top.kind, name, namespace, pods: [] },
        ...(schedule === undefined ? {} : { schedule }),
        ...(release === undefined ? {} : { release }),
        ...(beyond === undefined ? {} : { madeFor: `${beyond.kind} ${beyond.name}` }),
      },
      pods: [],
    };
    if (object.kind === 'Pod' && object !== top) known.pods.push(object.metadata?.name ?? '');
    found.set(uid, known);
  }
  return [...found.values()].map(({ stranger, pods }) => ({ ...stranger, pods: pods.sort() }));
}

const shownPods = 5;

/** As a person reads it: what was expected and seen, and the likely cause. */
export function strangerText(stranger: Stranger, hosts: readonly Host[]): string {
  const { kind, name, namespace, schedule, pods } = stranger;
  const own = hosts.filter((host) => host.namespace === namespace).map((host) => host.name);
  const shown = pods.slice(0, shownPods).join(', ');
  const more = pods.length > shownPods ? ` and ${String(pods.length - shownPods)} more` : '';
  const details = [
    ...(schedule === undefined ? [] : [schedule]),
    ...(pods.length === 0 ? [] : [`pod${pods.length === 1 ? '' : 's'} ${shown}${more}`]),
  ];
  const seen = `${kind} ${name}${details.length === 0 ? '' : ` (${details.join('; ')})`}`;
  return `namespace ${namespace}: expected nothing beside release${own.length === 1 ? '' : 's'} ${own.join(', ')}, seen: ${seen}; likely: ${causeOf(stranger)}`;
}

function causeOf({ kind, release, madeFor, namespace, name }: Stranger): string {
  if (release !== undefined)
    return `release ${release} of Helm, which the tier does not name: helm uninstall ${release} -n ${namespace}, or name it`;
  if (madeFor !== undefined)
    return `it was made for ${madeFor}, which is gone, or no release of the tier has made it; \`besides: [${madeFor.toLowerCase().replace(' ', '/')}]\` if it belongs there`;
  return `made by hand or left by an earlier test: kubectl delete ${kind.toLowerCase()} ${name} -n ${namespace}; \`besides\` if it belongs there`;
}
