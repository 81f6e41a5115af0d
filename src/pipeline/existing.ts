import fs from 'node:fs';
import type { Kube } from '../model/kube.ts';
import type { Made, StateFile } from '../model/state.ts';

/** A cluster that was there before the run and is there after it. */
export interface ExistingCluster {
  readonly name: string;
  readonly kubeconfig: string;
  /** Names of its nodes; those of the plan's Kind config unless given. */
  readonly nodes?: readonly string[];
  /** What `ket up` installed stays with its cluster; elsewhere the run removes what it installed. */
  readonly releasesStay: boolean;
  /** Where it is written what `ket up` made in it. */
  readonly upFile?: string;
  /** Other people's too, and its nodes are no containers of this machine: ket stays within namespaces of its own. */
  readonly shared?: true;
}

/** One that a context names: the run writes ket's own kubeconfig for it, and removes it at its end. */
export interface ContextCluster extends Omit<ExistingCluster, 'kubeconfig'> {
  readonly shared: true;
  /** The text of that kubeconfig, which holds keys. */
  readonly copy: string;
}

/** The cluster with its kubeconfig in a file, which nobody else may read. */
export function withKubeconfig(
  cluster: ExistingCluster | ContextCluster | undefined,
  file: string,
): ExistingCluster | undefined {
  if (cluster === undefined || !('copy' in cluster)) return cluster;
  const { copy, ...rest } = cluster;
  fs.writeFileSync(file, copy, { mode: 0o600 });
  return { ...rest, kubeconfig: file };
}

/**
 * The state of a run in a cluster that is not its own: a release or namespace that was there before is not the run's,
 * so it is not listed and never removed.
 */
export function stateWithin(
  state: StateFile,
  cluster: ExistingCluster,
  connect: (kubeconfig: string) => Promise<Kube>,
): StateFile {
  const wasThere = async (made: Made): Promise<boolean> => {
    if (made.type !== 'release') return false;
    const kube = await connect(made.kubeconfig);
    try {
      const signal = AbortSignal.timeout(30_000);
      const namespace = { apiVersion: 'v1', kind: 'Namespace', name: made.namespace };
      if ((await kube.get(namespace, signal)) === undefined) {
        await state.add({
          type: 'object',
          kubeconfig: made.kubeconfig,
          ...namespace,
        });
        return false;
      }
      // Helm keeps each revision of a release in a Secret of its namespace, labelled so.
      const labelSelector = `owner=helm,name=${made.name}`;
      const query = { apiVersion: 'v1', kind: 'Secret', namespace: made.namespace, labelSelector };
      return (await kube.list(query, signal)).length > 0;
    } finally {
      kube.close();
    }
  };
  /** A namespace that the run made goes away with the run, and what is in it. */
  const isWithinOwn = ({ namespace }: Extract<Made, { type: 'release' }>): boolean =>
    state
      .list()
      .some((made) => made.type === 'object' && made.kind === 'Namespace' && made.name === namespace);
  return {
    list: () => state.list(),
    remove: (made) => state.remove(made),
    async add(made) {
      const stays =
        made.type === 'release' && !isWithinOwn(made) && (cluster.releasesStay || (await wasThere(made)));
      if (!stays) await state.add(made);
    },
  };
}
