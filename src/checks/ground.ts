import type { V1Node } from '@kubernetes/client-node';
import type { Clock } from '../model/deps.ts';
import { KetError } from '../model/errors.ts';
import type { Kube, Wire } from '../model/kube.ts';
import type { CheckPlan, WhoPlan } from '../model/plan.ts';
import type { ClusterHandle, RegistryAccess } from '../model/run.ts';
import type { StateFile } from '../model/state.ts';
import type { Task } from '../model/task.ts';
import { pullSecretFor, pullSecretName } from '../kube/pull-secret.ts';
import { KubeError } from '../kube/error.ts';
import { enforces, wallLabels } from './enforcement.ts';
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
  /** Of one of the suites. */
  readonly image: string;
  readonly registries?: RegistryAccess | undefined;
  /** That look from pods. */
  readonly checks: readonly CheckPlan[];
  readonly cluster: Task<ClusterHandle>;
  readonly facts: Task<ClusterPart>;
  /** Done when the image is on the nodes. */
  readonly delivery: Task | undefined;
}

/** The pods of ket's from which checks look. */
export interface Ground {
  readonly domain: string;
  /** Those in which short names are of these namespaces, one on each node where a check wants that. */
  pods(namespaces: readonly string[]): readonly Standing[];
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

/** Checks with the same namespaces look from the same pods; on every node where one of them is about the network. */
export function groupsOf(
  checks: readonly CheckPlan[],
): { namespaces: readonly string[]; everyNode: boolean }[] {
  const groups = new Map<string, { namespaces: readonly string[]; everyNode: boolean }>();
  for (const { namespaces, look } of checks) {
    const key = namespaces.join(' ');
    const everyNode = look.kind === 'network' || groups.get(key)?.everyNode === true;
    groups.set(key, { namespaces, everyNode });
  }
  return [...groups.values()];
}

/** Brings up the pods from which the checks look, while the releases are still on the way. */
export function groundTask(options: GroundOptions): Task<Ground> {
  const { checks, cluster, facts, delivery } = options;
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
      const { runId, state, image } = options;
      const pod: PodFacts = {
        ...{ runId, image, nameserver, domain: network.domain },
        pullSecret: options.registries === undefined ? undefined : pullSecretName,
      };
      const namespace = namespaceOf(runId);
      const object = { apiVersion: 'v1', kind: 'Namespace', name: namespace };
      await state.add({ type: 'object', kubeconfig, ...object });
      await kube.create(namespaceFor(runId), signal);
      if (options.registries !== undefined)
        await kube.create(pullSecretFor(namespace, await options.registries.pullSecret()), signal);
      const program = programs(kube, options, kubeconfig, ketRun);
      await program(namespace, signal);
      const nodes = await nodesForPods(kube, signal);
      const groups = groupsOf(checks);
      const asked = groups.flatMap(({ namespaces, everyNode }, group) =>
        (everyNode ? nodes : nodes.slice(0, 1)).map((node, index) => ({
          group,
          pod: podFor(pod, {
            ...{ namespace, node, searches: [namespace, ...namespaces] },
            name: `probe-${String(group + 1)}-${String(index + 1)}`,
          }),
        })),
      );
      const needsWall = checks.some(({ look }) => look.kind === 'policy');
      const walls = needsWall
        ? [podFor(pod, { name: wall, namespace, labels: wallLabels, searches: [namespace] })]
        : [];
      const pods = [...asked.map((one) => one.pod), ...walls];
      const standing = await startPods(kube, namespace, pods, signal, (what) => context.awaiting(what));
      let made = 0;
      let found: Promise<boolean> | undefined;
      return {
        domain: network.domain,
        pods: (namespaces) => {
          const wanted = groups.findIndex((group) => group.namespaces.join(' ') === namespaces.join(' '));
          return standing.filter((_, index) => asked[index]?.group === wanted);
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
          const named = wanted.map(({ namespace: where, labels, owner }) => {
            made += 1;
            const name = `ket-${runId}-check-${String(made)}`;
            return { where, pod: podFor(pod, { name, namespace: where, labels, owner, searches }) };
          });
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
async function nodesForPods(kube: Pick<Kube, 'list'>, signal: AbortSignal): Promise<string[]> {
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
  return open.map(({ metadata }) => metadata?.name ?? '').sort();
}
