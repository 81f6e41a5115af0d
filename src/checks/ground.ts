import type { V1Node } from '@kubernetes/client-node';
import type { Clock } from '../model/deps.ts';
import { KetError } from '../model/errors.ts';
import type { Kube, Wire } from '../model/kube.ts';
import type { WhoPlan } from '../model/plan.ts';
import type { ClusterHandle, Door, RegistryAccess } from '../model/run.ts';
import type { StateFile } from '../model/state.ts';
import type { Task } from '../model/task.ts';
import { pullSecretFor, pullSecretName } from '../kube/pull-secret.ts';
import { KubeError } from '../kube/error.ts';
import { connectFrom } from './connection.ts';
import { enforces, wallLabels } from './enforcement.ts';
import { groupKey, type Group, type Place } from './places.ts';
import { namespaceFor, namespaceOf, podFor, programFor, programName, type PodFacts } from './pods.ts';
import { startPods, type Standing } from './running.ts';

/** What checks need to know of a cluster. */
export interface ClusterPart {
  readonly nameserver: string;
  readonly network: { readonly domain: string };
  readonly ketRun: Buffer;
}

export interface GroundOptions {
  readonly runId: string;
  readonly state: StateFile;
  /** Of one of the suites; without it one that is on the nodes. */
  readonly image: string | undefined;
  readonly registries?: RegistryAccess | undefined;
  /** Of the checks that look from pods. */
  readonly groups: readonly Group[];
  /** A check of a policy is among them. */
  readonly needsWall: boolean;
  readonly cluster: Task<ClusterHandle>;
  readonly facts: Task<ClusterPart>;
  /** Done when the image is on the nodes. */
  readonly delivery: Task | undefined;
}

/** The pods of ket's from which checks look. */
export interface Ground extends Door {
  readonly domain: string;
  /** Those in ket's own namespace in which short names are of these namespaces, one on each node where that is wanted. */
  pods(namespaces: readonly string[]): readonly Standing[];
  /** The same in any place. Those in the namespace of a release are started for the first who asks. */
  standIn(
    place: Place,
    namespaces: readonly string[],
    signal: AbortSignal,
    awaiting: (what: string) => void,
  ): Promise<readonly Standing[]>;
  /** Whether the cluster enforces NetworkPolicies; found out once. */
  enforced(clock: Clock, signal: AbortSignal): Promise<boolean>;
  /** Pods that stand for others, in the order given; they are there until `removePods`. */
  startFor(
    who: readonly WhoPlan[],
    searches: readonly string[],
    signal: AbortSignal,
    awaiting: (what: string) => void,
  ): Promise<readonly Standing[]>;
  removePods(pods: readonly Standing[]): Promise<void>;
}

const wall = 'wall';
const limitMs = 3 * 60_000;
const removeMs = 20_000;
const dialMs = 10_000;

