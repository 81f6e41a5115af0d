import type { V1Deployment, V1Node, V1ServiceAccount, V1StorageClass } from '@kubernetes/client-node';
import { KetError, messageOf } from '../model/errors.ts';
import { formatMs } from '../model/format.ts';
import type { Kube, Reflector, Wire } from '../model/kube.ts';
import { clusterReadiness, readinessCure, type ClusterObjects } from './readiness.ts';

export interface ReadyOptions {
  readonly kube: Kube;
  readonly nodes: readonly string[];
  readonly limitMs: number;
  readonly disableDefaultCNI: boolean;
  readonly signal: AbortSignal;
  readonly awaiting: (what: string) => void;
}

/**
 * Waits until the cluster can be worked with, by watching the API: the moment the last object is right it returns.
 * On time-out it rejects with what was lacking, in what state.
 */
export async function waitUntilReady(options: ReadyOptions): Promise<void> {
  const { kube } = options;
  const nodes = kube.reflect<Wire<V1Node>>({ apiVersion: 'v1', kind: 'Node' });
  const deployments = kube.reflect<Wire<V1Deployment>>({
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    namespace: 'kube-system',
  });
  const serviceAccounts = kube.reflect<Wire<V1ServiceAccount>>({
    apiVersion: 'v1',
    kind: 'ServiceAccount',
    namespace: 'default',
  });
  const storageClasses = kube.reflect<Wire<V1StorageClass>>({
    apiVersion: 'storage.k8s.io/v1',
    kind: 'StorageClass',
  });
  const all: readonly Reflector<unknown>[] = [nodes, deployments, serviceAccounts, storageClasses];
  const objects = (): ClusterObjects => ({
    nodes: nodes.items(),
    deployments: deployments.items(),
    serviceAccounts: serviceAccounts.items(),
    storageClasses: storageClasses.items(),
  });
  let lacking: readonly string[] = ['the API server'];
  options.awaiting(awaitingText(lacking));
  const look = (): true | undefined => {
    const readiness = clusterReadiness(objects(), options.nodes);
    lacking = readiness.waitingFor;
    if (!readiness.ready) options.awaiting(awaitingText(lacking));
    return readiness.ready ? true : undefined;
  };
  const limit = AbortSignal.timeout(options.limitMs);
  const end = new AbortController();
  const signal = AbortSignal.any([options.signal, limit, end.signal]);
  try {
    // Each change of any of them is a reason to look at all; the first that sees everything right ends the wait.
    await Promise.race(all.map((reflector) => reflector.until(look, signal)));
  } catch (error) {
    options.signal.throwIfAborted();
    if (!limit.aborted)
      throw new KetError('KET_CLUSTER', `the cluster's API refuses: ${messageOf(error)}`, {
        cause: error,
        where: kube.server,
        next: 'see the logs of the API server in the folder cluster of the run',
      });
    throw new KetError(
      'KET_NODES_NOT_READY',
      `the cluster was not ready within ${formatMs(options.limitMs)}: waiting for ${lacking.join('; ')}`,
      { details: [...lacking], next: readinessCure(lacking, options.disableDefaultCNI) },
    );
  } finally {
    end.abort();
    for (const reflector of all) reflector.close();
  }
}

/** Short enough for one line of a terminal. */
export function awaitingText(lacking: readonly string[]): string {
  const [first = 'nothing', ...more] = lacking;
  return more.length === 0 ? first : `${first} and ${more.length} more`;
}
