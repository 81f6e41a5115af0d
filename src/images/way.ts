import type { DeliveryPlan } from '../model/plan.ts';

/** How images come to nodes: by `docker save` into each, or by a registry from which each pulls. */
export type Way = 'stream' | 'registry';

/** What a delivery has to bring. */
export interface Load {
  /** Sizes of the images that are lacking, as Docker says them. */
  readonly bytes: readonly number[];
  /** How many nodes lack them. */
  readonly nodes: number;
  /**
   * The registry runs already and may have most of the layers, has to be started and will stay for later runs, or has
   * to be started for this one alone.
   */
  readonly registry: 'runs' | 'stays' | 'new';
}

/**
 * From so many bytes on, all images together, a registry is the faster way: for this delivery where it is `new`,
 * and to one node it is about as fast; for this and the next ones where it stays. Measured: bench/results/*-delivery-sizes.csv,
 * docs/performance.md.
 */
export const registryFrom = { runs: 20_000_000, stays: 100_000_000, new: 300_000_000 };

/** The faster way for what is known of the sizes. Pure. */
export function wayOf(by: DeliveryPlan['by'], { bytes, nodes, registry }: Load): Way {
  if (by !== 'auto') return by;
  if (registry === 'new' && nodes < 2) return 'stream';
  const all = bytes.reduce((sum, one) => sum + one, 0);
  return all >= registryFrom[registry] ? 'registry' : 'stream';
}
