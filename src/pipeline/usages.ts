import path from 'node:path';
import { usageOf, type Usage } from '../images/usage.ts';
import type { Plan, SuitePlan } from '../model/plan.ts';
import type { Assets, RunContext, Tools } from '../model/run.ts';
import type { Task } from '../model/task.ts';
import { helmName } from '../releases/helm.ts';
import { renderRelease } from '../releases/render.ts';
import { mainContainerOf } from '../suites/job/in-pod.ts';
import { readTemplate } from '../suites/job/template.ts';

/** What the pods of suites and checks use, and where they may run. A template that cannot be read says nothing here. */
export function usageOfSuites(assets: Assets, { suites, checks }: Plan): Usage {
  const jobs = suites.flatMap((suite) => (suite.image === undefined ? [] : [jobOf(assets, suite)]));
  const image = suites.flatMap((suite) => suite.image ?? [])[0];
  const looks = checks.some(({ look }) => ['http', 'tcp', 'network', 'policy'].includes(look.kind));
  // A pod of a check has neither selectors nor tolerations.
  const probes = looks && image !== undefined ? [{ containers: [{ image }] }] : [];
  return usageOf([...jobs, ...probes]);
}

function jobOf(assets: Assets, suite: SuitePlan): unknown {
  try {
    const { spec } = readTemplate(assets, suite);
    const pod = spec?.template.spec;
    const own = { name: mainContainerOf(suite), image: suite.image };
    const others = (pod?.containers ?? []).filter(({ name }) => name !== own.name);
    return { pod: { ...pod, containers: [own, ...others] }, env: suite.env };
  } catch {
    return {};
  }
}

/**
 * A task for each release that says what it uses, for clusters in which that makes a difference. A copy uses what the
 * release uses that it is a copy of.
 */
export function usageTasks(run: RunContext, plan: Plan, tools: Task<Tools>): Task<Usage | undefined>[] {
  if (plan.images.length === 0 || (plan.cluster?.nodes.length ?? 0) < 2) return [];
  const first = plan.releases.filter(
    (release, index) => plan.releases.findIndex((other) => helmName(other) === helmName(release)) === index,
  );
  return first.map((release) => ({
    id: `render ${release.name}`,
    phase: 'releases',
    title: `see what release ${release.name} uses`,
    needs: [tools],
    limitMs: 70_000,
    async run(context) {
      const { helm } = context.output(tools);
      if (helm === undefined) return undefined;
      const folder = path.join(run.folder, 'releases', release.name, 'rendered');
      const deps = { ...context.deps, env: run.env };
      const objects = await renderRelease(deps, { helm, release, folder, signal: context.signal });
      return objects === undefined ? undefined : usageOf(objects);
    },
  }));
}
