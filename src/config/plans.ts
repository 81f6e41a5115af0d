import type { Plan } from '../model/plan.ts';
import { checkSuites, openConfig, selectTiers, suitesOf, type WantedTiers } from './chosen-tiers.ts';
import { variantsOf } from './plan-cluster.ts';
import { planOf, type PlanInput } from './plan.ts';

export interface PlansInput extends Omit<PlanInput, 'tier' | 'variant'>, WantedTiers {}

/** A run of a command: its plan, or nothing where the tier has none of the suites that are asked for. */
export interface TierPlan {
  readonly tier: string;
  readonly plan?: Plan;
}

/**
 * The plans of a command that may name several tiers, of which each may be for several versions of Kubernetes, in the
 * order in which they run. Throws the KetError of the first
 * that cannot be: nothing starts before all are right.
 */
export function resolvePlans(input: PlansInput): readonly TierPlan[] {
  const loaded = openConfig(input.configPath, input.cwd ?? process.cwd());
  const tiers = selectTiers(loaded, input);
  const wanted = input.suites ?? [];
  checkSuites(loaded, tiers, wanted);
  return tiers.flatMap((tier): TierPlan[] => {
    const suites = suitesOf(loaded, tier).filter((name) => wanted.includes(name));
    if (wanted.length > 0 && suites.length === 0) return [{ tier }];
    const variants = variantsOf(loaded.config.tiers[tier]?.cluster, input);
    return (variants.length === 0 ? [undefined] : variants).map((variant) => ({
      tier,
      plan: planOf({ ...loaded, tier }, { ...input, suites, variant }),
    }));
  });
}
