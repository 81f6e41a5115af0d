/** What stands in a cluster that `ket up` made, and from what it was made. */
export interface UpRecord {
  readonly v: 1;
  readonly cluster: ClusterMade;
  /** By the names of the plan. */
  readonly releases: Readonly<Record<string, ReleaseMade>>;
}

/** What a cluster was made from. */
export interface ClusterMade {
  readonly kindConfig: Readonly<Record<string, unknown>>;
  /** The node image; where kind chose it, that version of kind. */
  readonly nodeImage: string;
}

export interface ReleaseMade {
  readonly namespace: string;
  readonly helmName: string;
  /** Hash of chart or manifests, values and secrets. */
  readonly inputs: string;
  /** Uid of the Secret in which Helm keeps the revision that is deployed. */
  readonly revision: string;
  /** Images of the plan that it uses, each with Docker's id. */
  readonly images: Readonly<Record<string, string>>;
  /** `Deployment web` and so on: what must still be there. */
  readonly workloads: readonly string[];
}

/** The record, as a run uses it: what it changes is on disk when a call returns. */
export interface UpStore {
  /** For hashes of secrets, which nobody shall be able to guess from them. */
  readonly key: Buffer;
  releases(): Readonly<Record<string, ReleaseMade>>;
  set(name: string, made: ReleaseMade): void;
  /** Before anything is done to the release: one that was cut off is not known. */
  forget(name: string): void;
}
