import { valueAt } from './issues.ts';
import { secretValueProblems } from './release-values.ts';
import type { TierConfig } from './schema.ts';
import type { ProblemMore, Source } from './source.ts';

/** Checks of the fields of a release against each other. */

type Path = readonly (string | number)[];

interface Scope {
  readonly tier: TierConfig;
  readonly at: Path;
  readonly source: Source;
  readonly add: (at: Path, message: string, more?: ProblemMore) => void;
}

export function releaseChecks(scope: Scope): void {
  releaseKinds(scope);
  chartSources(scope);
  releaseSecrets(scope);
  noCopies(scope);
}

const sources = ['chart', 'repo', 'version', 'manifests', 'kustomize'] as const;
const values = ['values', 'set', 'inline', 'secrets'] as const;

/** A release is a chart, or plain manifests or a kustomization, to which values would do nothing. */
function releaseKinds({ tier, at, source, add }: Scope): void {
  tier.releases.forEach((release, index) => {
    const place = [...at, 'releases', index];
    if (release.installed) {
      for (const key of [...sources, ...values, 'dependsOn', 'removeCRDs'] as const)
        if (valueAt(source.data, [...place, key]) !== undefined)
          add(
            [...place, key],
            `"${key}" of release "${release.name}" is not for one that is installed already`,
            {
              key: true,
            },
          );
      return;
    }
    const plain = (['manifests', 'kustomize'] as const).find((key) => release[key] !== undefined);
    if (release.chart === undefined && plain === undefined)
      add(place, `release "${release.name}" has neither "chart" nor "manifests" nor "kustomize"`);
    if (plain === undefined) return;
    const others = [...sources, ...values, 'removeCRDs'] as const;
    for (const key of others.filter((other) => other !== plain))
      if (valueAt(source.data, [...place, key]) !== undefined)
        add([...place, key], `"${key}" of release "${release.name}" is not for one of "${plain}"`, {
          key: true,
        });
  });
}

/** A name is one in a repository, and only what is fetched has versions to choose from. */
function chartSources({ tier, at, add }: Scope): void {
  tier.releases.forEach(({ name, chart, repo, version, manifests, kustomize }, index) => {
    const place = [...at, 'releases', index];
    if (manifests !== undefined || kustomize !== undefined) return;
    if (repo !== undefined && chart !== undefined && !/^[a-z0-9][a-z0-9._-]*$/i.test(chart))
      add([...place, 'chart'], `"chart" of release "${name}" is a name in "repo", such as postgresql`);
    if (version !== undefined && repo === undefined && chart?.startsWith('oci://') !== true)
      add(
        [...place, 'version'],
        `"version" of release "${name}" is for a chart in "repo" or at an oci:// address`,
        {
          key: true,
        },
      );
  });
}

/** A secret that is not what the release gets would be believed in. */
function releaseSecrets({ tier, at, add }: Scope): void {
  tier.releases.forEach((release, index) => {
    for (const [key, problem] of secretValueProblems(release))
      add(
        [...at, 'releases', index, 'secrets', key],
        `secret "${key}" of release "${release.name}" ${problem}`,
        { key: true },
      );
  });
}

/** What ket does not install it cannot install once more. */
function noCopies({ tier, at, add }: Scope): void {
  tier.suites.forEach((suite, index) => {
    if (suite.isolation !== 'release') return;
    const fixed = tier.releases.find(
      ({ name, installed }) => installed && (suite.needs === undefined || suite.needs.includes(name)),
    );
    if (fixed !== undefined)
      add(
        [...at, 'suites', index, 'isolation'],
        `suite "${suite.name}" wants a copy of release "${fixed.name}", which is installed already and not by ket; share it`,
        { key: true },
      );
  });
}
