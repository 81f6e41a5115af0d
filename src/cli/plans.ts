import type { Keep } from '../model/plan.ts';
import { resolvePlan, resolvePlans, type PlansInput } from '../config/index.ts';
import { isCi } from './environment.ts';
import type { Format } from './reporters.ts';
import { withVersions, type Settled } from './versions.ts';

/** The options of `ket run`, as the command line gives them. */
export interface RunFlags {
  readonly tier?: string;
  readonly suite?: readonly string[];
  readonly config?: string;
  readonly output?: string;
  readonly keep?: Keep;
  readonly cluster?: string;
  readonly context?: string;
  readonly kubeconfig?: string;
  readonly nodeImage?: string;
  readonly kubernetes?: string;
  readonly format?: Format;
  readonly retries?: number;
  readonly parallel?: number;
  readonly failFast?: boolean;
  /** How long the suites are repeated. */
  readonly soak?: string;
  readonly production?: boolean;
}

/** Those of commands that may name several tiers. */
export interface SeriesFlags extends Omit<RunFlags, 'tier'> {
  /** In the order in which they run. */
  readonly tier?: readonly string[];
  readonly all?: boolean;
}

/** The plan of a command line, with every version settled. */
export const planOf = (flags: RunFlags, args: readonly string[]): Settled =>
  withVersions(resolvePlan({ ...inputOf(flags, args), tier: flags.tier }));

/** A tier of a command line; without `settled` where it has none of the suites that are asked for. */
export interface SettledTier {
  readonly tier: string;
  readonly settled?: Settled;
}

/** The plans of a command line that may name several tiers, in the order in which they run. */
export function plansOf(flags: SeriesFlags, args: readonly string[]): readonly SettledTier[] {
  return resolvePlans({ ...inputOf(flags, args), tiers: flags.tier, all: flags.all }).map(({ tier, plan }) =>
    plan === undefined ? { tier } : { tier, settled: withVersions(plan) },
  );
}

function inputOf(flags: Omit<RunFlags, 'tier'>, args: readonly string[]): Omit<PlansInput, 'tiers' | 'all'> {
  const { env } = process;
  return {
    configPath: flags.config,
    suites: flags.suite,
    overrides: {
      output: flags.output,
      keep: flags.keep,
      context: flags.context,
      kubeconfig: flags.kubeconfig,
      nodeImage: flags.nodeImage,
      kubernetes: flags.kubernetes,
      retries: flags.retries,
      parallel: flags.parallel,
      failFast: flags.failFast,
      soak: flags.soak,
      production: flags.production,
      args,
    },
    env,
    isTTY: process.stderr.isTTY,
    ci: isCi(env),
  };
}
