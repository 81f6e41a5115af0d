import type { Kube } from '../model/kube.ts';
import { strangersIn, strangerText, unknownOwners, type Host, type Resident } from './alone.ts';
import type { Look } from './look.ts';

/** What runs, and what makes it; all that has to be listed for it. */
export const aloneKinds = [
  ['v1', 'Pod'],
  ['apps/v1', 'ReplicaSet'],
  ['apps/v1', 'Deployment'],
  ['apps/v1', 'StatefulSet'],
  ['apps/v1', 'DaemonSet'],
  ['batch/v1', 'Job'],
  ['batch/v1', 'CronJob'],
] as const;

/** A resource that an operator made for another one, of a third. */
const mostOwners = 4;

/** `alone: true`: nothing runs in the namespaces but what is of the releases in them, and of ket. */
export const lookAlone =
  (
    kube: Pick<Kube, 'get' | 'list'>,
    {
      namespaces,
      hosts,
      besides,
    }: {
      readonly namespaces: readonly string[];
      /** All releases of the tier. */
      readonly hosts: readonly Host[];
      readonly besides: readonly string[];
    },
  ): Look =>
  async (signal) => {
    const listed = await Promise.all(
      namespaces.flatMap((namespace) =>
        aloneKinds.map(async ([apiVersion, kind]) => {
          const items = await kube.list<Omit<Resident, 'kind'>>({ apiVersion, kind, namespace }, signal);
          return items.map((item): Resident => ({ ...item, kind }));
        }),
      ),
    );
    let objects = listed.flat();
    const asked = new Set<string>();
    for (let round = 0; round < mostOwners; round++) {
      const unknown = unknownOwners(objects).filter(({ owner }) => !asked.has(owner.uid));
      if (unknown.length === 0) break;
      const found = await Promise.all(
        unknown.map(async ({ namespace, owner: { apiVersion, kind, name, uid } }): Promise<Resident[]> => {
          asked.add(uid);
          // Which may be gone, or of a kind that ket may not read: then it says nothing for what it made.
          const owner = await kube
            .get<Omit<Resident, 'kind'>>({ apiVersion, kind, namespace, name }, signal)
            .catch(() => undefined);
          signal.throwIfAborted();
          // Another one of that name has another uid, by which it is not found.
          return owner === undefined ? [] : [{ ...owner, kind }];
        }),
      );
      objects = [...objects, ...found.flat()];
    }
    return { faults: strangersIn(objects, hosts, besides).map((one) => strangerText(one, hosts)) };
  };
