import type { KetConfig, ProfileConfig, SuiteConfig } from './schema.ts';

/** A suite with what its profile says where it says nothing itself. */
export function withProfile(suite: SuiteConfig, profiles: KetConfig['profiles']): SuiteConfig {
  const profile = profileOf(suite, profiles);
  if (profile === undefined) return suite;
  const { template, shm, podSecurity, resources } = profile;
  return {
    ...suite,
    ...(suite.template === undefined && suite.job === undefined && template !== undefined
      ? { template }
      : {}),
    ...(suite.shm === undefined && shm !== undefined ? { shm } : {}),
    ...(suite.podSecurity === undefined && podSecurity !== undefined ? { podSecurity } : {}),
    resources: {
      requests: { ...resources.requests, ...suite.resources.requests },
      limits: { ...resources.limits, ...suite.resources.limits },
    },
  };
}

/** Patches of the suite's Job in the order in which they are applied: that of its profile, then its own. */
export function patchesOf(
  suite: SuiteConfig,
  profiles: KetConfig['profiles'],
): readonly Readonly<Record<string, unknown>>[] {
  return [profileOf(suite, profiles)?.patch, suite.patch].filter((patch) => patch !== undefined);
}

const profileOf = ({ profile }: SuiteConfig, profiles: KetConfig['profiles']): ProfileConfig | undefined =>
  profile === undefined ? undefined : profiles[profile];
