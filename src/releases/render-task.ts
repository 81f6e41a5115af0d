import { messageOf } from '../model/errors.ts';
import type { Plan } from '../model/plan.ts';
import type { RunContext, Tools } from '../model/run.ts';
import type { Task } from '../model/task.ts';
import { helmName } from './helm.ts';
import { renderRelease } from './render.ts';

const limitMs = 60_000;

/**
 * Renders all releases as soon as Helm is there, to know their images before they are installed. It never fails: what
 * is wrong with a chart is told by its install, with everything that belongs to it.
 */
export function renderTask(
  run: Pick<RunContext, 'env' | 'registries'>,
  plan: Plan,
  tools: Task<Tools>,
): Task<readonly unknown[]> {
  // A copy is rendered with what it is a copy of.
  const names = plan.releases.map(helmName);
  const releases = plan.releases.filter((_, index) => names.indexOf(names[index] ?? '') === index);
  return {
    id: 'render releases',
    phase: 'images',
    title: 'look for images in the releases',
    needs: [tools],
    limitMs: limitMs + 10_000,
    async run(context) {
      const { helm } = context.output(tools);
      if (helm === undefined) return [];
      const deps = { ...context.deps, env: run.env };
      const registryConfig = run.registries?.helmConfig;
      const kubernetes = plan.cluster?.kubernetes;
      const full = /^v\d+\.\d+\.\d+$/.test(kubernetes ?? '') ? kubernetes : undefined;
      const rendered = await Promise.all(
        releases.map(async (release) => {
          const options = { helm, release, kubernetes: full, registryConfig, limitMs };
          try {
            return await renderRelease(deps, { ...options, signal: context.signal });
          } catch (error) {
            context.signal.throwIfAborted();
            const text = `images of release ${release.name} are not known before its install: ${messageOf(error)}`;
            context.emit({ type: 'notice', level: 'info', text });
            return [];
          }
        }),
      );
      return rendered.flat();
    },
  };
}
