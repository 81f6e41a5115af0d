import type { Deps } from '../model/deps.ts';
import type { ImageFacts, Tools } from '../model/run.ts';
import type { Task } from '../model/task.ts';

const inspectMs = 30_000;

/** What the registry of an image knows of it; undefined where that cannot be had. Nothing is pulled. */
export async function registryFacts(
  deps: Deps,
  docker: string,
  name: string,
  env: Readonly<Record<string, string>>,
  signal: AbortSignal,
): Promise<ImageFacts | undefined> {
  if (docker === '') return undefined;
  const argv = [docker, 'buildx', 'imagetools', 'inspect', '--format', '{{json .Image}}', name];
  const result = await deps.exec({ argv, env, limitMs: inspectMs, signal });
  if (result.code !== 0 || result.timedOut) return undefined;
  return factsIn(JSON.parse(result.stdout));
}

/** Of an image, or of one with several platforms: what is asked for here is the same in all of them. */
export function factsIn(image: unknown): ImageFacts | undefined {
  if (typeof image !== 'object' || image === null) return undefined;
  const { config } = image as { readonly config?: ImageConfig };
  if (config !== undefined) return factsOf(config);
  for (const one of Object.values(image)) {
    const facts = factsIn(one);
    if (facts !== undefined) return facts;
  }
  return undefined;
}

/** What Docker knows of an image; undefined for one that it does not have. */
export async function imageFacts(
  deps: Deps,
  docker: string,
  name: string,
  signal: AbortSignal,
): Promise<ImageFacts | undefined> {
  if (docker === '') return undefined;
  const argv = [docker, 'image', 'inspect', '--format', '{{json .Config}}', name];
  const result = await deps.exec({ argv, limitMs: inspectMs, signal });
  if (result.code !== 0) return undefined;
  return factsOf(JSON.parse(result.stdout) as ImageConfig);
}

interface ImageConfig {
  readonly User?: string;
  readonly Entrypoint?: readonly string[] | null;
  readonly Cmd?: readonly string[] | null;
}

export const factsOf = (config: ImageConfig): ImageFacts => ({
  user: config.User ?? '',
  entrypoint: config.Entrypoint ?? [],
  cmd: config.Cmd ?? [],
});

/**
 * Looks at an image once its build, if this run has one, is done. `fromRegistry`: in its registry, with this added to
 * the environment of Docker.
 */
export function factsTask(
  name: string,
  tools: Task<Tools>,
  build: Task | undefined,
  fromRegistry?: Readonly<Record<string, string>>,
): Task<ImageFacts | undefined> {
  return {
    id: `look at ${name}`,
    phase: 'images',
    title: `look at image ${name}`,
    needs: [tools, ...(build === undefined ? [] : [build])],
    limitMs: inspectMs + 5_000,
    run: (context) => {
      const { docker } = context.output(tools);
      return fromRegistry === undefined
        ? imageFacts(context.deps, docker, name, context.signal)
        : registryFacts(context.deps, docker, name, fromRegistry, context.signal);
    },
  };
}
