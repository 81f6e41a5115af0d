import { valueAt } from './issues.ts';
import type { TierConfig } from './schema.ts';
import type { ProblemMore, Source } from './source.ts';

type Path = readonly (string | number)[];

interface Scope {
  readonly tier: TierConfig;
  readonly at: Path;
  readonly source: Source;
  readonly add: (at: Path, message: string, more?: ProblemMore) => void;
}

/** A cluster is made from a Kind config, or is there already and has what it has. */
export function existingChecks({ tier, at, source, add }: Scope): void {
  const { cluster } = tier;
  if (cluster === undefined) return;
  const place = [...at, 'cluster'];
  // As the file has them: one that is wrong in itself is told already.
  const has = (key: string): boolean => valueAt(source.data, [...place, key]) !== undefined;
  const first = ['context', 'kubeconfig'].find(has);
  if (first === undefined) {
    if (!has('config'))
      add(
        place,
        'the cluster has no "config", the Kind config that it is made from; or "context" or "kubeconfig" for one that is there already',
      );
    return;
  }
  for (const key of ['config', 'nodeImage', 'kubernetes'] as const)
    if (has(key))
      add([...place, key], `"${key}" contradicts "${first}": that cluster is there already`, { key: true });
}
