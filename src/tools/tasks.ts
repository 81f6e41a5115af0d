import type { Plan } from '../model/plan.ts';
import type { RunContext, Tools } from '../model/run.ts';
import type { Task } from '../model/task.ts';
import { downloadLimits } from './download-limits.ts';
import { findDocker, onPath, provideTool, type FoundTool } from './find.ts';
import { findKustomize } from './kustomize.ts';
import type { VersionedTool } from './version.ts';

export interface ToolTasks {
  readonly find: Task<Tools>;
  readonly all: readonly Task[];
}

/** Looking costs seconds at most; a download has its own limit, and a better message when it is over. */
const lookMs = 30_000;

export interface WantedTools {
  readonly kind: boolean;
  readonly helm: boolean;
  readonly kustomize: boolean;
}

/** Brings the tools that are wanted, each in exactly the version that the plan asks for. */
export function toolTasks(run: RunContext, plan: Plan, wanted: WantedTools): ToolTasks {
  const find: Task<Tools> = {
    id: 'tools',
    phase: 'tools',
    title: 'find the tools',
    needs: [],
    limitMs: lookMs + downloadLimits.overallMs,
    async run(context) {
      const { signal } = context;
      const deps = { ...context.deps, env: run.env };
      // At once: nothing is fetched for a run that cannot be.
      const kustomize = wanted.kustomize ? findKustomize(run.env) : undefined;
      const waits = new Map<VersionedTool, string>();
      const provide = async (tool: VersionedTool, asked: string): Promise<FoundTool> => {
        const awaiting = (what: string): void => {
          waits.set(tool, what);
          context.awaiting([...waits.values()].join('; '));
        };
        const found = await provideTool(deps, tool, asked, { signal, awaiting });
        waits.delete(tool);
        if (waits.size > 0) context.awaiting([...waits.values()].join('; '));
        return found;
      };
      const [kind, helm] = await Promise.all([
        !wanted.kind ? undefined : provide('kind', plan.tools.kind),
        !wanted.helm ? undefined : provide('helm', plan.tools.helm),
      ]);
      for (const tool of [kind, helm])
        if (tool?.notice !== undefined) context.emit({ type: 'notice', level: 'warning', text: tool.notice });
      return {
        // A cluster that is there already needs no Docker; where there is one it tells of images that it has.
        docker:
          plan.cluster?.existing !== undefined ? (onPath(run.env, 'docker')[0] ?? '') : findDocker(run.env),
        ...(kind === undefined ? {} : { kind: kind.path }),
        ...(helm === undefined ? {} : { helm: helm.path, helmVersion: helm.version }),
        ...(kustomize === undefined ? {} : { kustomize }),
      };
    },
  };
  // Without a cluster the suites are processes of this machine, and no tool is needed.
  return { find, all: plan.cluster === undefined ? [] : [find] };
}
