import { execFileSync } from 'node:child_process';

/** Kind clusters that a run of tests made, told from all others on the machine by the name of their node image. */
export interface OwnClusters {
  /** The environment in which the tests run. */
  readonly env: Record<string, string>;
  /** Removes the clusters that were left. */
  remove(): void;
  /** Removes the name of the image as well. */
  end(): void;
}

/**
 * A mutated ket may leave clusters behind, which is what some mutations are about. A second name for the node image
 * marks every container that is made of it.
 */
export function clustersOf(env: Record<string, string>): OwnClusters {
  const docker = (...args: readonly string[]): string =>
    execFileSync('docker', args, { env, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
  const image = env['KET_NODE_IMAGE'];
  if (image === undefined)
    throw new Error('KET_NODE_IMAGE is not set: which clusters are our own cannot be told');
  const own = `ket-mutations/node:${process.pid}`;
  docker('tag', image, own);
  const left = (): string[] =>
    docker('ps', '-a', '--filter', 'label=io.x-k8s.kind.cluster', '--format', '{{.ID}} {{.Image}}')
      .split('\n')
      .flatMap((line) => (line.endsWith(` ${own}`) ? [line.split(' ')[0] ?? ''] : []));
  const remove = (): void => {
    for (let tries = 3; tries > 0; tries--) {
      const ids = left();
      if (ids.length === 0) return;
      try {
        docker('rm', '-f', '-v', ...ids);
      } catch (error) {
        // On a busy machine Docker gives up to wait for a container that it has killed.
        if (tries === 1) throw error;
      }
    }
  };
  return {
    env: { ...env, KET_NODE_IMAGE: own },
    remove,
    end() {
      remove();
      docker('rmi', own);
    },
  };
}
