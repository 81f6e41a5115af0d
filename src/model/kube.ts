import type { KubernetesObject } from '@kubernetes/client-node';

/** A client-node model as it is on the wire: dates are strings. */
export type Wire<T> = T extends Date ? string : T extends object ? { [K in keyof T]: Wire<T[K]> } : T;

/** Any object of the API, as JSON. */
export type AnyObject = Wire<KubernetesObject> & {
  readonly apiVersion: string;
  readonly kind: string;
} & Readonly<Record<string, unknown>>;

/** Which objects; a namespace is left out for cluster-scoped kinds, or to mean all namespaces. */
export interface Query {
  /** `v1`, `apps/v1`, `batch/v1` … */
  readonly apiVersion: string;
  /** Kind in the singular: `Pod`. */
  readonly kind: string;
  readonly namespace?: string;
  readonly labelSelector?: string;
  readonly fieldSelector?: string;
}

export interface ObjectRef {
  readonly apiVersion: string;
  readonly kind: string;
  readonly namespace?: string;
  readonly name: string;
}

export interface ContainerRef {
  readonly namespace: string;
  readonly pod: string;
  readonly container: string;
}

/** A live, level-triggered copy of the objects of a query; it reconnects and re-lists by itself until closed. */
export interface Reflector<T> {
  /** Latest known state. Empty before the first list. */
  items(): readonly T[];
  /**
   * Resolves with the first value other than undefined that `decide` returns; `decide` is called with the state of
   * the first complete list, then after every change (and again after each re-list). Rejects when the signal fires,
   * when `decide` throws, or when the API refuses for good (401, 403, 404).
   */
  until<R>(decide: (items: readonly T[]) => R | undefined, signal: AbortSignal): Promise<R>;
  close(): void;
}

export interface FollowedLine {
  /** 0, 1, 2 … through reconnects. */
  readonly seq: number;
  /** RFC 3339 with nanoseconds, as the kubelet stamped it. */
  readonly printed: string;
  /** Without the line end; invalid UTF-8 replaced. */
  readonly text: string;
}

export interface FollowOptions {
  readonly onLine: (line: FollowedLine) => void;
  /** Asked after every piece; while it waits nothing more is read, so that lines do not fill the memory. */
  readonly room?: () => Promise<void> | undefined;
  /** Tells whether the container has terminated (from the latest pod); EOF alone never ends the follow. */
  readonly finished: () => boolean;
  /** Rejects the follow with its reason. */
  readonly signal: AbortSignal;
}

export interface FollowEnd {
  readonly lines: number;
  /**
   * Every reconnect found the cursor again, and the rest was read after the container had terminated. False also when
   * nothing is lost but that cannot be proved, e.g. where the kubelet rotated the file.
   */
  readonly complete: boolean;
  /** What was wrong on the way, e.g. kubelet messages. */
  readonly notices: readonly string[];
}

export interface KubeExecRequest extends ContainerRef {
  readonly argv: readonly string[];
  /** Raw bytes of stdout as they come; return a promise to slow the sender down. */
  readonly onStdout: (chunk: Buffer) => void | Promise<void>;
  readonly onStderr?: (chunk: Buffer) => void;
  /** What the command reads on stdin, once it is known; its stdin stays open. Without it there is none. */
  readonly stdin?: Promise<string>;
  readonly signal: AbortSignal;
  /** Rejects when nothing came for so long. */
  readonly idleMs: number;
}

export interface KubePipeRequest extends ContainerRef {
  readonly argv: readonly string[];
  readonly onStdout: (chunk: Buffer) => void;
  readonly onStderr: (chunk: Buffer) => void;
  /** Called once; without an error when the command or `close` ended it. What came last may lack. */
  readonly onClose: (error: Error | undefined) => void;
  /** Closes it with its reason. */
  readonly signal: AbortSignal;
}

/** A command that runs, with its stdin open. */
export interface KubePipe {
  /** Resolves when the connection has taken it; the next may be written then. */
  write(chunk: Buffer): Promise<void>;
  /** Ends stdin, where the server can (Kubernetes 1.30); elsewhere nothing happens. */
  end(): Promise<void>;
  /** Nothing more is read until `go`, and so in the end the command waits. */
  hold(): void;
  go(): void;
  /** The command sees the end of its stdin. */
  close(): void;
}

/** The one door to the API server: resilient, typed, with a limit on every request. */
export interface Kube {
  readonly server: string;
  /** Undefined when there is no such object. */
  get<T = AnyObject>(ref: ObjectRef, signal?: AbortSignal): Promise<T | undefined>;
  list<T = AnyObject>(query: Query, signal?: AbortSignal): Promise<T[]>;
  /** Creates and returns the object as stored. An existing one is an error (`KubeError` with status 409). */
  create<T = AnyObject>(object: AnyObject, signal?: AbortSignal): Promise<T>;
  /** JSON merge patch. */
  patch<T = AnyObject>(ref: ObjectRef, patch: object, signal?: AbortSignal): Promise<T>;
  /** True when there was something to delete. Propagation is `Background` unless said. */
  delete(
    ref: ObjectRef,
    options?: {
      readonly graceSeconds?: number;
      readonly uid?: string;
      readonly propagation?: 'Background' | 'Foreground';
    },
    signal?: AbortSignal,
  ): Promise<boolean>;
  /** GET of any path, as text, e.g. `/version` or `/readyz`. */
  text(path: string, signal?: AbortSignal): Promise<string>;
  reflect<T = AnyObject>(query: Query): Reflector<T>;
  follow(container: ContainerRef, options: FollowOptions): Promise<FollowEnd>;
  /** Last lines of a container's log, `previous` for the one before its restart; empty when there is none. */
  tail(
    container: ContainerRef,
    lines: number,
    options?: { readonly previous?: boolean },
    signal?: AbortSignal,
  ): Promise<string[]>;
  /**
   * Runs a command in a container. Resolves with its exit code only when the API server sent the status frame;
   * a connection that ends without it rejects (`KubeError`), however much output came. Output that came is right, but
   * its end may lack with any exit code: the server itself can lose some MB when the reader is slower than the command
   * (kubernetes #124571). What must be whole is compared with a size or a hash, and the rest is asked for.
   */
  exec(request: KubeExecRequest): Promise<{ readonly exitCode: number }>;
  /** Runs a command as a connection in both directions. Rejects when it could not be begun. */
  pipe(request: KubePipeRequest): Promise<KubePipe>;
  close(): void;
}
