import type { Budget } from '../model/budget.ts';
import { parseQuantity } from '../model/quantity.ts';
import { msOf } from './duration.ts';
import type { TierConfig } from './schema.ts';

/** Of the tiers that go by these names. */
const defaults: Readonly<Record<string, { readonly time: string; readonly memory: string }>> = {
  unit: { time: '2m', memory: '4Gi' },
  integration: { time: '5m', memory: '8Gi' },
  e2e: { time: '12m', memory: '16Gi' },
};

/** The budget of a tier, each part by itself; none for a tier of another name that gives itself none. */
export function budgetOf(name: string, { budget }: Pick<TierConfig, 'budget'>): { budget?: Budget } {
  const own = Object.hasOwn(defaults, name) ? defaults[name] : undefined;
  const time = budget?.time ?? own?.time;
  const memory = budget?.memory ?? own?.memory;
  if (time === undefined && memory === undefined) return {};
  return {
    budget: {
      ...(time === undefined ? {} : { timeMs: msOf(time) }),
      ...(memory === undefined ? {} : { memoryBytes: Math.floor(parseQuantity(String(memory)) ?? 0) }),
    },
  };
}