/** Brings up the pods from which the checks look, while the releases are still on the way. */
export function groundTask(options: GroundOptions): Task<Ground> {
  const { groups, cluster, facts, delivery } = options;
  return {
    id: 'pods of checks',
    phase: 'checks',
    title: 'start the pods of checks',
    needs: [cluster, facts, ...(delivery === undefined ? [] : [delivery])],
    limitMs,
    async run(context) {
      const handle = context.output(cluster);
      const { nameserver, network, ketRun } = context.output(facts);
      const { kube, kubeconfig } = handle;
      const { signal } = context;
      const { runId, state } = options;
      const namespace = namespaceOf(runId);
      const object = { apiVersion: 'v1', kind: 'Namespace', name: namespace };
      await state.add({ type: 'object', kubeconfig, ...object });
      await kube.create(namespaceFor(runId), signal);
      if (options.registries !== undefined)
        await kube.create(pullSecretFor(namespace, await options.registries.pullSecret()), signal);
      const program = programs(kube, options, kubeconfig, ketRun);
      await program(namespace, signal);
      const nodes = await nodesForPods(kube, signal);
      const nodeNames = nodes.map(({ metadata }) => metadata?.name ?? '');
      const image = options.image ?? imageOn(nodes);
      const pod: PodFacts = {
        ...{ runId, image, nameserver, domain: network.domain },
        pullSecret: options.registries === undefined ? undefined : pullSecretName,
      };
      const of = (everyNode: boolean): string[] => (everyNode ? nodeNames : nodeNames.slice(0, 1));
      const own = groups.filter(({ place }) => place === undefined);
      const asked = own.flatMap(({ namespaces, everyNode }, group) =>
        of(everyNode).map((node, index) => ({
          key: groupKey(undefined, namespaces),
          pod: podFor(pod, {
            ...{ namespace, node, searches: [namespace, ...namespaces] },
            name: `probe-${String(group + 1)}-${String(index + 1)}`,
          }),
        })),
      );
      const walls = options.needsWall
        ? [podFor(pod, { name: wall, namespace, labels: wallLabels, searches: [namespace] })]
        : [];
      const pods = [...asked.map((one) => one.pod), ...walls];
      const standing = await startPods(kube, namespace, pods, signal, (what) => context.awaiting(what));
      let made = 0;
      const nameOfNext = (): string => {
        made += 1;
        return `ket-${runId}-check-${String(made)}`;
      };
      let found: Promise<boolean> | undefined;
      const inReleases = new Map<string, Promise<readonly Standing[]>>();
      const startIn = async (
        place: string,
        namespaces: readonly string[],
        checkSignal: AbortSignal,
        awaiting: (what: string) => void,
      ): Promise<readonly Standing[]> => {
        const key = groupKey(place, namespaces);
        const everyNode = groups.some(
          (group) => groupKey(group.place, group.namespaces) === key && group.everyNode,
        );
        const owner = await program(place, checkSignal);
        const searches = [...new Set([place, ...namespaces])];
        const wanted = of(everyNode).map((node) =>
          podFor(pod, { name: nameOfNext(), namespace: place, node, owner, searches }),
        );
        for (const { metadata } of wanted)
          await state.add({
            ...{ type: 'object', kubeconfig, apiVersion: 'v1', kind: 'Pod', namespace: place },
            name: metadata?.name ?? '',
          });
        const started = await startPods(kube, place, wanted, checkSignal, awaiting);
        return started.map((one) => ({ ...one, guest: true }));
      };
      const ownPods = (namespaces: readonly string[]): Standing[] =>
        standing.filter((_, index) => asked[index]?.key === groupKey(undefined, namespaces));
      return {
        domain: network.domain,
        pods: ownPods,
        standIn(place, namespaces, checkSignal, awaiting) {
          if (place === undefined) return Promise.resolve(ownPods(namespaces));
          const key = groupKey(place, namespaces);
          const there = inReleases.get(key) ?? startIn(place, namespaces, checkSignal, awaiting);
          inReleases.set(key, there);
          // One who gave up leaves the start to the next.
          there.catch(() => inReleases.delete(key));
          return there;
        },
        async dial({ namespaces, host, port, signal: dialSignal }) {
          const [from] = ownPods(namespaces);
          if (from === undefined) throw new KetError('KET_INTERNAL', 'there is no pod to connect from');
          return connectFrom(kube, from, { host, port, limitMs: dialMs, signal: dialSignal });
        },
        enforced(clock, checkSignal) {
          const [from] = standing;
          const shut = standing.find((one) => one.pod === wall);
          if (from === undefined || shut === undefined)
            throw new KetError('KET_INTERNAL', 'no pods for a check of policies');
          return (found ??= enforces(kube, { runId, from, wall: shut }, clock, checkSignal));
        },
        async startFor(who, searches, checkSignal, awaiting) {
          const wanted = await Promise.all(
            who.map(async (one) => ({ ...one, owner: await program(one.namespace, checkSignal) })),
          );
          const named = wanted.map(({ namespace: where, labels, owner }) => ({
            where,
            pod: podFor(pod, { name: nameOfNext(), namespace: where, labels, owner, searches }),
          }));
          const spaces = [...new Set(named.map(({ where }) => where))];
          const started = await Promise.all(
            spaces.map((where) => {
              const there = named.filter((one) => one.where === where).map((one) => one.pod);
              return startPods(kube, where, there, checkSignal, awaiting);
            }),
          );
          const all = started.flat();
          return named.flatMap((one) => all.find(({ pod: name }) => name === one.pod.metadata?.name) ?? []);
        },
        async removePods(gone) {
          const removing = AbortSignal.timeout(removeMs);
          await Promise.all(
            gone.map(({ namespace: where, pod: name }) =>
              kube.delete(
                { apiVersion: 'v1', kind: 'Pod', namespace: where, name },
                { graceSeconds: 0 },
                removing,
              ),
            ),
          );
        },
      };
    },
  };
}

