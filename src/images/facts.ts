import type { Deps } from '../model/deps.ts';
import type { ImageFacts, Tools } from '../model/run.ts';
import type { Task } from '../model/task.ts';

const inspectMs = 30_000;

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

/** Looks at an image once its build, if this run has one, is done. */
export function factsTask(
  name: string,
  tools: Task<Tools>,
  build: Task | undefined,
): Task<ImageFacts | undefined> {
  return {
    id: `look at ${name}`,
    phase: 'images',
    title: `look at image ${name}`,
    needs: [tools, ...(build === undefined ? [] : [build])],
    limitMs: inspectMs + 5_000,
    run: (context) => imageFacts(context.deps, context.output(tools).docker, name, context.signal),
  };
}
