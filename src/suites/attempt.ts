import fs from 'node:fs';
import path from 'node:path';
import { randomBytes } from 'node:crypto';
import { stringify } from 'yaml';
import { errorInfo, messageOf } from '../model/errors.ts';
import { formatMs } from '../model/format.ts';
import type { AnyObject, ContainerRef, Kube, Reflector } from '../model/kube.ts';
import type { Verdict } from '../model/outcome.ts';
import type { SuitePlan } from '../model/plan.ts';
import type { ImageFacts } from '../model/run.ts';
import type { TaskContext } from '../model/task.ts';
import { acknowledge, collect, holdUntil, type CollectOptions } from './collect.ts';
import { lastLinesOf } from './console.ts';
import { followLive, liveLogFile } from './live-log.ts';
import { jobFor, mainContainer, sidecar, type Job } from './job.ts';
import { attemptLimits } from './limits.ts';
import { attemptName, attemptSelector, type AttemptId } from './names.ts';
import { namespaceFor, objectsFor, type KetRunPrograms } from './objects.ts';
import { Pending } from './pending.ts';
import { hasEnded, sidecarStatus, type KubeEvent, type NeverRan, type Pod } from './pod-state.ts';
import { readResults, type ResultsReading } from './proof.ts';
import { parseRecord, type RunRecord } from './record.ts';
import { verdictOf } from './verdict.ts';
import { untilOrTick } from './wait.ts';

/** What all attempts of a run share. */
export interface SuiteWorld {
  readonly runId: string;
  readonly kube: Kube;
  readonly template: (suite: SuitePlan) => Job;
  readonly programs: KetRunPrograms;
  readonly arch: 'amd64' | 'arm64';
  /** ClusterIP of the cluster's DNS, and its domain. */
  readonly nameserver: string;
  readonly clusterDomain: string;
  /** Release name to namespace. */
  readonly namespaces: Readonly<Record<string, string>>;
  /** The suite's image, where Docker knows it. */
  readonly image: ImageFacts | undefined;
  /** How long the pod of a failed attempt stays for a look inside, ms; 0: not at all. */
  readonly keepFailedMs: number;
  /** The cluster goes away with the run: nothing in it needs deleting one by one. */
  readonly ephemeral: boolean;
}

export interface AttemptResult {
  readonly verdict: Verdict;
  readonly results: ResultsReading;
  readonly record?: RunRecord;
  readonly lastLines: readonly string[];
  readonly ms: number;
  /** Every line of the log was seen live; undefined when nothing was followed to its end. */
  readonly logComplete?: boolean;
  /** The pod stays for a look inside. */
  readonly kept?: ContainerRef;
}

