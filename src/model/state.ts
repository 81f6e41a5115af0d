/** What a run has made, or is about to make, outside its folder; written before the thing is made. */
export type Made =
  | { readonly type: 'kind-cluster'; readonly name: string; readonly kubeconfig: string }
  | MadeObject
  | {
      readonly type: 'release';
      readonly kubeconfig: string;
      readonly namespace: string;
      readonly name: string;
      /** The Helm that installed it. */
      readonly helm?: string;
      /** CRDs that were not there before; Helm leaves them. */
      readonly crds?: readonly string[];
      readonly removeCrds?: true;
    }
  /** A registry that images went to nodes by. */
  | { readonly type: 'container'; readonly name: string }
  | { readonly type: 'folder'; readonly path: string };

/** An object in a cluster that stays; a namespace takes what is in it along. */
export interface MadeObject {
  readonly type: 'object';
  readonly kubeconfig: string;
  readonly apiVersion: string;
  readonly kind: string;
  readonly name: string;
  readonly namespace?: string;
  /** A namespace whose deletion was asked for; it is listed until it is gone. */
  readonly leaving?: true;
  /** The namespace that has the run's Lease, whose name it bears. */
  readonly lease?: true;
}

/** The list of what a run made, kept in a file that is complete on disk before `add` resolves. */
export interface StateFile {
  add(made: Made): Promise<void>;
  remove(made: Made): Promise<void>;
  list(): readonly Made[];
}
