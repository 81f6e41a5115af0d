import { usageOf, type Usage } from '../images/usage.ts';
import type { Plan, SuitePlan } from '../model/plan.ts';
import type { Assets } from '../model/run.ts';
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
