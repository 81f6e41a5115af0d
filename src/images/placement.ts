import type { V1PodSpec } from '@kubernetes/client-node';
import type { Wire } from '../model/kube.ts';
import type { NodeFacts, Taint } from '../model/node-facts.ts';

/** Where a pod wants to run. */
export type PlacedPod = Pick<Wire<V1PodSpec>, 'nodeName' | 'nodeSelector' | 'affinity' | 'tolerations'>;

/** Whether the scheduler may put the pod there, by its name, selectors, required affinity and tolerations. True when unsure. */
export function mayRunOn(pod: PlacedPod, node: NodeFacts): boolean {
  if (pod.nodeName !== undefined && pod.nodeName !== '') return pod.nodeName === node.name;
  const selected = Object.entries(pod.nodeSelector ?? {}).every(([key, value]) =>
    fits({ key, operator: 'In', values: [value] }, node),
  );
  const terms = pod.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms;
  const liked =
    terms === undefined ||
    terms.some(
      (term) =>
        (term.matchExpressions ?? []).every((one) => fits(one, node)) &&
        (term.matchFields ?? []).every((one) => fieldFits(one, node)),
    );
  return selected && liked && node.taints.every((taint) => isTolerated(taint, pod.tolerations ?? []));
}

interface Requirement {
  readonly key: string;
  readonly operator: string;
  readonly values?: readonly string[];
}

function fits({ key, operator, values = [] }: Requirement, { labels, mayHaveMore }: NodeFacts): boolean {
  const value = labels[key];
  if (value === undefined && mayHaveMore) return true;
  switch (operator) {
    case 'In':
      return value !== undefined && values.includes(value);
    case 'NotIn':
      return value === undefined || !values.includes(value);
    case 'Exists':
      return value !== undefined;
    case 'DoesNotExist':
      return value === undefined;
    default:
      return true;
  }
}

const fieldFits = ({ key, operator, values = [] }: Requirement, { name }: NodeFacts): boolean =>
  key !== 'metadata.name' || (operator === 'NotIn' ? !values.includes(name) : values.includes(name));

type Toleration = NonNullable<PlacedPod['tolerations']>[number];

/** Taints that come and go with a node's state say nothing about where a pod will run. */
const ofState = /^node\.(kubernetes|cloudprovider\.kubernetes)\.io\//;

function isTolerated(taint: Taint, tolerations: readonly Toleration[]): boolean {
  if (taint.effect === 'PreferNoSchedule' || ofState.test(taint.key)) return true;
  return tolerations.some(
    ({ key = '', operator = 'Equal', value = '', effect = '' }) =>
      (effect === '' || effect === taint.effect) &&
      (key === '' ? operator === 'Exists' : key === taint.key) &&
      (operator === 'Exists' || value === (taint.value ?? '')),
  );
}
