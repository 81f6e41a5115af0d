import path from 'node:path';
import { withDependencies } from '../../model/dependencies.ts';
import { KetError, messageOf } from '../../model/errors.ts';
import type { Plan, SuitePlan } from '../../model/plan.ts';
import type { ClusterHandle, Door, Guard, Vigil } from '../../model/run.ts';
import type { Task, TaskContext } from '../../model/task.ts';
import { runProcess } from '../process.ts';
import { runSuite, type SuiteReport } from '../suite.ts';
import { endIfNotPassed, priorityOf, suiteLimit, withStops, type SuiteSettings } from '../settings.ts';
import { accessFor } from './access.ts';
import { openForwards } from './forward.ts';

export interface HostNeeds {
  readonly cluster: Task<ClusterHandle>;
  /** Where connections into the cluster are made; absent where no suite forwards a port. */
  readonly door: Task<Door> | undefined;
  /** Variables with what leads to the nodes from this machine; absent where nothing does. */
  readonly mapped: Task<Readonly<Record<string, string>>> | undefined;
  /** It may make pods of any image of the plan. */
  readonly images: readonly Task[];
  readonly releases: ReadonlyMap<string, Task | undefined>;
  readonly checks: ReadonlyMap<string, Task>;
  readonly guard: Guard;
  readonly vigil: Vigil;
  /** Folder for files with keys. */
  readonly home: string;
}

/** One suite as processes of this machine, against the cluster. */
export function hostSuiteTask(
  settings: SuiteSettings,
  plan: Plan,
  suite: SuitePlan,
  needs: HostNeeds,
): Task<SuiteReport> {
  const { admission, state } = settings;
  const { forward = [] } = suite;
  const namespaceOf = new Map(plan.releases.map((release) => [release.name, release.namespace]));
  const namespaces = [...new Set(suite.needs.map((name) => namespaceOf.get(name) ?? name))];
  const door = forward.length === 0 ? undefined : needs.door;
  const withForwards = async (context: TaskContext, run: RunWith): Promise<RunResult> => {
    const say = (text: string): void =>
      context.emit({ type: 'notice', level: 'warning', text: `${suite.name}: no connection for ${text}` });
    const forwards = await openForwards(
      forward,
      (host, port, signal) => {
        if (door === undefined) throw new KetError('KET_INTERNAL', 'there is no pod to connect from');
        return context.output(door).dial({ namespaces, host, port, signal });
      },
      say,
    );
    try {
      return await run(forwards.env);
    } finally {
      await forwards.close();
    }
  };
  return {
    id: `suite ${suite.name}`,
    phase: 'suites',
    title: suite.name,
    needs: [
      needs.cluster,
      ...needs.images,
      ...(door === undefined ? [] : [door]),
      ...(needs.mapped === undefined ? [] : [needs.mapped]),
      ...suite.needs.flatMap((name) => needs.releases.get(name) ?? []),
      ...suite.checks.flatMap((name) => needs.checks.get(name) ?? []),
    ],
    limitMs: suiteLimit(suite, 0),
    pool: admission,
    priority: priorityOf(suite),
    async run(outer) {
      const cluster = outer.output(needs.cluster);
      const guards = withDependencies(suite.needs, plan.releases).map((name) =>
        needs.guard(name, cluster, outer),
      );
      const vigil = needs.vigil(suite.checks, outer);
      const context = withStops(outer, [admission.stopped, ...guards, ...vigil.signals]);
      const { report } = await runSuite(
        suite,
        settings.runId,
        settings.folder,
        context,
        (id, outDir, failed) =>
          withForwards(context, async (env) => {
            const own = settings.ownCluster;
            const folder = path.dirname(needs.home);
            const access = await accessFor(suite, id, { cluster, state, own, namespaces, folder }, context);
            try {
              const mapped = needs.mapped === undefined ? {} : outer.output(needs.mapped);
              const more = { KUBECONFIG: access.kubeconfig, ...mapped, ...env };
              return await runProcess(suite, id, plan.root, outDir, settings.secrets, context, failed, more);
            } finally {
              // What it left is listed and removed at the end of the run.
              await access.end().catch((error: unknown) => {
                context.emit({
                  type: 'notice',
                  level: 'warning',
                  text: `${suite.name}: ${messageOf(error)}`,
                });
              });
            }
          }),
      ).finally(() => vigil.end());
      endIfNotPassed(plan, suite.name, report.outcome, admission);
      return report;
    },
  };
}

type RunResult = Awaited<ReturnType<typeof runProcess>>;
type RunWith = (env: Readonly<Record<string, string>>) => Promise<RunResult>;
