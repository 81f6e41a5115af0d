import type { DeliveryPlan } from '../model/plan.ts';

/** How images come to nodes: by `docker save` into each, or by a registry from which each pulls. */
export type Way = 'stream' | 'registry';

/** What a delivery has to bring. */
export interface Load {
  /** Sizes of the images that are lacking, as Docker says them. */
  readonly bytes: readonly number[];
  /** How many nodes lack them. */
  readonly nodes: number;
  /** The registry runs already, for an earlier delivery. */
  readonly running: boolean;
}

/**
 * From so many bytes on, all images together, a registry is the faster way. Its start costs about a second, its image
 * may have to be pulled first; bench/results has the figures, docs/performance.md says how they were taken.
 */
export const registryFrom = { running: 300_000_000, starting: 500_000_000 };

/** The faster way for what is known of the sizes. Pure. */
export function wayOf(by: DeliveryPlan['by'], { bytes, running }: Load): Way {
  if (by !== 'auto') return by;
  const all = bytes.reduce((sum, one) => sum + one, 0);
  return all >= (running ? registryFrom.running : registryFrom.starting) ? 'registry' : 'stream';
}
