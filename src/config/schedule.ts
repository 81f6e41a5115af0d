import path from 'node:path';
import { KetError } from '../model/errors.ts';
import type { Plan } from '../model/plan.ts';
import type { LoadedConfig } from './load.ts';
import { readSource, shownPath } from './source.ts';

/** What a schedule is made of. */
export interface ScheduleInput {
  readonly plan: Plan;
  /** Times, as cron has them; UTC. */
  readonly cron: string;
  /** For pods: an image with ket and the repository. */
  readonly image?: string;
  /** ket.yaml, as seen from the root of the repository, with `/`. */
  readonly config: string;
  /** Environment variables of this machine that suites get or require. */
  readonly variables: readonly string[];
}

/** The time that a run of the plan is given at most, ms: all that each suite may take, one after another, and an hour. */
export function longestMs({ suites, soakMs = 0, releases, cluster }: Plan): number {
  const attempts = suites.reduce((sum, suite) => sum + suite.limitMs * (suite.retries + 1), 0);
  const setUp = releases.reduce((sum, release) => sum + release.limitMs, cluster?.readyMs ?? 0);
  return soakMs + attempts + setUp + 3_600_000;
}

/** What a tier's schedule says, or a KetError with the place where it lacks. */
export function scheduleInput(
  { config, path: file, tier }: LoadedConfig & { readonly tier: string },
  plan: Plan,
  cwd: string,
): ScheduleInput {
  const chosen = config.tiers[tier];
  if (chosen?.schedule === undefined) throw missing(file, cwd, tier, ['tiers', tier], 'has no schedule');
  const { cron, image } = chosen.schedule;
  const variables = chosen.suites.flatMap((suite) => [...suite.secrets, ...suite.requires.env]);
  const releases = chosen.releases.flatMap((release) => Object.values(release.secrets));
  return {
    plan,
    cron: cron.trim().split(/\s+/).join(' '),
    ...(image === undefined ? {} : { image }),
    config: path.relative(cwd, file).split(path.sep).join('/'),
    variables: [...new Set([...variables, ...releases])].sort(),
  };
}

/** A KetError at the place in ket.yaml at which something lacks. */
export function missing(
  file: string,
  cwd: string,
  tier: string,
  at: readonly string[],
  what: string,
): KetError {
  const problem = readSource(file, shownPath(file, cwd)).problem(at, `tier ${tier} ${what}`, { key: true });
  return new KetError('KET_USAGE', problem.message, {
    where: `${problem.file}:${problem.line}`,
    next: `tiers.${tier}.schedule: {cron: "17 3 * * *"}; docs/soak.md says what else it takes`,
  });
}
