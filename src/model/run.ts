import type { Kube } from './kube.ts';
import type { StateFile } from './state.ts';
import type { TaskContext } from './task.ts';

/** What belongs to one execution of a plan. */
export interface RunContext {
  readonly runId: string;
  /** The run's own folder, absolute. */
  readonly folder: string;
  /** Where the key to the run's own cluster goes: not into the folder, which people copy and upload. */
  readonly kubeconfig: string;
  readonly state: StateFile;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly outbound: Outbound;
  /** Absent where the plan names no registry. */
  readonly registries?: RegistryAccess;
}

/** Logins at registries, as each program takes them; whose folder goes with the run. */
export interface RegistryAccess {
  /** `DOCKER_CONFIG` of Docker, a folder. */
  readonly dockerConfig: string;
  /** `HELM_REGISTRY_CONFIG` of Helm, a file. */
  readonly helmConfig: string;
  /** `.dockerconfigjson` of a pull secret. Throws a KetError where a login is nowhere to be had. */
  readonly pullSecret: () => Promise<string>;
}

/** What a program needs that reaches out of the cluster from a machine behind a proxy or with authorities of its own. */
export interface Outbound {
  /** `HTTP_PROXY` and `HTTPS_PROXY`, as far as pods may have them. */
  readonly proxies: Readonly<Record<string, string>>;
  /** What this machine excepts; empty when nothing. */
  readonly noProxy: string;
  /** PEM of authorities beside those that everybody trusts. */
  readonly authorities?: string;
  /** What is not handed on, and why. */
  readonly notices: readonly string[];
}

/** The tools that the run uses, by absolute path. Absent: the plan does not need it. */
export interface Tools {
  readonly docker: string;
  readonly kind?: string;
  readonly helm?: string;
  /** Version of Helm, e.g. v4.2.4: the flags of 3 and 4 differ. */
  readonly helmVersion?: string;
}

/** A cluster that can be worked with. */
export interface ClusterHandle {
  readonly name: string;
  readonly kubeconfig: string;
  /** Names of the nodes, which with Kind are also the names of their containers. */
  readonly nodes: readonly string[];
  readonly kube: Kube;
}

/** Fires with a KetError when a release that was ready is not fit to be tested any more. */
export type Guard = (release: string, cluster: ClusterHandle, context: TaskContext) => AbortSignal;

/** Node containers that run, while the cluster in them may still be starting. */
export interface StartedNodes {
  readonly name: string;
  readonly nodes: readonly string[];
}

/** What is known of an image from the engine that built it. */
export interface ImageFacts {
  /** `User` of the image's config; empty means root. */
  readonly user: string;
  readonly entrypoint: readonly string[];
  readonly cmd: readonly string[];
}

/** Files that come with ket, below the folder of its package. */
export interface Assets {
  readonly root: string;
}
