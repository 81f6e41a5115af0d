import { nearest } from './problems.ts';

/** Which tier is meant: one rule for all doors, each of which says in its own words how to name another. */

export type Picked = { readonly name: string } | { readonly fault: string };

export interface TierName {
  readonly name: string;
  readonly isDefault: boolean;
}

/** The tier that is named, else the only one, else the default one. */
export function pickTier(tiers: readonly TierName[], wanted: string | undefined): Picked {
  const names = tiers.map(({ name }) => name);
  if (wanted !== undefined) {
    return names.includes(wanted) ? { name: wanted } : { fault: unknownName('tier', wanted, names) };
  }
  const found = tiers.length === 1 ? tiers[0] : tiers.find(({ isDefault }) => isDefault);
  if (found !== undefined) return { name: found.name };
  return { fault: 'which tier? there are several, and none is marked "default: true"' };
}

export function unknownName(what: string, name: string, names: readonly string[]): string {
  const near = nearest(name, names);
  return `there is no ${what} "${name}"${near === undefined ? '' : ` (did you mean "${near}"?)`}`;
}
