/** What doctor knows of the machine; absent parts could not be looked at in time, or do not exist there. */
export interface MachineFacts {
  readonly platform: NodeJS.Platform;
  /** As Node names it; that of this process unless given. */
  readonly arch?: string;
  readonly docker: DockerFacts;
  /** Bytes that programs can still take. */
  readonly memoryAvailable?: number;
  /** Free bytes of the disk on which Docker keeps its data, and of the one with the results. */
  readonly disks: readonly { readonly path: string; readonly what: string; readonly free: number }[];
  readonly inotify?: { readonly instances: number; readonly watches: number };
  /** Host ports of the Kind config that another program has. */
  readonly takenPorts: readonly { readonly address: string; readonly port: number }[];
  readonly tools: readonly ToolFacts[];
  /** What builds kustomizations, where the plan has one; empty where there is none in PATH. */
  readonly kustomize?: string;
  /** The node images of the plan that this Docker has, with their platform, e.g. `linux/arm64`. */
  readonly nodeImages?: readonly { readonly image: string; readonly platform: string }[];
}

export interface DockerFacts {
  /** The CLI, when there is one. */
  readonly cli?: string;
  /** Address of the engine, e.g. `unix:///var/run/docker.sock`. */
  readonly host?: string;
  /** Why the engine could not be asked. */
  readonly error?: string;
  /** It gave no answer in time: on a busy machine that is no proof that it is not there. */
  readonly slow?: boolean;
  readonly engine?: DockerEngine;
}

export interface DockerEngine {
  readonly version: string;
  /** Names of its parts, as `docker version` lists them. */
  readonly components: readonly string[];
  readonly rootless: boolean;
  readonly os: string;
  /** Its processor, as platforms of images name it, e.g. `amd64`. */
  readonly arch?: string;
  readonly cgroup?: string;
  readonly rootDir?: string;
  readonly memory?: number;
  /** The BuildKit plug-in of the CLI; undefined when the CLI does not say. */
  readonly buildx?: boolean;
}

export interface ToolFacts {
  readonly name: string;
  readonly asked: string;
  readonly path?: string;
  readonly notice?: string;
  readonly error?: string;
  readonly cure?: string;
  /** It did not tell its version in time. */
  readonly slow?: boolean;
}

/** The engine by what `docker info` and `docker version` print as JSON; undefined when that is no answer of an engine. */
export function engineOf(info: string, server: string): DockerEngine | undefined {
  const parsed = record(parse(info));
  const told = record(parse(server));
  const components = list(told?.['Components']).flatMap((item) => string(record(item)?.['Name']) ?? []);
  if (parsed === undefined) return undefined;
  // Podman's own docker command prints another form, with its version elsewhere.
  const podman = record(parsed['version'])?.['Version'] ?? record(parsed['host'])?.['buildahVersion'];
  const version = string(parsed['ServerVersion']) ?? string(podman);
  if (version === undefined || version === '') return undefined;
  const plugins = record(parsed['ClientInfo'])?.['Plugins'];
  const cgroup = string(parsed['CgroupVersion']);
  const arch = string(told?.['Arch']);
  const rootDir = string(parsed['DockerRootDir']);
  const memory = parsed['MemTotal'];
  return {
    version,
    components: podman === undefined ? components : [...components, 'Podman Engine'],
    rootless: list(parsed['SecurityOptions']).some((option) => string(option)?.includes('rootless') === true),
    os: string(parsed['OperatingSystem']) ?? string(parsed['OSType']) ?? 'unknown',
    ...(arch === undefined ? {} : { arch }),
    ...(cgroup === undefined ? {} : { cgroup }),
    ...(rootDir === undefined ? {} : { rootDir }),
    ...(typeof memory === 'number' ? { memory } : {}),
    ...(plugins === undefined
      ? {}
      : { buildx: list(plugins).some((item) => record(item)?.['Name'] === 'buildx') }),
  };
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

const record = (value: unknown): Readonly<Record<string, unknown>> | undefined =>
  typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined;
const list = (value: unknown): readonly unknown[] => (Array.isArray(value) ? (value as unknown[]) : []);
const string = (value: unknown): string | undefined => (typeof value === 'string' ? value : undefined);
