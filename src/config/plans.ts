import type { Plan } from '../model/plan.ts';
import { checkSuites, openConfig, selectTiers, suitesOf, type WantedTiers } from './chosen-tiers.ts';
import { planOf, type PlanInput } from './plan.ts';

export interface PlansInput extends Omit<PlanInput, 'tier'>, WantedTiers {}

/** A tier of a command: the plan of its run, or nothing where it has none of the suites that are asked for. */
export interface TierPlan {
  readonly tier: string;
  readonly plan?: Plan;
}

/**
 * The plans of a command that may name several tiers, in the order in which they run. Throws the KetError of the first
 * that cannot be: nothing starts before all are right.
 */
export function resolvePlans(input: PlansInput): readonly TierPlan[] {
  const loaded = openConfig(input.configPath, input.cwd ?? process.cwd());
  const tiers = selectTiers(loaded, input);
  const wanted = input.suites ?? [];
  checkSuites(loaded, tiers, wanted);
  return tiers.map((tier) => {
    const suites = suitesOf(loaded, tier).filter((name) => wanted.includes(name));
    if (wanted.length > 0 && suites.length === 0) return { tier };
    return { tier, plan: planOf({ ...loaded, tier }, { ...input, suites }) };
  });
}
