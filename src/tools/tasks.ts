import type { Plan } from '../model/plan.ts';
import type { RunContext, Tools } from '../model/run.ts';
import type { Task } from '../model/task.ts';
import { findDocker, findTool } from './find.ts';

export interface ToolTasks {
  readonly find: Task<Tools>;
  readonly all: readonly Task[];
}

/** Finds the tools that the plan needs, each in exactly the asked version. */
export function toolTasks(run: RunContext, plan: Plan): ToolTasks {
  const find: Task<Tools> = {
    id: 'tools',
    phase: 'tools',
    title: 'find the tools',
    needs: [],
    limitMs: 30_000,
    async run({ deps, signal, emit, awaiting }) {
      const wantsHelm = plan.releases.length > 0;
      awaiting(wantsHelm ? 'kind and helm to tell their versions' : 'kind to tell its version');
      const [kind, helm] = await Promise.all([
        plan.cluster === undefined
          ? undefined
          : findTool({ ...deps, env: run.env }, 'kind', plan.tools.kind, signal),
        wantsHelm ? findTool({ ...deps, env: run.env }, 'helm', plan.tools.helm, signal) : undefined,
      ]);
      for (const tool of [kind, helm])
        if (tool?.notice !== undefined) emit({ type: 'notice', level: 'warning', text: tool.notice });
      return {
        docker: findDocker(run.env),
        ...(kind === undefined ? {} : { kind: kind.path }),
        ...(helm === undefined ? {} : { helm: helm.path, helmVersion: helm.version }),
      };
    },
  };
  return { find, all: [find] };
}
