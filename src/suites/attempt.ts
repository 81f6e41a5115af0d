import fs from 'node:fs';
import path from 'node:path';
import { randomBytes } from 'node:crypto';
import { messageOf } from '../model/errors.ts';
import type { SuitePlan } from '../model/plan.ts';
import type { TaskContext } from '../model/task.ts';
import type { AttemptResult, PodResult } from './verdict/attempt-result.ts';
import { manifestsFor } from './job/attempt-objects.ts';
import { Created } from './job/created.ts';
import type { FailedCases } from './verdict/failed-cases.ts';
import type { Job } from './job/job-input.ts';
import type { BegunAttempt } from './journal.ts';
import { attemptLimits, type AttemptLimits } from './limits.ts';
import { attemptLabels, attemptName, type AttemptId } from './names.ts';
import { podOutbound } from './job/outbound.ts';
import { endPod, stoppedBy, type EndState, type PodPlace } from './pod/pod-end.ts';
import { PodRun, type PodView } from './pod/pod-run.ts';
import { indexLabel, inOnePod, podFolder, podsOf, together, verdictOnOne } from './verdict/pods.ts';
import { copiesOf } from './job/reference-copies.ts';
import { whyRefused } from './job/refused.ts';
import { clearPartial, lostPod, takeEnded } from './pod/take-up.ts';
import { partOf } from './pod/view.ts';
import { neededNamespaces, type SuiteWorld } from './world.ts';

/**
 * One attempt of a suite: its own namespace, one Job, its pods' results brought home, and the verdict. With `failed` it
 * runs these cases only, in one pod. `created`: what of it is there already.
 */
export async function runAttempt(
  world: SuiteWorld,
  whole: SuitePlan,
  id: AttemptId,
  outDir: string,
  context: TaskContext,
  failed?: FailedCases,
  created = new Created(world),
): Promise<AttemptResult> {
  const suite = failed === undefined ? whole : inOnePod(whole);
  const name = attemptName(id);
  const release = suite.placement === 'release' ? suite.needs[0] : undefined;
  const { clock } = context.deps;
  const { journal } = world;
  const begun = journal.attempt(id);
  const attempt: Attempt = {
    ...{ world, suite, id, context, begun },
    place: {
      name,
      namespace: release === undefined ? name : (world.namespaces[release] ?? release),
      nonce: begun?.nonce ?? randomBytes(16).toString('hex'),
      ...(failed === undefined ? {} : { failed }),
      outDir,
    },
    limits: attemptLimits(suite.limitMs, world.keepFailedMs, suite.pendingMs),
    created,
  };
  if (begun === undefined) journal.begin(id, attempt.place.nonce, clock.now());
  const began = clock.monotonic();
  const pods = await runPods(attempt);
  const kept = pods.flatMap((pod) => pod.kept ?? []);
  const leave = async (): Promise<void> => {
    await Promise.all(pods.flatMap(({ told }) => told ?? []));
    if (world.ephemeral || kept.length > 0) return;
    await world.calm.come(context.signal);
    await attempt.created.remove((event) => context.emit(event));
  };
  const ms = begun === undefined ? clock.monotonic() - began : lastEnd(attempt) - begun.at;
  return { ...together(suite, pods), ms, leave, ...(kept.length === 0 ? {} : { kept }) };
}

interface Attempt {
  /** By another process, which died. */
  readonly begun: BegunAttempt | undefined;
  readonly world: SuiteWorld;
  readonly suite: SuitePlan;
  readonly id: AttemptId;
  readonly place: PodPlace;
  readonly limits: AttemptLimits;
  readonly created: Created;
  readonly context: TaskContext;
}

async function runPods(attempt: Attempt): Promise<PodResult[]> {
  const { world, suite, id, place, context, begun } = attempt;
  fs.mkdirSync(place.outDir, { recursive: true, mode: 0o700 });
  const ended = world.journal.ended(id, undefined);
  if (begun?.made === true || ended !== undefined) attempt.created.adopt(place.name);
  if (ended !== undefined) return [await takeEnded(world, place, ended, context)];
  let job: JobState = 'active';
  try {
    if (begun?.made === true) {
      await maskReferences(attempt);
      job = await jobState(attempt);
    } else await create(attempt);
  } catch (error) {
    const { signal } = context;
    const state: EndState = signal.aborted ? stoppedBy(signal) : { neverRan: whyRefused(error) };
    return [await endPod(world, suite, id, place, state, context)];
  }
  const { count } = podsOf(suite);
  if (count === 1) return [await runPod(attempt, suite, place, job)];
  return Promise.all(
    [...Array(count).keys()].map((index) => {
      const outDir = path.join(place.outDir, podFolder(suite, index));
      return runPod(attempt, verdictOnOne(suite), { ...place, index, outDir }, job);
    }),
  );
}

