import fs from 'node:fs';
import path from 'node:path';
import { randomBytes } from 'node:crypto';
import { KetError, messageOf } from '../model/errors.ts';
import { formatMs } from '../model/format.ts';
import type { ContainerRef } from '../model/kube.ts';
import type { SuitePlan } from '../model/plan.ts';
import type { TaskContext } from '../model/task.ts';
import type { AttemptResult, EndState } from './attempt-result.ts';
import { readRecord, saveObjects, settleConsole } from './attempt-files.ts';
import { manifestsFor } from './attempt-objects.ts';
import { Created } from './created.ts';
import { bringHome, type Home } from './bring-home.ts';
import { untilRecord } from './collect.ts';
import { mainContainer, sidecar } from './job.ts';
import { attemptLimits, collectMs, type AttemptLimits } from './limits.ts';
import { followLive, liveLogFile } from './live-log.ts';
import { attemptLabels, attemptName, type AttemptId } from './names.ts';
import { podOutbound } from './outbound.ts';
import { Pending } from './pending.ts';
import { hasEnded, hasStarted, type KubeEvent, type Pod } from './pod-state.ts';
import { readResults } from './proof.ts';
import { whyRefused } from './refused.ts';
import { untilEnded, type Ended } from './until-ended.ts';
import { verdictOf } from './verdict.ts';
import { takeSnapshots, type Adopted } from './snapshots.ts';
import { partOf, type Part } from './view.ts';
import { untilOrTick } from './wait.ts';
import { neededNamespaces, type SuiteWorld } from './world.ts';

/** After ket-run's KILL the record is written within moments. */
const recordSlackMs = 5_000;

/** Time for what is still worth saving after a cancel. */
const afterStopMs = 15_000;

/** One attempt of a suite: its own namespace, one Job, its results brought home, and the verdict. */
export async function runAttempt(
  world: SuiteWorld,
  suite: SuitePlan,
  id: AttemptId,
  outDir: string,
  context: TaskContext,
): Promise<AttemptResult> {
  const attempt = new Attempt(world, suite, id, outDir, context);
  return attempt.run();
}

class Attempt {
  readonly #world: SuiteWorld;
  readonly #suite: SuitePlan;
  readonly #id: AttemptId;
  readonly #outDir: string;
  readonly #context: TaskContext;
  readonly #name: string;
  readonly #namespace: string;
  readonly #nonce = randomBytes(16).toString('hex');
  readonly #created: Created;
  readonly #began: number;

  constructor(world: SuiteWorld, suite: SuitePlan, id: AttemptId, outDir: string, context: TaskContext) {
    this.#world = world;
    this.#suite = suite;
    this.#id = id;
    this.#outDir = outDir;
    this.#context = context;
    this.#name = attemptName(id);
    this.#created = new Created(world);
    const release = suite.placement === 'release' ? suite.needs[0] : undefined;
    this.#namespace = release === undefined ? this.#name : (world.namespaces[release] ?? release);
    this.#began = context.deps.clock.monotonic();
  }

