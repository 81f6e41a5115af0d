import path from 'node:path';
import { formatMs, plural } from '../../model/format.ts';
import type { ContainerRef } from '../../model/kube.ts';
import type { SuitePlan } from '../../model/plan.ts';
import type { TaskContext } from '../../model/task.ts';
import type { PodResult } from '../verdict/attempt-result.ts';
import { bringHome, type Home } from '../collect/bring-home.ts';
import { untilRecord } from '../collect/ask.ts';
import { mainContainerOf, sidecar } from '../job/in-pod.ts';
import { collectMs, type AttemptLimits } from '../limits.ts';
import { followLive, liveLogFile, type LiveLog } from './live-log.ts';
import type { AttemptId } from '../names.ts';
import { Pending } from './pending.ts';
import { endPod, stoppedBy, type EndState, type PodPlace } from './pod-end.ts';
import { disruption, hasEnded, type KubeEvent, type Pod } from './pod-state.ts';
import { takeSnapshots, type Adopted } from '../collect/snapshots.ts';
import { tellUnavailable, type Telling } from '../collect/unavailable.ts';
import { lostPod } from './take-up.ts';
import { untilEnded, type Ended } from './until-ended.ts';
import type { Part } from './view.ts';
import { untilOrTick } from './wait.ts';
import type { SuiteWorld } from '../world.ts';

/** After ket-run's KILL the record is written within moments. */
const recordSlackMs = 5_000;

/** Time for what is still worth saving after a cancel. */
const afterStopMs = 15_000;

/** What the cluster says of one pod. */
export interface PodView {
  /** At most the one pod, and one that took its place. */
  readonly pods: Part<Pod>;
  readonly events: Part<KubeEvent>;
}

/** One pod of an attempt: until it starts, while it runs, its results brought home, and the verdict on it. */
export class PodRun {
  readonly #world: SuiteWorld;
  readonly #suite: SuitePlan;
  readonly #id: AttemptId;
  readonly #place: PodPlace;
  readonly #limits: AttemptLimits;
  readonly #context: TaskContext;
  /** Ends what is urgent about it: its start, and the way from its end to its verdict. */
  #settled: () => void = () => undefined;

  constructor(
    world: SuiteWorld,
    suite: SuitePlan,
    id: AttemptId,
    place: PodPlace,
    limits: AttemptLimits,
    context: TaskContext,
  ) {
    this.#world = world;
    this.#suite = suite;
    this.#id = id;
    this.#place = place;
    this.#limits = limits;
    this.#context = context;
  }

