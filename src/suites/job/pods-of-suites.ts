import type { Plan } from '../../model/plan.ts';
import type { Assets } from '../../model/run.ts';
import { mainContainerOf, sidecar } from './in-pod.ts';
import { readTemplate } from './template.ts';

/** What the suites' pods will be made of, to find their images: those of the suites, and what their Jobs have beside. */
export function podsOfSuites({ suites }: Pick<Plan, 'suites'>, assets: Assets): readonly unknown[] {
  return suites
    .filter(({ lacks }) => lacks.length === 0)
    .flatMap((suite) => {
      const own = suite.image === undefined ? [] : [{ containers: [{ image: suite.image }] }];
      try {
        const pod = readTemplate(assets, suite).spec?.template.spec;
        const replaced = [sidecar, mainContainerOf(suite)];
        const beside = <T extends { readonly name: string }>(list: readonly T[] = []): T[] =>
          list.filter(({ name }) => !replaced.includes(name));
        return [
          ...own,
          {
            containers: beside(pod?.containers),
            initContainers: beside(pod?.initContainers),
            volumes: pod?.volumes ?? [],
          },
        ];
      } catch {
        // A Job that cannot be read is told by the suite itself.
        return own;
      }
    });
}
