import type { Budget } from './budget.ts';

/**
 * One run, as far as files and flags tell, checked before anything starts.
 * All durations are ms, all sizes bytes, all paths absolute.
 */
export interface Plan {
  readonly version: 1;
  /** Folder of ket.yaml: what its paths are relative to, and where unit suites run. */
  readonly root: string;
  /** The ket.yaml that was read; absent where the plan comes from the Action's inputs alone. */
  readonly configPath?: string;
  readonly tier: string;
  /** Absent in a tier without a cluster: its suites run as processes here. */
  readonly cluster?: ClusterPlan;
  readonly images: readonly ImagePlan[];
  /** Which images beside those are pulled here and brought to the nodes: all that are found, none, or these. */
  readonly preload: 'auto' | 'off' | readonly string[];
  /** Registries that want a login. */
  readonly registries: readonly RegistryPlan[];
  /** Nothing is built here or brought to the nodes: these pull all images from their registries. */
  readonly production: boolean;
  readonly releases: readonly ReleasePlan[];
  readonly checks: readonly CheckPlan[];
  readonly suites: readonly SuitePlan[];
  /** Of the namespace that an attempt has for itself. */
  readonly namespace: NamespacePlan;
  /** What becomes of suites whose release breaks under them. */
  readonly onUnhealthy: 'fail' | 'report';
  /** What a run should need at most. */
  readonly budget?: Budget;
  /** The suites are repeated, in whole rounds, until this time is over. */
  readonly soakMs?: number;
  readonly tools: ToolsPlan;
  /** Folder in which the run makes its own folder. */
  readonly output: string;
  readonly keep: Keep;
  /** How long what was kept stays. */
  readonly keepMs: number;
  /** Most suites that run at once; without it as many as there is room for. */
  readonly parallel?: number;
  /** The first suite that does not pass ends the run. */
  readonly failFast: boolean;
  /** When cluster logs are saved. */
  readonly logs: 'on-failure' | 'always';
}

export type Keep = 'never' | 'on-failure' | 'always';

/** Versions of the tools that the run uses; never another. */
export interface ToolsPlan {
  /** With the leading v, e.g. v0.30.0. */
  readonly kind: string;
  readonly helm: string;
  /** False: nobody asked for this kind, so it may give way to one that goes with the asked Kubernetes. */
  readonly kindAsked: boolean;
  /** Take versions that the version table does not pair. */
  readonly allowUnlisted: boolean;
}

export interface ClusterPlan {
  /** A cluster that is there already; then there is no Kind config, and what is known of nodes is known later. */
  readonly existing?: ExistingPlan;
  /** The Kind config files, in the order in which they are merged. */
  readonly configs: readonly string[];
  /** What kind gets: the files merged, variables filled in, paths absolute. */
  readonly kindConfig: Readonly<Record<string, unknown>>;
  /** Its nodes, by role. */
  readonly nodes: readonly NodeRole[];
  /** The name in it, which is not used: every run has its own. */
  readonly configName?: string;
  /** It says that another network plugin than kind's is to be installed. */
  readonly disableDefaultCNI: boolean;
  readonly hostPorts: readonly HostPort[];
  /** Node image; without it the Kind config or kind itself decides. */
  readonly nodeImage?: string;
  /** Asked version of Kubernetes with the leading v, `v1.34` or `v1.34.0`; never beside `nodeImage`. */
  readonly kubernetes?: string;
  /** Images of this machine that go before the version table, each for the version that its tag names. */
  readonly nodeImages?: readonly string[];
  /** Which of the versions that ket.yaml lists, without the leading v, where each is a run of its own. */
  readonly variant?: string;
  /** Settings for a cluster that lives for one run, where ket makes it and deletes it itself. */
  readonly throwaway: boolean;
  /** How long the nodes may take to be ready. */
  readonly readyMs: number;
}

/** Which cluster a kubeconfig means. */
export interface ExistingPlan {
  /** The file; those of `KUBECONFIG`, or the usual one, unless given. */
  readonly kubeconfig?: string;
  /** The current one of the kubeconfig unless given. */
  readonly context?: string;
}

/** A port of this machine that a Kind config claims; two runs at once cannot both have it. */
export interface HostPort {
  readonly address: string;
  readonly port: number;
  readonly protocol: string;
}

export type NodeRole = 'control-plane' | 'worker';

/** An image that ket brings to the nodes: one that it builds, or one that Docker has or pulls. */
export type ImagePlan = BuildPlan | PullPlan;

export interface BuildPlan {
  /** With a tag, e.g. shop-api:dev. */
  readonly name: string;
  /** Build context folder. */
  readonly context: string;
  readonly dockerfile: string;
  readonly target?: string;
  readonly args: Readonly<Record<string, string>>;
  readonly limitMs: number;
}

export interface PullPlan {
  /** With a tag or digest, e.g. postgres:15. */
  readonly name: string;
  /** `sha256:…`: what must be under the name. */
  readonly digest?: string;
  readonly limitMs: number;
}

