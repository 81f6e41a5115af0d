import {
  allocatable,
  minus,
  none,
  requestsOf,
  takesPods,
  type Amount,
  type Node,
} from '../../model/amount.ts';
import { isOver, type Pod } from '../pod/pod-state.ts';

export { requestsOf, type Amount, type Node };

/** Sums of thousandths are not exact in binary; less than a thousandth of a core decides nothing. */
const slack = 1e-4;
const within = (a: Amount, room: Amount): boolean =>
  a.cpu <= room.cpu + slack && a.memory <= room.memory + slack && a.pods <= room.pods;

/** What is free on each node that takes pods. */
export function freeRooms(nodes: readonly Node[], pods: readonly Pod[]): Amount[] {
  return nodes
    .filter(takesPods)
    .map((node) =>
      pods
        .filter((pod) => pod.spec?.nodeName === node.metadata?.name && !isOver(pod))
        .reduce(
          (room, pod) => (pod.spec === undefined ? room : minus(room, requestsOf(pod.spec))),
          allocatable(node),
        ),
    );
}

/**
 * Whether there is a place for one more, after those that have none yet got theirs: each, the largest first, on the
 * node with the most free CPU, as the scheduler spreads them.
 */
export function fits(rooms: readonly Amount[], waiting: readonly Amount[], wanted: Amount): boolean {
  const left = [...rooms];
  for (const amount of [...waiting].sort((a, b) => b.cpu - a.cpu || b.memory - a.memory)) {
    const [best] = [...left.keys()]
      .filter((index) => within(amount, left[index] ?? none))
      .sort((a, b) => (left[b]?.cpu ?? 0) - (left[a]?.cpu ?? 0));
    if (best === undefined) return false;
    left[best] = minus(left[best] ?? none, amount);
  }
  return left.some((room) => within(wanted, room));
}

/** Whether any node could ever hold it, were it empty. */
export const couldFit = (nodes: readonly Node[], wanted: Amount): boolean =>
  nodes.some((node) => within(wanted, allocatable(node)));