/** Time for what is still worth saving after a cancel. */
const afterCancelMs = 15_000;

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
  readonly #created: AnyObject[] = [];
  readonly #began: number;

  constructor(world: SuiteWorld, suite: SuitePlan, id: AttemptId, outDir: string, context: TaskContext) {
    this.#world = world;
    this.#suite = suite;
    this.#id = id;
    this.#outDir = outDir;
    this.#context = context;
    this.#name = attemptName(id);
    const release = suite.placement === 'release' ? suite.needs[0] : undefined;
    this.#namespace = release === undefined ? this.#name : (world.namespaces[release] ?? release);
    this.#began = context.deps.clock.monotonic();
  }

  async run(): Promise<AttemptResult> {
    fs.mkdirSync(this.#outDir, { recursive: true, mode: 0o700 });
    const { kube } = this.#world;
    const limits = attemptLimits(this.#suite.limitMs, this.#world.keepFailedMs);
    try {
      await this.#create(limits);
    } catch (error) {
      return this.#end({ neverRan: { infraClass: 'denied', message: messageOf(error) } });
    }
    const pods = kube.reflect<Pod>({
      apiVersion: 'v1',
      kind: 'Pod',
      namespace: this.#namespace,
      labelSelector: attemptSelector(this.#id),
    });
    const events = kube.reflect<KubeEvent>({ apiVersion: 'v1', kind: 'Event', namespace: this.#namespace });
    try {
      return await this.#watch(pods, events, limits);
    } finally {
      pods.close();
      events.close();
    }
  }

  async #create(limits: ReturnType<typeof attemptLimits>): Promise<void> {
    const { kube, namespaces } = this.#world;
    const { signal } = this.#context;
    this.#context.awaiting('the API server to take the Job');
    const needed = this.#suite.needs.map((name) => namespaces[name] ?? name);
    const searches = [...new Set([this.#namespace, ...needed])].map(
      (ns) => `${ns}.svc.${this.#world.clusterDomain}`,
    );
    const job = jobFor({
      id: this.#id,
      suite: this.#suite,
      template: this.#world.template(this.#suite),
      namespace: this.#namespace,
      limits,
      nonce: this.#nonce,
      image: this.#world.image,
      dns: {
        nameserver: this.#world.nameserver,
        searches: [...searches, `svc.${this.#world.clusterDomain}`, this.#world.clusterDomain],
      },
      releaseNamespaces: needed,
      arch: this.#world.arch,
    });
    const objects = objectsFor(this.#id, this.#suite, this.#namespace, needed, this.#world.programs);
    const all = this.#suite.placement === 'own' ? [namespaceFor(this.#id), ...objects] : objects;
    for (const object of [...all, job as unknown as AnyObject]) {
      this.#created.push(object);
      await kube.create(object, signal);
    }
  }

  async #watch(
    pods: Reflector<Pod>,
    events: Reflector<KubeEvent>,
    limits: ReturnType<typeof attemptLimits>,
  ): Promise<AttemptResult> {
    const { kube } = this.#world;
    const { clock } = this.#context.deps;
    const seen = new Pending(clock.monotonic());
    const start = await this.#orCancelled(() =>
      untilOrTick(
        pods,
        (items) =>
          seen.start(items[0], events.items(), clock.monotonic(), limits.pendingMs, (what) =>
            this.#context.awaiting(what),
          ),
        this.#context.signal,
      ),
    );
    if (start === undefined) return this.#end({ cancelled: true, pod: seen.pod, events });
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
      container: { namespace: this.#namespace, pod: podName, container: mainContainer },
      finished: () => {
        const now = current();
        return now === undefined || hasEnded(now);
      },
      file: path.join(this.#outDir, liveLogFile),
      id: this.#id,
      emit: (event) => this.#context.emit(event),
    });

    this.#context.awaiting(`${this.#suite.name} to end`);
    const backstop = clock.monotonic() + limits.suiteMs + limits.killMs + 60_000;
    let latest = pod;
    let gaveUp: string | undefined;
    const ended = await this.#orCancelled(() =>
      untilOrTick(
        pods,
        (items) => {
          const now = items.find((p) => p.metadata?.uid === uid);
          if (now === undefined) return 'gone';
          latest = now;
          if (hasEnded(now)) return 'ended';
          if (clock.monotonic() < backstop) return undefined;
          gaveUp = `the suite did not end within its limit of ${formatMs(limits.suiteMs)}, and its pod no longer reports`;
          return 'ended';
        },
        this.#context.signal,
        1000,
      ),
    );
    const cancelled = ended === undefined;
    const keep = !cancelled && this.#world.keepFailedMs > 0;
    const collected =
      ended === 'gone' ? { error: 'the pod is gone' } : await this.#collect(podName, latest, cancelled, keep);
    latest = current() ?? latest;
    await live.end(cancelled ? 500 : 10_000);
    return this.#end({
      cancelled,
      pod: latest,
      uid,
      podGone: ended === 'gone',
      ...(gaveUp === undefined ? {} : { gaveUp }),
      events,
      ...(collected.error === undefined ? {} : { collectError: collected.error }),
      ...(live.ended() === undefined ? {} : { logComplete: live.ended()?.complete === true }),
      ...(collected.finish === undefined ? {} : { finish: collected.finish }),
      podName,
    });
  }

  /** Results come out before anything else happens to the pod; after a cancel, as far as a short while allows. */
  async #collect(
    pod: string,
    latest: Pod,
    cancelled: boolean,
    keep: boolean,
  ): Promise<{ error?: string; finish?: (failed: boolean) => Promise<void> }> {
    const running = sidecarStatus(latest)?.state?.running !== undefined;
    if (!running) return { error: 'the pod had ended before its results could be read' };
    this.#context.awaiting('results');
    const signal = AbortSignal.timeout(cancelled ? afterCancelMs : attemptLimits(0, 0).collectMs);
    const options: CollectOptions = {
      kube: this.#world.kube,
      container: { namespace: this.#namespace, pod, container: sidecar },
      outDir: this.#outDir,
      signal,
    };
    try {
      const found = await collect(options);
      const error = found.missing.length === 0 ? {} : { error: found.missing.slice(0, 3).join('; ') };
      const finish = async (failed: boolean): Promise<void> => {
        if (keep && failed)
          await holdUntil(options, this.#context.deps.clock.now() + this.#world.keepFailedMs);
        else await acknowledge(options, found.manifest.sha256);
      };
      return { ...error, finish };
    } catch (error) {
      return { error: messageOf(error) };
    }
  }

  /** Undefined when the run was cancelled meanwhile. */
  async #orCancelled<T>(body: () => Promise<T>): Promise<T | undefined> {
    try {
      return await body();
    } catch (error) {
      if (this.#context.signal.aborted) return undefined;
      throw error;
    }
  }

  async #end(state: EndState): Promise<AttemptResult> {
    const results = await readResults(path.join(this.#outDir, 'results'));
    const recordFile = path.join(this.#outDir, 'record.json');
    const record = fs.existsSync(recordFile) ? parseRecord(fs.readFileSync(recordFile, 'utf8')) : undefined;
    const lastLines = this.#settleConsole();
    const { pod } = state;
    const verdict = verdictOf({
      suite: this.#suite,
      cancelled: state.cancelled ?? false,
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
    this.#save(pod, state.events?.items() ?? []);
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
    if (!this.#world.ephemeral && !kept) await this.#remove();
    const ms = this.#context.deps.clock.monotonic() - this.#began;
    return {
      verdict,
      results,
      lastLines,
      ms,
      ...(record === undefined ? {} : { record }),
      ...(state.logComplete === undefined ? {} : { logComplete: state.logComplete }),
      ...(kept && state.podName !== undefined
        ? { kept: { namespace: this.#namespace, pod: state.podName, container: sidecar } }
        : {}),
    };
  }

  /** The collected log is the record of truth; the live one stands in only when there is no other. */
  #settleConsole(): string[] {
    const live = path.join(this.#outDir, liveLogFile);
    const collected = path.join(this.#outDir, 'console.log');
    if (fs.existsSync(collected)) fs.rmSync(live, { force: true });
    else if (fs.existsSync(live)) fs.renameSync(live, collected);
    return lastLinesOf(collected, 20);
  }

  #save(pod: Pod | undefined, events: readonly KubeEvent[]): void {
    if (pod !== undefined) {
      const { managedFields: _managedFields, ...metadata } = pod.metadata ?? {};
      fs.writeFileSync(path.join(this.#outDir, 'pod.yaml'), stringify({ ...pod, metadata }), { mode: 0o600 });
    }
    const own = events.filter((e) => e.involvedObject.name?.startsWith(this.#name) === true);
    const lines = own.map(
      (e) =>
        `${e.lastTimestamp ?? e.eventTime ?? e.metadata.creationTimestamp ?? ''} ${e.type ?? ''} ${e.reason ?? ''} ${e.involvedObject.kind ?? ''}/${e.involvedObject.name ?? ''}: ${e.message ?? ''}`,
    );
    fs.writeFileSync(path.join(this.#outDir, 'events.txt'), lines.map((l) => l + '\n').join(''), {
      mode: 0o600,
    });
  }

  /** Deletes exactly what this attempt created, newest first; its namespace takes the rest along. */
  async #remove(): Promise<void> {
    const signal = AbortSignal.timeout(30_000);
    for (const object of [...this.#created].reverse()) {
      const { name = '', namespace } = object.metadata ?? {};
      try {
        await this.#world.kube.delete(
          {
            apiVersion: object.apiVersion,
            kind: object.kind,
            name,
            ...(namespace === undefined ? {} : { namespace }),
          },
          { graceSeconds: 5 },
          signal,
        );
      } catch (error) {
        const { message } = errorInfo(error);
        this.#context.emit({
          type: 'leftover',
          what: `${object.kind} ${namespace === undefined ? '' : `${namespace}/`}${name}`,
          why: message,
          cure: `kubectl delete ${object.kind.toLowerCase()} ${name}${namespace === undefined ? '' : ` -n ${namespace}`}`,
        });
      }
    }
  }
}

interface EndState {
  readonly cancelled?: boolean;
  readonly neverRan?: Pick<NeverRan, 'infraClass' | 'message'>;
  readonly pod?: Pod | undefined;
  readonly uid?: string;
  readonly podName?: string;
  readonly podGone?: boolean;
  readonly gaveUp?: string;
  readonly collectError?: string;
  readonly logComplete?: boolean;
  readonly events?: Reflector<KubeEvent>;
  readonly finish?: (failed: boolean) => Promise<void>;
}