/** A registry, and the variables of this machine with the login; without them Docker's own configuration has it. */
export interface RegistryPlan {
  /** With the port where it has one, e.g. ghcr.io or 127.0.0.1:5000. */
  readonly host: string;
  readonly login?: { readonly username: string; readonly password: string };
}

export interface ReleasePlan {
  /** Unique in the plan; `shop@orders` for a copy. */
  readonly name: string;
  /** Whose copy it is, and the one suite that has it for itself. */
  readonly copyOf?: { readonly release: string; readonly suite: string };
  /** Namespace in the cluster; the release's name unless given. */
  readonly namespace: string;
  /** A chart folder (absolute), a reference that Helm understands, or a name in `repo`; absent where there are `manifests` or `kustomize`. */
  readonly chart?: string;
  /** Address of the chart repository. */
  readonly repo?: string;
  /** Of the chart, where it is fetched. */
  readonly version?: string;
  /** Files of plain manifests, absolute. */
  readonly manifests?: readonly string[];
  /** Folder of a kustomization, absolute. */
  readonly kustomize?: string;
  /** It is there already, and stays as it is. */
  readonly installed?: true;
  /** In a cluster that stays: CRDs of its chart that the run made go with it. */
  readonly removeCrds?: true;
  readonly values: readonly string[];
  readonly set: Readonly<Record<string, string>>;
  /** Values written in ket.yaml, which go before those of files. */
  readonly inline: Readonly<Record<string, unknown>>;
  /** Values that are variables of this machine, by their keys; they go before `inline`. */
  readonly secrets: readonly { readonly path: readonly string[]; readonly variable: string }[];
  /** Releases of the plan that must be ready before it is installed; without circles. */
  readonly dependsOn: readonly string[];
  readonly limitMs: number;
  /** Its ready pods must be on at least so many nodes. */
  readonly spread?: number;
  readonly collect: readonly CollectPlan[];
}

/** Files that leave a release's pod before it is removed. */
export interface CollectPlan {
  /** `deployment/x`, `statefulset/x` or `pod/x`. */
  readonly from: string;
  readonly container?: string;
  /** A file or folder in the container. */
  readonly path: string;
  /** Run in the container first, e.g. to flush; argv, or one string for `/bin/sh -c`. */
  readonly command?: Command;
}

/** Something that must hold before suites that require it start. */
export interface CheckPlan {
  /** Unique in the plan; `api-up@orders` for that of a copy. */
  readonly name: string;
  /** Releases that it is about; none where the tier has none. */
  readonly releases: readonly string[];
  /** What short names are looked up in, the releases' namespaces in their order. */
  readonly namespaces: readonly string[];
  readonly look: CheckLook;
  /** For one probe to hold. */
  readonly limitMs: number;
  /** For all probes of the check together. */
  readonly totalMs: number;
  /** It is looked at again while suites run that require it. */
  readonly during?: true;
}

/** What a check looks at. */
export type CheckLook =
  | {
      readonly kind: 'http';
      readonly host: string;
      readonly port: number;
      /** With the query. */
      readonly path: string;
      readonly status: number;
      /** A part of the body. */
      readonly body?: string;
      /** Absent: without TLS. */
      readonly tls?: TlsPlan;
    }
  | {
      readonly kind: 'grpc';
      readonly host: string;
      readonly port: number;
      /** Empty: the server as a whole. */
      readonly service: string;
      /** Absent: without TLS. */
      readonly tls?: TlsPlan;
    }
  | { readonly kind: 'tcp'; readonly host: string; readonly port: number }
  | {
      readonly kind: 'exec';
      readonly workload: WorkloadName;
      readonly container?: string;
      readonly command: Command;
    }
  | { readonly kind: 'workload'; readonly workload: WorkloadName }
  | { readonly kind: 'job'; readonly job: string }
  | { readonly kind: 'network' }
  /** Nothing else runs in the namespaces, but for these: `deployment/x`, with `*` for any letters. */
  | { readonly kind: 'alone'; readonly besides: readonly string[] }
  | {
      readonly kind: 'policy';
      readonly host: string;
      readonly port: number;
      readonly allow: readonly WhoPlan[];
      readonly deny: readonly WhoPlan[];
    };

/** What a check holds of a server's certificate. */
export interface TlsPlan {
  /** Authorities that count; those that everybody trusts unless given. */
  readonly ca?: AuthorityPlan;
  /** Whatever is wrong with it is said and accepted. */
  readonly insecure: boolean;
}

/** PEM in a file of this machine, or in an object of the cluster. */
export type AuthorityPlan =
  | { readonly file: string }
  | {
      readonly kind: 'Secret' | 'ConfigMap';
      readonly namespace: string;
      readonly name: string;
      readonly key: string;
    };

export interface WorkloadName {
  readonly kind: 'Deployment' | 'StatefulSet' | 'DaemonSet';
  readonly name: string;
}

/** A pod that tries to connect. */
export interface WhoPlan {
  readonly labels: Readonly<Record<string, string>>;
  readonly namespace: string;
}

/** One string is run by `/bin/sh -c`; a list is the argv; `undefined` is the image's own entry point. */
export type Command = string | readonly string[];