/** One pod to its end. */
async function runPod(
  attempt: Attempt,
  suite: SuitePlan,
  place: PodPlace,
  job: JobState,
): Promise<PodResult> {
  const { world, id, limits, context, begun } = attempt;
  const ended = world.journal.ended(id, place.index);
  if (ended !== undefined) return takeEnded(world, place, ended, context);
  if (begun !== undefined) clearPartial(place.outDir);
  fs.mkdirSync(place.outDir, { recursive: true, mode: 0o700 });
  const view = viewOf(attempt, place.index);
  const lost =
    job === 'gone'
      ? 'its Job was deleted'
      : job === 'over' && (await view.pods.until((pods) => pods.length, context.signal)) === 0
        ? 'its pod was deleted'
        : undefined;
  if (lost !== undefined) return endPod(world, suite, id, place, lostPod(place.outDir, lost), context);
  return new PodRun(world, suite, id, place, limits, context).run(view);
}

/** What its log may hold of secrets of releases was known to the process that died. */
async function maskReferences({ world, suite, id, place, context }: Attempt): Promise<void> {
  try {
    await copiesOf(world, suite, id, place.namespace, context);
  } catch (error) {
    const text = `${suite.name}: values of its releases' secrets may not be masked: ${messageOf(error)}`;
    context.emit({ type: 'notice', level: 'warning', text });
  }
}

/** `over`: it makes no pod any more. */
type JobState = 'active' | 'over' | 'gone';

async function jobState({ world, place, context }: Attempt): Promise<JobState> {
  const ref = { apiVersion: 'batch/v1', kind: 'Job', namespace: place.namespace, name: place.name };
  const job = await world.kube.get<Job>(ref, context.signal);
  if (job === undefined) return 'gone';
  const ends = job.status?.conditions?.filter(({ type }) => type === 'Complete' || type === 'Failed');
  return ends?.some(({ status }) => status === 'True') === true ? 'over' : 'active';
}

/** When the last of its pods ended, unix ms. */
function lastEnd({ world, suite, id, context }: Attempt): number {
  const indices = [undefined, ...Array(podsOf(suite).count).keys()];
  const ends = indices.flatMap((index) => world.journal.ended(id, index)?.at ?? []);
  return ends.length === 0 ? context.deps.clock.now() : Math.max(...ends);
}

async function create({ world, suite, id, place, limits, created, context }: Attempt): Promise<void> {
  const { signal } = context;
  const copies = await copiesOf(world, suite, id, place.namespace, context);
  context.awaiting('the API server to take the Job');
  const { kube, outbound, network } = world;
  const called = [...new Set([place.namespace, ...neededNamespaces(suite, world)])];
  const all = manifestsFor(world, {
    ...{ suite, id, namespace: place.namespace, limits, nonce: place.nonce },
    copies,
    outbound: await podOutbound(outbound, kube, network, called, signal),
    now: context.deps.clock.now(),
    failed: place.failed,
  });
  await created.createAll(all, signal);
  world.journal.made(id);
}

/** What the cluster says of the attempt's pod, or of the one with that index. */
function viewOf({ world, suite, id, place }: Attempt, index?: number): PodView {
  const wanted = Object.entries({
    ...attemptLabels(id),
    ...(index === undefined ? {} : { [indexLabel]: String(index) }),
  });
  return {
    pods: partOf(
      world.view.pods,
      ({ metadata }) =>
        metadata?.namespace === place.namespace &&
        wanted.every(([key, value]) => metadata.labels?.[key] === value),
    ),
    // In a release's namespace others have events too; those of the Job and its pods begin with the attempt's name.
    events: partOf(
      world.view.events,
      ({ metadata, involvedObject }) =>
        metadata.namespace === place.namespace &&
        (suite.placement === 'own' || involvedObject.name?.startsWith(place.name) === true),
    ),
  };
}
