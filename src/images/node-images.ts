import { KetError } from '../model/errors.ts';
import type { Deps, ExecResult } from '../model/deps.ts';

/** containerd in a node container, by its own `ctr`, which every Kind node image has. */
export interface NodeImages {
  /**
   * Waits until containerd answers; then the digests under which the node has each image: of its manifest and of its
   * config. An image that it does not have is not among the keys.
   */
  holds(references: readonly string[], signal: AbortSignal): Promise<ReadonlyMap<string, readonly string[]>>;
  /** Pulls from a registry without TLS, and gives each image its name. */
  pull(
    from: {
      /** `http://172.18.0.5:5000` */
      readonly url: string;
      /** Reference there, and the full reference that it gets here. */
      readonly images: readonly { readonly there: string; readonly here: string }[];
    },
    limitMs: number,
    signal: AbortSignal,
  ): Promise<ExecResult>;
  /** Bytes of the layers of these images, each once, as they lie in a registry; undefined where that is not to be had. */
  layerBytes(references: readonly string[], signal: AbortSignal): Promise<number | undefined>;
  /** Imports a `docker save` stream. */
  load(stream: NodeJS.ReadableStream, limitMs: number, signal: AbortSignal): Promise<ExecResult>;
}

const askMs = 20_000;
const upMs = 60_000;
const betweenMs = 250;
const between = '\n==\n';
/** A name that certs.d maps to the registry; no address has it. */
const registryHost = 'registry.ket.local';
/** Prints the content of each digest, and the mark after it. */
const readAll = `for digest; do ctr --namespace=k8s.io content get "$digest"; printf '\\n==\\n'; done`;

/**
 * Where containerd's client finds a registry, in a folder of ket's own: that of the node may be one of this machine,
 * mounted, and what is in it is the user's. It goes away afterwards, whatever comes of the pull.
 */
const pullAll = `set -e
folder=$1 url=$2 snapshotter=$3
shift 3
trap 'rm -rf "$folder"' EXIT
mkdir -p "$folder/${registryHost}"
printf 'server = "%s"\n[host."%s"]\n  capabilities = ["pull", "resolve"]\n' "$url" "$url" >"$folder/${registryHost}/hosts.toml"
while [ $# -gt 1 ]; do
  from="${registryHost}/$1"
  ctr --namespace=k8s.io images pull --hosts-dir "$folder" --snapshotter "$snapshotter" "$from" >/dev/null
  ctr --namespace=k8s.io images tag --force "$from" "$2" >/dev/null
  ctr --namespace=k8s.io images rm "$from" >/dev/null
  shift 2
done`;

/** argv of containerd's client in a node, in the namespace of the kubelet. */
export const ctrArgv = (docker: string, node: string, ...args: readonly string[]): string[] => [
  docker,
  'exec',
  ...(args.includes('-') ? ['--interactive'] : []),
  node,
  'ctr',
  '--namespace=k8s.io',
  ...args,
];

