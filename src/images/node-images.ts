import { KetError } from '../model/errors.ts';
import type { Deps, ExecResult } from '../model/deps.ts';

/** containerd in a node container, by its own `ctr`, which every Kind node image has. */
export interface NodeImages {
  /**
   * Waits until containerd answers; then the digests under which the node has each image: of its manifest and of its
   * config. An image that it does not have is not among the keys.
   */
  holds(references: readonly string[], signal: AbortSignal): Promise<ReadonlyMap<string, readonly string[]>>;
  /** Imports a `docker save` stream. */
  load(stream: NodeJS.ReadableStream, limitMs: number, signal: AbortSignal): Promise<ExecResult>;
}

const askMs = 20_000;
const upMs = 60_000;
const betweenMs = 250;
const between = '\n==\n';
/** Prints the content of each digest, and the mark after it. */
const readAll = `for digest; do ctr --namespace=k8s.io content get "$digest"; printf '\\n==\\n'; done`;

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
  return {
    async holds(references, signal) {
      const listed = await list(references, signal);
      const manifests = references.flatMap((reference) => {
        const digest = manifestDigest(listed, reference);
        return digest === undefined ? [] : [{ reference, digest }];
      });
      if (manifests.length === 0) return new Map();
      // One process in the node for all of them: each would cost more than the question.
      const argv = [
        docker,
        'exec',
        node,
        'sh',
        '-c',
        readAll,
        'sh',
        ...manifests.map(({ digest }) => digest),
      ];
      const { stdout } = await deps.exec({ argv, limitMs: askMs, signal });
      const contents = stdout.split(between);
      return new Map(
        manifests.map(({ reference, digest }, index) => {
          const config = configDigest(contents[index] ?? '');
          return [reference, config === undefined ? [digest] : [digest, config]];
        }),
      );
    },
    async load(stream, limitMs, signal) {
      const snapshotter = await snapshotterOf(deps, docker, node, signal);
      const args = ['images', 'import', '--digests', `--snapshotter=${snapshotter}`, '-'];
      return deps.exec({ argv: ctrArgv(docker, node, ...args), stdin: stream, limitMs, signal });
    },
  };
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

/** The snapshotter that the kubelet's containers use; an import for another one would be unpacked a second time. */
async function snapshotterOf(deps: Deps, docker: string, node: string, signal: AbortSignal): Promise<string> {
  const argv = [docker, 'exec', node, 'cat', '/etc/containerd/config.toml'];
  const config = await deps.exec({ argv, limitMs: askMs, signal });
  return /^\s*snapshotter\s*=\s*"([\w.-]+)"/m.exec(config.stdout)?.[1] ?? 'overlayfs';
}