/** A port of this machine for a service of the cluster. */
export interface ForwardPlan {
  /** That holds the address. */
  readonly variable: string;
  readonly host: string;
  readonly port: number;
  /** What stands before and after host and port: `http://` and `/api`. */
  readonly before: string;
  readonly after: string;
}

export interface SuitePlan {
  readonly name: string;
  /** It runs as a process of this machine, against the cluster. */
  readonly on?: 'host';
  /** Only beside `on`. */
  readonly forward?: readonly ForwardPlan[];
  readonly command?: Command;
  /** For `/bin/sh -c`, before and after the command. */
  readonly setup?: string;
  /** How long `setup` may take. */
  readonly setupMs: number;
  readonly teardown?: string;
  /** Words after `--` on the command line, appended to the command. */
  readonly args: readonly string[];
  /** The release whose test hooks it is, in place of a command in an image. */
  readonly helmTest?: string;
  /** Absent in the unit tier, and with `helmTest`. */
  readonly image?: string;
  readonly workingDir?: string;
  readonly env: Readonly<Record<string, string>>;
  /** What it gets of the Secrets and ConfigMaps of releases. */
  readonly references: readonly Reference[];
  /** Names of environment variables of this machine that the suite gets as secrets. */
  readonly secrets: readonly string[];
  /** Releases that must be ready first. */
  readonly needs: readonly string[];
  /** `release`: it has copies of the releases that it needs for itself. */
  readonly isolation: 'shared' | 'release';
  readonly limitMs: number;
  /** How long the pod of an attempt may wait to start. */
  readonly pendingMs: number;
  readonly retries: number;
  /** What runs again after a failed attempt: everything, or its failed cases only. */
  readonly retry: 'suite' | 'failed-cases';
  /** It may run again although it ran in part: an infrastructure error is worth another attempt at any time. */
  readonly idempotent: boolean;
  /** Suites of a higher one are admitted first; none that runs gives way. */
  readonly priority: Priority;
  /** So many pods share its tests; never beside `replicas`. */
  readonly shards?: number;
  /** So many pods do the same. */
  readonly replicas?: number;
  readonly resources: Resources;
  /** Variables of this machine that it requires and that are not set: then it is skipped. */
  readonly lacks: readonly string[];
  /** Checks without which it is skipped, by name. */
  readonly checks: readonly string[];
  readonly placement: 'own' | 'release';
  readonly podSecurity: PodSecurity;
  readonly ingress: 'allow' | 'deny';
  /** Size of /dev/shm, a Kubernetes quantity; what the runtime gives unless set. */
  readonly shm?: string;
  readonly api: 'read' | 'none';
  /** A number: at least so many cases. `false`: judged by the exit code alone. */
  readonly expectTests: number | false;
  readonly allowSkip: boolean;
  readonly allowChildOom: boolean;
  /** Unit tier: JUnit files outside the results folder, absolute paths or globs. In a cluster: folders of the container. */
  readonly results: readonly string[];
  /** In a cluster: what is brought home at most. */
  readonly caps: CapsPlan;
  /** Job template to use in place of templates/test-job.yaml. */
  readonly template?: string;
  /** A Job of the user's own in place of a template. */
  readonly job?: JobPlan;
  /** Strategic merge patches of the template or the Job, one after another. */
  readonly patches: readonly Readonly<Record<string, unknown>>[];
}

export interface JobPlan {
  /** The manifest. */
  readonly file: string;
  /** Its container that runs the tests. */
  readonly container: string;
}

/** Most of the results of an attempt that is brought home; more makes it incomplete. */
export interface CapsPlan {
  readonly bytes: number;
  readonly fileBytes: number;
  readonly files: number;
}

/** A Secret or ConfigMap of a release, or one key of it, that a suite gets. */
export interface Reference {
  /** As ket.yaml has it: `release/shop/secret/db/password`. */
  readonly text: string;
  /** One that the suite needs. */
  readonly release: string;
  readonly kind: 'Secret' | 'ConfigMap';
  readonly name: string;
  /** All keys unless given. */
  readonly key?: string;
  /** The variable that holds the key. Without it, and without `folder`, each key is a variable of its own name. */
  readonly variable?: string;
  /** A folder of the container in which the keys are files. */
  readonly folder?: string;
}

export interface NamespacePlan {
  /** `hard` of a ResourceQuota; empty for none. */
  readonly quota: Readonly<Record<string, string>>;
  /** `limits` of a LimitRange; empty for none. */
  readonly limitRange: readonly Readonly<Record<string, unknown>>[];
}

/** From the most open to the strictest. */
export const podSecurityLevels = ['privileged', 'baseline', 'restricted'] as const;
export type PodSecurity = (typeof podSecurityLevels)[number];

export const priorities = ['smoke', 'normal', 'low'] as const;
export type Priority = (typeof priorities)[number];

/** Kubernetes quantities as in a container's `resources`. */
export interface Resources {
  readonly requests: Readonly<Record<string, string>>;
  readonly limits: Readonly<Record<string, string>>;
}