export function nodeImages(deps: Deps, docker: string, node: string): NodeImages {
  const ctr = (signal: AbortSignal, ...args: readonly string[]): Promise<ExecResult> =>
    deps.exec({ argv: ctrArgv(docker, node, ...args), limitMs: askMs, signal });
  /** The images by their references, once containerd answers. */
  const list = async (references: readonly string[], signal: AbortSignal): Promise<string> => {
    const until = deps.clock.monotonic() + upMs;
    for (;;) {
      const result = await ctr(signal, 'images', 'list', ...references.map((name) => `name==${name}`));
      if (result.code === 0) return result.stdout;
      if (deps.clock.monotonic() > until)
        throw new KetError('KET_IMAGE_DELIVERY', `containerd of node ${node} does not answer`, {
          details: result.stderr.trim().split('\n').slice(-5),
          next: `see docker logs ${node}, or the folder cluster of the run`,
        });
      await deps.clock.sleep(betweenMs, signal);
    }
  };
  /** The manifests of those that are there; an index where an image has several platforms. */
  const manifestsOf = async (references: readonly string[], signal: AbortSignal): Promise<Manifest[]> => {
    const listed = await list(references, signal);
    const found = references.flatMap((reference) => {
      const digest = manifestDigest(listed, reference);
      return digest === undefined ? [] : [{ reference, digest }];
    });
    if (found.length === 0) return [];
    // One process in the node for all of them: each would cost more than the question.
    const argv = [docker, 'exec', node, 'sh', '-c', readAll, 'sh', ...found.map(({ digest }) => digest)];
    const { stdout } = await deps.exec({ argv, limitMs: askMs, signal });
    const contents = stdout.split(between);
    return found.map((one, index) => ({ ...one, text: contents[index] ?? '' }));
  };
  return {
    async holds(references, signal) {
      const manifests = await manifestsOf(references, signal);
      return new Map(
        manifests.map(({ reference, digest, text }) => {
          const config = configDigest(text);
          return [reference, config === undefined ? [digest] : [digest, config]];
        }),
      );
    },
    async layerBytes(references, signal) {
      const manifests = await manifestsOf(references, signal);
      const layers = manifests.map(({ text }) => layersIn(text));
      if (manifests.length < references.length || layers.includes(undefined)) return undefined;
      const sizes = new Map(layers.flatMap((some) => some ?? []).map(({ digest, size }) => [digest, size]));
      return [...sizes.values()].reduce((sum, size) => sum + size, 0);
    },
    async pull({ url, images }, limitMs, signal) {
      const snapshotter = await snapshotterOf(deps, docker, node, signal);
      const pairs = images.flatMap(({ there, here }) => [there, here]);
      const [folder, ...rest] = [`/run/ket-${images[0]?.there ?? ''}`, url, snapshotter];
      const argv = [docker, 'exec', node, 'sh', '-c', pullAll, 'sh', folder, ...rest, ...pairs];
      return deps.exec({ argv, limitMs, signal });
    },
    async load(stream, limitMs, signal) {
      const snapshotter = await snapshotterOf(deps, docker, node, signal);
      const args = ['images', 'import', '--digests', `--snapshotter=${snapshotter}`, '-'];
      return deps.exec({ argv: ctrArgv(docker, node, ...args), stdin: stream, limitMs, signal });
    },
  };
}

interface Manifest {
  readonly reference: string;
  readonly digest: string;
  readonly text: string;
}

/** The digest column of `ctr images list` for exactly this reference. */
export function manifestDigest(listed: string, reference: string): string | undefined {
  for (const line of listed.split('\n')) {
    const [name, , digest] = line.trim().split(/\s+/);
    if (name === reference && digest?.startsWith('sha256:') === true) return digest;
  }
  return undefined;
}

/** The config's digest in an image manifest; an index has none. */
export function configDigest(manifest: string): string | undefined {
  try {
    const parsed = JSON.parse(manifest) as { readonly config?: { readonly digest?: unknown } };
    return typeof parsed.config?.digest === 'string' ? parsed.config.digest : undefined;
  } catch {
    return undefined;
  }
}

/** The layers of an image manifest as they lie in a registry; an index has none. */
export function layersIn(
  manifest: string,
): readonly { readonly digest: string; readonly size: number }[] | undefined {
  try {
    const { layers } = JSON.parse(manifest) as { readonly layers?: unknown };
    return Array.isArray(layers) ? (layers as { digest: string; size: number }[]) : undefined;
  } catch {
    return undefined;
  }
}

/** The snapshotter that the kubelet's containers use; an import for another one would be unpacked a second time. */
async function snapshotterOf(deps: Deps, docker: string, node: string, signal: AbortSignal): Promise<string> {
  const argv = [docker, 'exec', node, 'cat', '/etc/containerd/config.toml'];
  const config = await deps.exec({ argv, limitMs: askMs, signal });
  return /^\s*snapshotter\s*=\s*"([\w.-]+)"/m.exec(config.stdout)?.[1] ?? 'overlayfs';
}
