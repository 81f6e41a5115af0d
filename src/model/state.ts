/** What a run has made, or is about to make, outside its folder; written before the thing is made. */
export type Made =
  | { readonly type: 'kind-cluster'; readonly name: string; readonly kubeconfig: string }
  | {
      readonly type: 'namespace';
      readonly cluster: string;
      readonly kubeconfig: string;
      readonly name: string;
    }
  | {
      readonly type: 'release';
      readonly kubeconfig: string;
      readonly namespace: string;
      readonly name: string;
    }
  | { readonly type: 'folder'; readonly path: string };

/** The list of what a run made, kept in a file that is complete on disk before `add` resolves. */
export interface StateFile {
  add(made: Made): Promise<void>;
  remove(made: Made): Promise<void>;
  list(): readonly Made[];
}