  async run(): Promise<AttemptResult> {
    fs.mkdirSync(this.#outDir, { recursive: true, mode: 0o700 });
    const limits = attemptLimits(this.#suite.limitMs, this.#world.keepFailedMs, this.#suite.pendingMs);
    try {
      await this.#create(limits);
    } catch (error) {
      if (this.#context.signal.aborted) return this.#end(this.#stopped());
      return this.#end({ neverRan: whyRefused(error) });
    }
    const { view } = this.#world;
    const wanted = Object.entries(attemptLabels(this.#id));
    const pods = partOf(
      view.pods,
      ({ metadata }) =>
        metadata?.namespace === this.#namespace &&
        wanted.every(([key, value]) => metadata.labels?.[key] === value),
    );
    // In a release's namespace others have events too; those of the Job and its pod begin with the attempt's name.
    const events = partOf(
      view.events,
      ({ metadata, involvedObject }) =>
        metadata.namespace === this.#namespace &&
        (this.#suite.placement === 'own' || involvedObject.name?.startsWith(this.#name) === true),
    );
    return this.#watch(pods, events, limits);
  }

  async #create(limits: AttemptLimits): Promise<void> {
    const { signal } = this.#context;
    this.#context.awaiting('the API server to take the Job');
    const { kube, outbound, network } = this.#world;
    const [suite, namespace] = [this.#suite, this.#namespace];
    const called = [...new Set([namespace, ...neededNamespaces(suite, this.#world)])];
    const all = manifestsFor(this.#world, {
      ...{ suite, id: this.#id, namespace, limits, nonce: this.#nonce },
      outbound: await podOutbound(outbound, kube, network, called, signal),
      now: this.#context.deps.clock.now(),
    });
    for (const object of all) await this.#created.create(object, signal);
  }

  async #watch(pods: Part<Pod>, events: Part<KubeEvent>, limits: AttemptLimits): Promise<AttemptResult> {
    const { kube } = this.#world;
    const { clock } = this.#context.deps;
    const seen = new Pending(clock.monotonic());
    const start = await this.#orCancelled(() =>
      untilOrTick(
        pods,
        (items) =>
          seen.start(
            items[0],
            events.items(),
            clock.monotonic(),
            limits.pendingMs,
            (what) => this.#context.awaiting(what),
            this.#world.mayGetRoom(),
          ),
        this.#context.signal,
      ),
    );
    if (start === undefined) return this.#end({ ...this.#stopped(), pod: seen.pod, events });
    if ('infraClass' in start) return this.#end({ neverRan: start, pod: seen.pod, events });

    const pod = start;
    const uid = pod.metadata?.uid ?? '';
    const podName = pod.metadata?.name ?? '';
    const node = pod.spec?.nodeName;
    this.#context.emit({
      type: 'attempt-started',
      suite: this.#id.suite,
      attempt: this.#id.attempt,
      namespace: this.#namespace,
      pod: podName,
      ...(node === undefined ? {} : { node }),
    });
    const current = (): Pod | undefined => pods.items().find((p) => p.metadata?.uid === uid);
    const live = followLive({
      kube,
      container: this.#container(podName, mainContainer),
      finished: () => {
        const now = current();
        return now === undefined || hasEnded(now);
      },
      file: path.join(this.#outDir, liveLogFile),
      id: this.#id,
      emit: (event) => this.#context.emit(event),
    });

    const container = this.#container(podName, sidecar);
    const snapshots = takeSnapshots({ kube, clock, container, outDir: this.#outDir });
    this.#context.awaiting(`${this.#suite.name} to end`);
    let ended: Ended | undefined;
    try {
      ended = await this.#orCancelled(() => untilEnded(pods, pod, limits, clock, this.#context.signal));
      if (ended?.how === 'leaving') await this.#awaitRecord(podName, limits.killMs + recordSlackMs);
    } finally {
      await snapshots.stop();
    }
    const stopped = ended === undefined;
    const collected: Home =
      ended?.how === 'gone'
        ? { error: 'the pod is gone' }
        : await this.#collect(podName, ended?.pod ?? current() ?? pod, stopped);
    if (collected.error !== undefined) this.#say(snapshots.adopt());
    snapshots.discard();
    await live.end(stopped ? 500 : 10_000);
    return this.#end({
      ...(stopped ? this.#stopped() : {}),
      pod: current() ?? ended?.pod ?? pod,
      uid,
      podGone: ended?.how === 'gone',
      ...(ended?.gaveUp === undefined ? {} : { gaveUp: ended.gaveUp }),
      events,
      ...(collected.error === undefined ? {} : { collectError: collected.error }),
      ...(live.ended() === undefined ? {} : { logComplete: live.ended()?.complete === true }),
      ...(collected.finish === undefined ? {} : { finish: collected.finish }),
      podName,
    });
  }

  #container(pod: string, container: string): ContainerRef {
    return { namespace: this.#namespace, pod, container };
  }

  #say(adopted: Adopted | undefined): void {
    if (adopted === undefined) return;
    const age = formatMs(this.#context.deps.clock.now() - adopted.at);
    const files = `${String(adopted.files)} file${adopted.files === 1 ? '' : 's'}`;
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
      outDir: this.#outDir,
      pod: latest,
      limitMs: stopped ? afterStopMs : collectMs,
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

  /** Only the user cancels; a limit of the task that is over is a lost contact, and a release may have broken. */
  #stopped(): Pick<EndState, 'cancelled' | 'gaveUp' | 'unhealthy'> {
    const reason: unknown = this.#context.signal.reason;
    if (!(reason instanceof KetError)) return { cancelled: messageOf(reason) };
    if (reason.code === 'KET_TIMEOUT') return { gaveUp: reason.message };
    return reason.code === 'KET_RELEASE' ? { unhealthy: reason.message } : { cancelled: reason.message };
  }

  async #end(state: EndState): Promise<AttemptResult> {
    const results = await readResults(path.join(this.#outDir, 'results'));
    const record = readRecord(this.#outDir);
    const lastLines = settleConsole(this.#outDir);
    const { pod } = state;
    const verdict = verdictOf({
      suite: this.#suite,
      ...(state.cancelled === undefined ? {} : { cancelled: state.cancelled }),
      ...(state.unhealthy === undefined ? {} : { unhealthy: state.unhealthy }),
      uid: state.uid ?? '',
      nonce: this.#nonce,
      podGone: state.podGone ?? false,
      junit: results.proof,
      lastLines,
      ...(state.neverRan === undefined ? {} : { neverRan: state.neverRan }),
      ...(pod === undefined ? {} : { pod }),
      ...(state.gaveUp === undefined ? {} : { gaveUp: state.gaveUp }),
      ...(record === undefined ? {} : { record }),
      ...(state.collectError === undefined ? {} : { collectError: state.collectError }),
    });
    const failed = verdict.outcome !== 'passed' && verdict.outcome !== 'skipped';
    saveObjects(this.#outDir, this.#name, pod, state.events?.items() ?? []);
    if (state.collectError !== undefined)
      this.#context.emit({
        type: 'notice',
        level: 'warning',
        text: `${this.#suite.name}: results are not complete: ${state.collectError}`,
      });
    try {
      await state.finish?.(failed);
    } catch (error) {
      // The results are here and checked: an acknowledgement that was not heard changes nothing about them.
      this.#context.emit({
        type: 'notice',
        level: 'warning',
        text: `${this.#suite.name}: ${messageOf(error)}`,
      });
    }
    const kept = failed && this.#world.keepFailedMs > 0 && verdict.outcome !== 'cancelled';
    if (!this.#world.ephemeral && !kept) await this.#created.remove((event) => this.#context.emit(event));
    const ms = this.#context.deps.clock.monotonic() - this.#began;
    return {
      verdict,
      results,
      lastLines,
      started: pod !== undefined && hasStarted(pod),
      ms,
      ...(record === undefined ? {} : { record }),
      ...(state.logComplete === undefined ? {} : { logComplete: state.logComplete }),
      ...(kept && state.podName !== undefined
        ? { kept: { namespace: this.#namespace, pod: state.podName, container: sidecar } }
        : {}),
    };
  }
}
