import type { Kube, Reflector } from '../../model/kube.ts';
import { labels } from '../../model/labels.ts';
import type { Pool, Task } from '../../model/task.ts';
import { isOver, type Pod } from '../pod/pod-state.ts';
import { couldFit, fits, freeRooms, type Amount } from './room.ts';
import { openView, type ClusterView } from '../pod/view.ts';

/** What the admission must know of a suite. */
interface Expected {
  readonly suite: string;
  /** Undefined for a process of this machine. */
  readonly wanted: Amount | undefined;
  /** How many pods that want it. */
  readonly count: number;
  readonly mayRetry: boolean;
}

/** Where what the nodes have free cannot be read. */
const blindly = 4;

/**
 * Lets so many suites run at once as the nodes have room for, so that no pod waits for a place while it counts as
 * running. Room is what the nodes can allocate less what every pod on them asks for, whoever made it, and less what
 * the suites will ask for that were let in and have no place yet.
 */
export class Admission implements Pool {
  readonly #runId: string;
  readonly #limit: number;
  readonly #expected = new Map<Task, Expected>();
  readonly #stop = new AbortController();
  #view: ClusterView | undefined;
  #next: Promise<void> | undefined;
  #blind = false;
  /** Those for which there was no place when it was asked last. */
  readonly #refused = new Set<Task>();

  constructor(runId: string, limit: number | undefined) {
    this.#runId = runId;
    this.#limit = limit ?? Infinity;
  }

  /** Fires when suites that run shall end, because one has failed and that is enough. */
  get stopped(): AbortSignal {
    return this.#stop.signal;
  }

  expect(task: Task, expected: Expected): void {
    this.#expected.set(task, expected);
  }

  /** The watches of the cluster, opened by the first who asks. */
  open(kube: Kube): ClusterView {
    this.#view ??= openView(kube);
    return this.#view;
  }

  /** A suite waits for a place. */
  get isPlaceWanted(): boolean {
    return this.#refused.size > 0;
  }

  admits(task: Task, running: readonly Task[]): boolean {
    const admitted = this.#hasPlace(task, running);
    if (admitted) this.#refused.delete(task);
    else this.#refused.add(task);
    return admitted;
  }

  #hasPlace(task: Task, running: readonly Task[]): boolean {
    if (running.length >= this.#limit) return false;
    // What does not fit alone will not fit later: its pod says why.
    if (running.length === 0) return true;
    const { wanted, count = 1 } = this.#expected.get(task) ?? {};
    if (wanted === undefined) return true;
    if (this.#blind) return running.length < blindly;
    if (this.#view === undefined) return false;
    const nodes = this.#view.nodes.items();
    if (nodes.length > 0 && !couldFit(nodes, wanted)) return true;
    const pods = this.#view.pods.items();
    const waiting = running.flatMap((other) => {
      const expected = this.#expected.get(other);
      if (expected?.wanted === undefined || !couldFit(nodes, expected.wanted)) return [];
      return Array<Amount>(this.#withoutPlace(expected)).fill(expected.wanted);
    });
    const others = Array<Amount>(count - 1).fill(wanted);
    return fits(freeRooms(nodes, pods), [...waiting, ...others], wanted);
  }

  /** Whether a node could hold a suite of which others of the run have a part now. */
  mayGetRoom(task: Task): boolean {
    const { suite, wanted, count = 1 } = this.#expected.get(task) ?? {};
    if (wanted === undefined || this.#view === undefined || !couldFit(this.#view.nodes.items(), wanted))
      return false;
    return this.#podsOfRun().some(({ metadata, spec, status }) => {
      const of = metadata?.labels?.[labels.suite];
      // One of several may wait for the others; pods of checks stay as long as the run.
      const gives = of !== undefined && (count > 1 || of !== suite);
      return gives && spec?.nodeName !== undefined && status?.phase === 'Running';
    });
  }

  #podsOfRun(): readonly Pod[] {
    const pods = this.#view?.pods.items() ?? [];
    return pods.filter(({ metadata }) => metadata?.labels?.[labels.run] === this.#runId);
  }

  /** How many of its pods were let in, and the scheduler has not counted them yet, or will count them again. */
  #withoutPlace({ suite, count, mayRetry }: Expected): number {
    const own = this.#podsOfRun().filter(({ metadata }) => metadata?.labels?.[labels.suite] === suite);
    const live = own.filter((pod) => !isOver(pod));
    if (live.length === 0) return own.length === 0 || mayRetry ? count : 0;
    const attemptOf = ({ metadata }: Pod): number => Number(metadata?.labels?.[labels.attempt] ?? 1);
    const latest = Math.max(...live.map(attemptOf));
    const placed = own.filter((pod) => attemptOf(pod) === latest && pod.spec?.nodeName !== undefined);
    return Math.max(0, count - placed.length);
  }

  closed(): string | undefined {
    return this.#stop.signal.aborted ? (this.#stop.signal.reason as Error).message : undefined;
  }

  /** No suite is started any more, and those that run are stopped. */
  close(reason: Error): void {
    if (!this.#stop.signal.aborted) this.#stop.abort(reason);
  }

  changed(): Promise<void> {
    const view = this.#view;
    if (view === undefined || this.#blind) return new Promise(() => undefined);
    this.#next ??= untilChange(view)
      // A user who may not see all pods: suites are counted instead.
      .catch(() => void (this.#blind = true))
      .finally(() => (this.#next = undefined));
    return this.#next;
  }
}

async function untilChange({ nodes, pods }: ClusterView): Promise<void> {
  const over = new AbortController();
  try {
    await Promise.race([nextChange(nodes, over.signal), nextChange(pods, over.signal)]);
  } finally {
    over.abort();
  }
}

/** Resolves at the first state that is not the present one. */
async function nextChange<T>(watch: Reflector<T>, signal: AbortSignal): Promise<void> {
  const now = watch.items();
  await watch.until((items) => (items === now ? undefined : true), signal);
}
