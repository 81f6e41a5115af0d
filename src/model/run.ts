import type { Duplex } from 'node:stream';
import type { Kube } from './kube.ts';
import type { NodeFacts } from './node-facts.ts';
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
  /** Empty where there is none and none is needed. */
  readonly docker: string;
  readonly kind?: string;
  readonly helm?: string;
  /** Version of Helm, e.g. v4.2.4: the flags of 3 and 4 differ. */
  readonly helmVersion?: string;
  /** What builds kustomizations: argv before the folder. */
  readonly kustomize?: readonly [string, ...string[]];
}

/** A cluster that can be worked with. */
export interface ClusterHandle {
  readonly name: string;
  readonly kubeconfig: string;
  /** Names of the nodes, which with Kind are also the names of their containers. */
  readonly nodes: readonly string[];
  readonly kube: Kube;
}

/** Makes connections in the network of a cluster, from where a suite in it would. */
export interface Door {
  /** `namespaces`: what short names are looked up in. Rejects with what became of it. */
  dial(target: {
    readonly namespaces: readonly string[];
    readonly host: string;
    readonly port: number;
    /** Breaks it at any time. */
    readonly signal: AbortSignal;
  }): Promise<Duplex>;
}

/** Fires with a KetError when a release that was ready is not fit to be tested any more. */
export type Guard = (release: string, cluster: ClusterHandle, context: TaskContext) => AbortSignal;

/** Looks at these checks, by name, while a suite runs: until `end`. A signal fires when one does not hold any more. */
export type Vigil = (
  checks: readonly string[],
  context: TaskContext,
) => { readonly signals: readonly AbortSignal[]; readonly end: () => void };

/** Node containers that run, while the cluster in them may still be starting. */
export interface StartedNodes {
  readonly name: string;
  readonly nodes: readonly string[];
  readonly facts: readonly NodeFacts[];
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

/** What is known of one test hook of a release after `helm test`: a pod of it, or what its lack tells. */
export interface HookEnd {
  /** Of the hook, and with a Job of the pod behind it. */
  readonly name: string;
  /** `Succeeded` and `Failed` are ends; undefined when no pod of it was seen. */
  readonly phase?: string;
  /** How long its pod was seen, ms. */
  readonly ms: number;
  readonly message?: string;
  readonly lastLines: readonly string[];
}

/** What `helm test` of a release came to. */
export interface HelmTestEnd {
  /** One per pod of a test hook that was seen, and one per hook without any. */
  readonly hooks: readonly HookEnd[];
  readonly exitCode: number | null;
  readonly timedOut: boolean;
  /** Helm's own words about a failure. */
  readonly said: readonly string[];
}

/** Runs the test hooks of a release, once, and writes their logs as they come. */
export type HelmTest = (
  release: string,
  cluster: ClusterHandle,
  options: {
    readonly limitMs: number;
    readonly signal: AbortSignal;
    /** Folder for a log of each pod. */
    readonly folder: string;
    readonly onLine: (pod: string, line: string, printed: string) => void;
    readonly room: () => Promise<void> | undefined;
    readonly awaiting: (what: string) => void;
    readonly notice: (text: string) => void;
  },
  context: TaskContext,
) => Promise<HelmTestEnd>;
