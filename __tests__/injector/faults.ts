import type { InfraClass } from '../../src/model/outcome.ts';
import type { Api } from './api.ts';
import * as cluster from './cluster-faults.ts';
import type { KindNode } from './node.ts';
import type { Proxy } from './proxy.ts';
import * as way from './proxy-faults.ts';
import type { Random } from './random.ts';

/** When a fault strikes, seen from its target's first attempt. */
export const moments = ['created', 'line', 'ended', 'listing', 'collecting', 'acknowledging'] as const;
export type At = (typeof moments)[number];

/** Where a fault strikes. */
export interface Scene {
  readonly api: Api;
  readonly proxy: Proxy;
  readonly node: KindNode;
  /** Process of ket. */
  readonly ket: number;
  readonly suite: string;
  readonly namespace: string;
  /** Uid of the target's pod, and the containers in it that are running; undefined before the pod has started. */
  readonly pod: Target | undefined;
  readonly random: Random;
}

export interface Target {
  readonly name: string;
  readonly uid: string;
  /** The container that the fault kills. */
  readonly container?: { readonly id: string; readonly pid: number };
}

export interface Fault {
  readonly name: string;
  readonly at: readonly At[];
  /** Every suite of the round may be hit, not its target alone. */
  readonly everywhere?: boolean;
  /** It is between ket and the API server, so that it can strike beside any other. */
  readonly onTheWay?: boolean;
  /** What ket may say of a suite that it hit, instead of the truth; with words that name the fault. */
  readonly mayBe: readonly InfraClass[];
  readonly names: RegExp;
  /** The container that it kills. */
  readonly kills?: 'suite' | 'ket';
  /** The driver is gone afterwards: there is no verdict, and `ket cleanup` must remove everything. */
  readonly endsKet?: boolean;
  /**
   * The cluster may keep a namespace longer than ket waits for it: a pod whose end the kubelet could not report counts as
   * running, and the namespace controller looks again after half of its grace and a second (`Estimate/2 + 1` in
   * Kubernetes' namespace_controller.go), 151 s with ket's.
   */
  readonly keepsNamespaces?: boolean;
  /** Does it. Resolves with what the cluster or the proxy says of it, and rejects when it did not happen. */
  readonly inject: (scene: Scene) => Promise<string>;
}

const nothing: Pick<Fault, 'mayBe' | 'names'> = { mayBe: [], names: /(?!)/ };
const onTheWay: Pick<Fault, 'mayBe' | 'names' | 'onTheWay'> = { ...nothing, onTheWay: true };
const ofTheNode = { ...nothing, everywhere: true, keepsNamespaces: true } as const;
const running: readonly At[] = ['line', 'ended', 'collecting'];
const always: readonly At[] = ['created', ...running];
/** The pod is gone, and what had not been read of it. */
const taken: Pick<Fault, 'mayBe' | 'names'> = {
  mayBe: ['deleted', 'evicted', 'no-proof', 'collection-incomplete'],
  names: /delet|evict|gone|taken away|not found|had ended before its results/i,
};

/** Everything that the injector can do. What only disturbs the way to the API server may cost nothing at all. */
export const faults: readonly Fault[] = [
  { name: 'api-server-killed', at: always, everywhere: true, ...nothing, inject: cluster.killApiServer },
  { name: 'kubelet-stopped', at: always, ...ofTheNode, inject: cluster.stopKubelet },
  { name: 'node-paused', at: running, ...ofTheNode, inject: cluster.pauseNode },
  { name: 'pod-force-deleted', at: always, ...taken, inject: cluster.forceDeletePod },
  { name: 'pod-evicted', at: running, ...taken, inject: cluster.evictPod },
  { name: 'job-deleted', at: running, ...taken, inject: cluster.deleteJob },
  { name: 'namespace-deleted', at: ['line'], ...taken, inject: cluster.deleteNamespace },
  { name: 'sidecar-killed', at: running, kills: 'ket', ...taken, inject: cluster.killContainer },
  {
    name: 'wrapper-killed',
    at: ['line'],
    kills: 'suite',
    mayBe: ['no-proof'],
    names: /no record of how the command ended/,
    inject: cluster.killContainer,
  },
  { name: 'watches-cut', at: always, everywhere: true, ...onTheWay, inject: way.cutWatches },
  { name: 'watches-expired', at: always, everywhere: true, ...onTheWay, inject: way.expireWatches },
  { name: 'log-cut', at: ['line'], ...onTheWay, inject: way.cutLog },
  { name: 'log-cut-often', at: ['line'], ...onTheWay, inject: way.cutLogOften },
  { name: 'exec-cut', at: ['listing', 'collecting', 'acknowledging'], ...onTheWay, inject: way.cutExec },
  { name: 'driver-reset', at: always, everywhere: true, ...onTheWay, inject: way.resetAll },
  { name: 'api-refuses', at: always, everywhere: true, ...onTheWay, inject: way.refuse(503) },
  { name: 'api-throttles', at: always, everywhere: true, ...onTheWay, inject: way.refuse(429) },
  { name: 'network-slow', at: always, everywhere: true, ...onTheWay, inject: way.slow },
  { name: 'network-silent', at: running, everywhere: true, ...onTheWay, inject: way.silence },
  {
    name: 'ket-killed',
    at: running,
    everywhere: true,
    endsKet: true,
    ...nothing,
    inject: cluster.killKet,
  },
];
