import { formatMs } from '../../model/format.ts';
import { queueMs } from '../limits.ts';
import {
  disruption,
  hasEnded,
  hasStarted,
  whyNoPod,
  whyNotStarted,
  type KubeEvent,
  type NeverRan,
  type Pod,
} from './pod-state.ts';

const deleted: NeverRan = {
  infraClass: 'deleted',
  message: 'the pod was deleted before it started',
  graceMs: 0,
};

/** The way of a Job to its running pod: what has been seen of a pod that has not started, with since when. */
export class Pending {
  pod: Pod | undefined;
  readonly #first: number;
  #began: number;
  #why: NeverRan | undefined;
  #whySince = 0;

  constructor(began: number) {
    this.#first = began;
    this.#began = began;
  }

  /** The started pod, or why it never will; undefined while that is open. `mayGetRoom`: others of the run hold room. */
  start(
    pod: Pod | undefined,
    events: readonly KubeEvent[],
    now: number,
    pendingMs: number,
    awaiting: (what: string) => void,
    mayGetRoom = false,
  ): Pod | NeverRan | undefined {
    if (pod === undefined && this.pod !== undefined) return deleted;
    if (pod !== undefined) this.pod = pod;
    if (pod !== undefined && hasStarted(pod)) {
      const early = whyNotStarted(pod);
      return early?.graceMs === 0 ? early : pod;
    }
    const why = pod === undefined ? whyNoPod(events) : whyNotStarted(pod);
    if (why?.infraClass !== this.#why?.infraClass) this.#whySince = now;
    this.#why = why;
    if (why !== undefined && now - this.#whySince >= why.graceMs) return why;
    if (pod !== undefined && hasEnded(pod)) {
      const taken = disruption(pod);
      if (taken !== undefined) return taken.infraClass === 'deleted' ? deleted : { ...taken, graceMs: 0 };
      return {
        infraClass: 'configuration',
        graceMs: 0,
        message: `the pod ended before the suite started: ${pod.status?.message ?? pod.status?.reason ?? pod.status?.phase ?? ''}`,
      };
    }
    const queued = mayGetRoom && why?.infraClass === 'unschedulable' && now - this.#first < queueMs;
    // Its time does not run while others hold the room that it would have.
    if (queued) this.#began = now;
    if (now - this.#began >= pendingMs)
      return {
        infraClass: why?.infraClass ?? 'lost-contact',
        graceMs: 0,
        message: `the pod did not start within ${formatMs(pendingMs)}: ${why?.message ?? 'the cluster gives no reason'}`,
      };
    if (queued) awaiting(`queued: ${why.message}`);
    else awaiting(why?.message ?? (pod === undefined ? 'a pod for the Job' : 'the pod to start'));
    return undefined;
  }
}