/** Makes the ConfigMap with ket-run once in each namespace that asks; resolves with its uid. */
function programs(
  kube: Pick<Kube, 'create' | 'get'>,
  { runId, state }: Pick<GroundOptions, 'runId' | 'state'>,
  kubeconfig: string,
  ketRun: Buffer,
): (namespace: string, signal: AbortSignal) => Promise<string> {
  const made = new Map<string, Promise<string>>();
  const make = async (namespace: string, signal: AbortSignal): Promise<string> => {
    const object = { apiVersion: 'v1', kind: 'ConfigMap', name: programName(runId), namespace };
    if (namespace !== namespaceOf(runId)) await state.add({ type: 'object', kubeconfig, ...object });
    try {
      const { metadata } = await kube.create(programFor(runId, namespace, ketRun), signal);
      return metadata?.uid ?? '';
    } catch (error) {
      if (!(error instanceof KubeError) || error.status !== 404) throw error;
      throw new KetError('KET_CHECK', `there is no namespace ${namespace}, from which a pod is to try`, {
        next: 'see `allow` and `deny` of the check in ket.yaml',
      });
    }
  };
  return (namespace, signal) => {
    const there = made.get(namespace) ?? make(namespace, signal);
    made.set(namespace, there);
    return there;
  };
}

/** The nodes that take pods without any toleration. */
async function nodesForPods(kube: Pick<Kube, 'list'>, signal: AbortSignal): Promise<Wire<V1Node>[]> {
  const nodes = await kube.list<Wire<V1Node>>({ apiVersion: 'v1', kind: 'Node' }, signal);
  const open = nodes.filter(
    ({ spec }) =>
      spec?.unschedulable !== true &&
      !(spec?.taints ?? []).some(({ effect }) => effect !== 'PreferNoSchedule'),
  );
  if (open.length === 0)
    throw new KetError('KET_CHECK', 'no node takes pods: each is cordoned or has a taint', {
      next: 'kubectl uncordon the nodes; checks look from pods without tolerations',
    });
  const nameOf = ({ metadata }: Wire<V1Node>): string => metadata?.name ?? '';
  return open.sort((a, b) => (nameOf(a) < nameOf(b) ? -1 : 1));
}

/**
 * The smallest image that all these nodes have: nothing of it runs, and nothing is pulled. Where it is for other
 * processors or has no file system of its own, as `pause`, makes no difference to a static program.
 */
export function imageOn(nodes: readonly Wire<V1Node>[]): string {
  const [first, ...others] = nodes.map(({ status }) =>
    (status?.images ?? []).flatMap(({ names, sizeBytes = 0 }) =>
      // A name with a tag is one by which the kubelet finds it again.
      (names ?? []).filter((name) => !name.includes('@')).map((name) => ({ name, sizeBytes })),
    ),
  );
  const common = (first ?? []).filter(({ name }) =>
    others.every((images) => images.some((other) => other.name === name)),
  );
  const [smallest] = common.sort((a, b) => a.sizeBytes - b.sizeBytes);
  if (smallest !== undefined) return smallest.name;
  throw new KetError('KET_CHECK', "no image is on all nodes, and ket's own pods need one", {
    next: 'give a suite of the tier an `image`, or list one in its `images`',
  });
}
