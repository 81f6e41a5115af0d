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
    async run(context) {
      const { signal } = context;
      const deps = { ...context.deps, env: run.env };
      const wantsHelm = plan.releases.length > 0;
      context.awaiting(wantsHelm ? 'kind and helm to tell their versions' : 'kind to tell its version');
      const [kind, helm] = await Promise.all([
        plan.cluster === undefined ? undefined : findTool(deps, 'kind', plan.tools.kind, signal),
        wantsHelm ? findTool(deps, 'helm', plan.tools.helm, signal) : undefined,
      ]);
      for (const tool of [kind, helm])
        if (tool?.notice !== undefined) context.emit({ type: 'notice', level: 'warning', text: tool.notice });
      return {
        docker: findDocker(run.env),
        ...(kind === undefined ? {} : { kind: kind.path }),
        ...(helm === undefined ? {} : { helm: helm.path, helmVersion: helm.version }),
      };
    },
  };
  // Without a cluster the suites are processes of this machine, and no tool is needed.
  return { find, all: plan.cluster === undefined ? [] : [find] };
}
