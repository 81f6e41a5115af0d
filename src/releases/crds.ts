import type { Deps } from '../model/deps.ts';
import { KetError } from '../model/errors.ts';
import type { Kube } from '../model/kube.ts';
import type { ReleasePlan } from '../model/plan.ts';
import { helmEnv, helmSaid } from './helm.ts';
import { objectsIn } from './rendered.ts';

const showMs = 120_000;

/** The CRDs in `crds/` of a chart that the cluster does not have: Helm will make them, and leave them. */
export async function newCrds(
  deps: Deps,
  helm: string,
  { chart }: Pick<ReleasePlan, 'chart'>,
  kube: Pick<Kube, 'get'>,
  signal: AbortSignal,
): Promise<string[]> {
  if (chart === undefined) return [];
  const result = await deps.exec({
    argv: [helm, 'show', 'crds', chart],
    env: helmEnv(deps.env, '/dev/null'),
    limitMs: showMs,
    signal,
  });
  if (result.code !== 0)
    throw new KetError('KET_RELEASE', 'Helm does not tell the CRDs of the chart', {
      where: chart,
      details: helmSaid(result.stderr),
      next: `try it alone: helm show crds ${chart}`,
    });
  const names = objectsIn(result.stdout)
    .filter(({ kind }) => kind === 'CustomResourceDefinition')
    .flatMap(({ metadata }) => metadata?.name ?? []);
  const there = await Promise.all(
    names.map((name) =>
      kube.get({ apiVersion: 'apiextensions.k8s.io/v1', kind: 'CustomResourceDefinition', name }, signal),
    ),
  );
  return names.filter((_, index) => there[index] === undefined);
}
