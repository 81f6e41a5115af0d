import type { Kube } from '../model/kube.ts';
import type { Timings } from './timings.ts';

export interface ConnectOptions {
  readonly kubeconfig: string;
  /** The kubeconfig's current context unless given. */
  readonly context?: string;
}

/** What tests replace. */
export interface ConnectDeps {
  readonly timings?: Partial<Timings>;
  /** For jitter: from 0 up to 1. */
  readonly random?: () => number;
}

/**
 * Reads a kubeconfig and gives the door to its API server; nothing is sent before the first call. What it needs is
 * loaded only now: HTTP, TLS and the libraries are half of the memory of a run that needs no cluster.
 */
export async function connect(options: ConnectOptions, deps: ConnectDeps = {}): Promise<Kube> {
  const { clientOf } = await import('./client.ts');
  return clientOf(options, deps);
}
