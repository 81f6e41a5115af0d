import type { CheckPlan, ReleasePlan, SuitePlan } from '../model/plan.ts';

/** A namespace of a release from which is looked; undefined: ket's own one, as a suite has one of its own. */
export type Place = string | undefined;

/**
 * From where a check looks: where the suites are that require it, because a NetworkPolicy may open a port to one
 * namespace and not to another. From ket's own where no suite does. Pure.
 */
export function placesOf(
  check: CheckPlan,
  {
    suites,
    releases,
  }: {
    readonly suites: readonly SuitePlan[];
    readonly releases: readonly Pick<ReleasePlan, 'name' | 'namespace'>[];
  },
): Place[] {
  const places = suites
    .filter(({ checks, lacks }) => lacks.length === 0 && checks.includes(check.name))
    .map(({ placement, needs: [release] }): Place => {
      if (placement === 'own' || release === undefined) return undefined;
      return releases.find(({ name }) => name === release)?.namespace ?? release;
    });
  return places.length === 0 ? [undefined] : [...new Set(places)];
}

/** Looks that can share their pods. */
export interface Group {
  readonly place: Place;
  /** In which short names are looked up, in this order. */
  readonly namespaces: readonly string[];
  /** A pod on each node, else one in all. */
  readonly everyNode: boolean;
}

/** What decides whether two looks are of one group. */
export const groupKey = (place: Place, namespaces: readonly string[]): string =>
  [place ?? '', ...namespaces].join(' ');

/**
 * Checks with the same namespaces look from the same pods, on every node where one of them is about the network. Pods
 * of different nodes try each other in ket's own namespace, where no policy of a release is in the way. Pure.
 */
export function groupsOf(
  checks: readonly { readonly check: CheckPlan; readonly places: readonly Place[] }[],
): Group[] {
  const groups = new Map<string, Group>();
  for (const { check, places } of checks) {
    const isNetwork = check.look.kind === 'network';
    if (check.look.kind === 'policy') continue;
    for (const place of new Set(isNetwork ? [undefined, ...places] : places)) {
      const key = groupKey(place, check.namespaces);
      const everyNode = isNetwork || groups.get(key)?.everyNode === true;
      groups.set(key, { place, namespaces: check.namespaces, everyNode });
    }
  }
  return [...groups.values()];
}
