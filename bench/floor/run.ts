import { PassThrough } from 'node:stream';
import { spawn } from 'node:child_process';
import type { Commands } from '../commands.ts';
import type { Work } from '../work.ts';

/**
 * The least conceivable work from nothing to a cluster with the images on its nodes: all images are built at once, the
 * node containers start meanwhile, and one `docker save` goes to the containerd of every node while Kubernetes starts.
 * No look at what a node has, no proof, no readiness but what `kind` and the later commands need.
 */
export interface FloorStart {
  readonly commands: Commands;
  readonly work: Work;
  readonly name: string;
  readonly kubeconfig: string;
  readonly nodeImage: string | undefined;
  readonly build: () => Promise<void>;
  readonly signal: AbortSignal;
}

/** Resolves when the API answers and every node has the images. */
export async function floorStart(start: FloorStart): Promise<void> {
  const { commands, work, name, kubeconfig, signal } = start;
  const nodes = Promise.withResolvers<string[]>();
  const list = async (): Promise<void> => {
    const names = await commands.run(['kind', 'get', 'nodes', '--name', name]);
    nodes.resolve(names.trim().split('\n'));
  };
  const image = start.nodeImage === undefined ? [] : ['--image', start.nodeImage];
  const cluster = commands.run(
    [
      ...['kind', 'create', 'cluster', '--name', name, '--config', work.kindConfig, ...image],
      ...['--kubeconfig', kubeconfig, '--wait', '0s'],
    ],
    {
      onErrorLine(line) {
        if (line.includes('✓ Preparing nodes')) list().catch(nodes.reject);
      },
    },
  );
  // When the creation fails before its nodes are there, nobody would ever hear of them.
  cluster.catch(nodes.reject);
  const images = async (): Promise<void> => {
    const [names] = await Promise.all([nodes.promise, start.build()]);
    await Promise.all(names.map((node) => containerdUp(commands, node)));
    await stream(
      work.images.map((each) => each.name),
      names,
      signal,
    );
  };
  const ends = await Promise.allSettled([cluster, images()]);
  for (const end of ends) if (end.status === 'rejected') throw end.reason;
}

async function containerdUp(commands: Commands, node: string): Promise<void> {
  const ask = ['docker', 'exec', node, 'ctr', '--namespace', 'k8s.io', 'version'];
  while ((await commands.attempt(ask)).code !== 0);
}

/** One `docker save` into the import of every node at once. */
export async function stream(
  images: readonly string[],
  nodes: readonly string[],
  signal: AbortSignal,
): Promise<void> {
  const save = spawn('docker', ['save', ...images], { stdio: ['ignore', 'pipe', 'inherit'], signal });
  const imports = nodes.map((node) => {
    const argv = ['exec', '-i', node, 'ctr', '--namespace', 'k8s.io', 'images', 'import', '-'];
    const child = spawn('docker', argv, { stdio: ['pipe', 'ignore', 'inherit'], signal });
    const pipe = new PassThrough();
    save.stdout.pipe(pipe).pipe(child.stdin);
    child.stdin.on('error', () => undefined);
    return child;
  });
  await Promise.all(
    [save, ...imports].map(
      (child) =>
        new Promise<void>((resolve, reject) => {
          child.once('error', reject);
          child.once('close', (code) => {
            if (code === 0) resolve();
            else reject(new Error(`the floor's delivery ended with ${String(code)}`));
          });
        }),
    ),
  );
}