  async run(view: PodView): Promise<PodResult> {
    const { calm } = this.#world;
    const { letGo, ...result } = await calm.ofPod(async () => {
      this.#settled = calm.urgent();
      try {
        const state = await this.#toItsEnd(view);
        return await endPod(this.#world, this.#suite, this.#id, this.#place, state, this.#context);
      } finally {
        this.#settled();
      }
    });
    return letGo === undefined ? result : { ...result, told: calm.come(this.#context.signal).then(letGo) };
  }

  async #toItsEnd({ pods, events }: PodView): Promise<EndState> {
    const { signal } = this.#context;
    const { clock } = this.#context.deps;
    const known = this.#world.journal.started(this.#id, this.#place.index);
    if (known !== undefined) {
      const now = await this.#orCancelled(() =>
        pods.until((items) => items.find(({ metadata }) => metadata?.uid === known) ?? 'gone', signal),
      );
      if (now === 'gone') return { ...lostPod(this.#place.outDir, 'the pod went'), uid: known, events };
      return now === undefined
        ? { ...stoppedBy(signal), uid: known, events }
        : { ...(await this.#watch(now, pods)), events };
    }
    const seen = new Pending(clock.monotonic());
    const start = await this.#orCancelled(() =>
      untilOrTick(
        pods,
        (items) =>
          seen.start(
            items[0],
            events.items(),
            clock.monotonic(),
            this.#limits.pendingMs,
            (what) => this.#context.awaiting(what),
            this.#world.mayGetRoom(),
          ),
        signal,
      ),
    );
    if (start === undefined) return { ...stoppedBy(signal), pod: seen.pod, events };
    if ('infraClass' in start) return { neverRan: start, pod: seen.pod, events };
    return { ...(await this.#watch(start, pods)), events };
  }

  async #watch(pod: Pod, pods: Part<Pod>): Promise<EndState> {
    const { kube } = this.#world;
    const { signal, deps } = this.#context;
    const uid = pod.metadata?.uid ?? '';
    const podName = pod.metadata?.name ?? '';
    const current = (): Pod | undefined => pods.items().find((p) => p.metadata?.uid === uid);
    this.#world.journal.start(this.#id, this.#place.index, uid);
    this.#settled();
    const live = this.#follow(pod, current);
    const { outDir } = this.#place;
    const container = this.#container(podName, sidecar);
    const snapshots = takeSnapshots({
      ...{ kube, clock: deps.clock, container, outDir },
      caps: this.#suite.caps,
    });
    const telling = this.#tellUnavailable(container);
    this.#context.awaiting(`${this.#suite.name} to end`);
    let ended: Ended | undefined;
    try {
      ended = await this.#orCancelled(() => untilEnded(pods, pod, this.#limits, deps.clock, signal));
      this.#settled = this.#world.calm.urgent();
      if (ended?.how === 'leaving') await this.#awaitRecord(podName, this.#limits.killMs + recordSlackMs);
    } finally {
      await snapshots.stop();
      await telling?.stop();
    }
    const stopped = ended === undefined;
    const collecting = deps.clock.monotonic();
    const collected: Home =
      ended?.how === 'gone'
        ? { error: 'the pod is gone' }
        : await this.#collect(podName, ended?.pod ?? current() ?? pod, stopped);
    const stepMs = deps.clock.monotonic() - collecting;
    this.#context.emit({ type: 'task-step', task: `suite ${this.#id.suite}`, step: 'results', stepMs });
    if (collected.error !== undefined) this.#say(snapshots.adopt());
    snapshots.discard();
    await live.end(stopped ? 500 : 10_000);
    return {
      ...(stopped ? stoppedBy(signal) : {}),
      pod: current() ?? ended?.pod ?? pod,
      uid,
      // What took the pod also took what was not yet here.
      podGone: ended?.how === 'gone' || (collected.error !== undefined && current() === undefined),
      ...(ended?.gaveUp === undefined ? {} : { gaveUp: ended.gaveUp }),
      ...(collected.error === undefined ? {} : { collectError: collected.error }),
      live: { ended: live.ended(), stored: live.stored() },
      ...(collected.finish === undefined ? {} : { finish: collected.finish }),
      ...(collected.manifest === undefined ? {} : { manifest: collected.manifest }),
      podName,
    };
  }

  /** Says that it has started, and gives out its log line by line. */
  #follow(pod: Pod, current: () => Pod | undefined): LiveLog {
    const { name = '' } = pod.metadata ?? {};
    const node = pod.spec?.nodeName;
    const { index, namespace, outDir } = this.#place;
    this.#context.emit({
      type: 'attempt-started',
      suite: this.#id.suite,
      attempt: this.#id.attempt,
      ...(index === undefined ? {} : { index }),
      namespace,
      pod: name,
      ...(node === undefined ? {} : { node }),
    });
    return followLive({
      kube: this.#world.kube,
      container: this.#container(name, mainContainerOf(this.#suite)),
      finished: () => {
        const now = current();
        return now === undefined || hasEnded(now);
      },
      file: path.join(outDir, liveLogFile),
      id: this.#id,
      ...(index === undefined ? {} : { index }),
      emit: (event) => this.#context.emit(event),
      room: () => this.#context.room(),
    });
  }

  #tellUnavailable(container: ContainerRef): Telling | undefined {
    const { kube, unavailable } = this.#world;
    if (unavailable === undefined) return undefined;
    return tellUnavailable({
      ...{ kube, container, clock: this.#context.deps.clock },
      releases: () =>
        Object.fromEntries([...unavailable].filter(([release]) => this.#suite.needs.includes(release))),
      say: (text) =>
        this.#context.emit({ type: 'notice', level: 'warning', text: `${this.#suite.name}: ${text}` }),
    });
  }

  #container(pod: string, container: string): ContainerRef {
    return { namespace: this.#place.namespace, pod, container };
  }

  #say(adopted: Adopted | undefined): void {
    if (adopted === undefined) return;
    const age = formatMs(this.#context.deps.clock.now() - adopted.at);
    const files = plural(adopted.files, 'file');
    const text = `${this.#suite.name}: ${files} of its results came over while it ran, ${age} ago`;
    this.#context.emit({ type: 'notice', level: 'warning', text });
  }

  /**
   * The kubelet says nothing of a pod on its way out until all its containers are gone, and the sidecar waits for ket:
   * so that the command has ended is learned from its record.
   */
  async #awaitRecord(pod: string, limitMs: number): Promise<void> {
    this.#context.awaiting('the command to end in a pod that was told to go');
    const { kube } = this.#world;
    await untilRecord(
      { kube, container: this.#container(pod, sidecar) },
      this.#context.deps.clock,
      AbortSignal.any([this.#context.signal, AbortSignal.timeout(limitMs)]),
    );
  }

  /** After a stop, as far as a short while allows. */
  async #collect(pod: string, latest: Pod, stopped: boolean): Promise<Home> {
    this.#context.awaiting('results');
    const { kube, keepFailedMs } = this.#world;
    return bringHome({
      kube,
      container: this.#container(pod, sidecar),
      outDir: this.#place.outDir,
      caps: this.#suite.caps,
      pod: latest,
      // A lost node hardly gives anything, and an answer of it would be waited for long.
      limitMs: stopped || disruption(latest)?.infraClass === 'node-lost' ? afterStopMs : collectMs,
      keepUntil: () =>
        stopped || keepFailedMs === 0 ? undefined : this.#context.deps.clock.now() + keepFailedMs,
    });
  }

  /** Undefined when the run was cancelled meanwhile, or the task's limit is over. */
  async #orCancelled<T>(body: () => Promise<T>): Promise<T | undefined> {
    try {
      return await body();
    } catch (error) {
      if (this.#context.signal.aborted) return undefined;
      throw error;
    }
  }
}
