import { valueAt } from './issues.ts';
import { nearest } from './problems.ts';
import type { SuiteConfig, TierConfig } from './schema.ts';
import type { ProblemMore, Source } from './source.ts';

type Path = readonly (string | number)[];

interface Scope {
  readonly tier: TierConfig;
  readonly source: Source;
  readonly add: (at: Path, message: string, more?: ProblemMore) => void;
}

/** What goes with a pod that ket makes; those of the hooks are the chart's. */
const notWithHooks = [
  ...['command', 'image', 'job', 'container', 'template', 'patch', 'profile', 'setup', 'teardown'],
  ...['workingDir', 'env', 'envFrom', 'files', 'secrets', 'shards', 'replicas', 'resources', 'placement'],
  ...['podSecurity', 'ingress', 'shm', 'api', 'retry', 'results', 'caps', 'allowChildOom'],
] as const;

/** The checks of a suite that is the test hooks of a release. */
export function helmTestChecks({ tier, source, add }: Scope, suite: SuiteConfig, place: Path): void {
  const { helmTest, name } = suite;
  if (helmTest === undefined) return;
  const releases = tier.releases.map((release) => release.name);
  if (!releases.includes(helmTest))
    add([...place, 'helmTest'], `suite "${name}" tests an unknown release "${helmTest}"`, {
      allowed: releases,
      suggestion: nearest(helmTest, releases),
    });
  for (const key of notWithHooks)
    if (valueAt(source.data, [...place, key]) !== undefined)
      add(
        [...place, key],
        `"${key}" of suite "${name}" is not for "helmTest": its pods are those of the chart`,
        {
          key: true,
        },
      );
}
