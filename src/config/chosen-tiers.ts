import { existsSync } from 'node:fs';
import path from 'node:path';
import { KetError } from '../model/errors.ts';
import { loadConfig, type LoadedConfig } from './load.ts';
import { pickTier, unknownName } from './select.ts';

/** The file and the tiers of it that a command line means. */

/** Reads and checks the ket.yaml that is named, else the one in `cwd`; throws `KET_USAGE` where there is none. */
export function openConfig(given: string | undefined, cwd: string): LoadedConfig {
  return loadConfig(findConfig(given, cwd), cwd);
}

function findConfig(given: string | undefined, cwd: string): string {
  const file = path.resolve(cwd, given ?? 'ket.yaml');
  if (existsSync(file)) return file;
  if (given !== undefined)
    throw new KetError('KET_USAGE', `there is no file ${given}`, {
      next: 'name an existing file with --config',
    });
  throw new KetError('KET_USAGE', `there is no ket.yaml in ${cwd} (folders above are not searched)`, {
    next: 'go to its folder, name it with `--config FILE`, or let `ket init` write one',
  });
}

/** The one tier that is meant; throws `KET_USAGE` where that is none. */
export function selectTier({ config, path: file }: LoadedConfig, wanted: string | undefined): string {
  const tiers = Object.entries(config.tiers).map(([name, tier]) => ({ name, isDefault: tier.default }));
  const picked = pickTier(tiers, wanted);
  if ('name' in picked) return picked.name;
  const list = `${file} has: ${tiers.map(({ name }) => name).join(', ')}`;
  throw new KetError('KET_USAGE', picked.fault, {
    next: wanted === undefined ? `name one with --tier; ${list}` : list,
  });
}

export interface WantedTiers {
  /** In the order in which they run; one, chosen as `selectTier` does, unless given. */
  readonly tiers?: readonly string[] | undefined;
  /** All of the file, in its order; not beside `tiers`. */
  readonly all?: boolean | undefined;
}

/** The tiers that are meant, at least one and each once; throws `KET_USAGE` where one of them cannot be. */
export function selectTiers(loaded: LoadedConfig, { tiers = [], all = false }: WantedTiers): string[] {
  if (all && tiers.length > 0)
    throw new KetError('KET_USAGE', '--all means every tier, and --tier names some of them', {
      next: 'leave one of them out',
    });
  if (all) return Object.keys(loaded.config.tiers);
  if (tiers.length === 0) return [selectTier(loaded, undefined)];
  const twice = tiers.find((name, index) => tiers.indexOf(name) !== index);
  if (twice !== undefined)
    throw new KetError('KET_USAGE', `tier "${twice}" is named twice`, { next: 'name each tier once' });
  return tiers.map((name) => selectTier(loaded, name));
}

/** Throws `KET_USAGE` for suites that none of the tiers has. */
export function checkSuites(loaded: LoadedConfig, tiers: readonly string[], wanted: readonly string[]): void {
  const names = [...new Set(tiers.flatMap((tier) => suitesOf(loaded, tier)))];
  const missing = wanted.filter((suite) => !names.includes(suite));
  if (missing.length === 0) return;
  throw new KetError('KET_USAGE', missing.map((suite) => unknownName('suite', suite, names)).join('; '), {
    next: tiers.map((tier) => `tier "${tier}" has: ${suitesOf(loaded, tier).join(', ')}`).join('; '),
  });
}

/** Names of the suites of a tier. */
export const suitesOf = ({ config }: LoadedConfig, tier: string): string[] =>
  (config.tiers[tier]?.suites ?? []).map(({ name }) => name);
