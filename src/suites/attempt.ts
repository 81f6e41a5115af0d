import fs from 'node:fs';
import path from 'node:path';
import { randomBytes } from 'node:crypto';
import type { SuitePlan } from '../model/plan.ts';
import type { TaskContext } from '../model/task.ts';
import type { AttemptResult, PodResult } from './attempt-result.ts';
import { manifestsFor } from './attempt-objects.ts';
import { Created } from './created.ts';
import type { FailedCases } from './failed-cases.ts';
import { attemptLimits, type AttemptLimits } from './limits.ts';
import { attemptLabels, attemptName, type AttemptId } from './names.ts';
import { podOutbound } from './outbound.ts';
import { endPod, stoppedBy, type EndState, type PodPlace } from './pod-end.ts';
import { PodRun, type PodView } from './pod-run.ts';
import { indexLabel, inOnePod, podFolder, podsOf, together, verdictOnOne } from './pods.ts';
import { copiesOf } from './reference-copies.ts';
import { whyRefused } from './refused.ts';
import { partOf } from './view.ts';
import { neededNamespaces, type SuiteWorld } from './world.ts';

/**
 * One attempt of a suite: its own namespace, one Job, its pods' results brought home, and the verdict. With `failed` it
 * runs these cases only, in one pod.
 */
export async function runAttempt(
  world: SuiteWorld,
  whole: SuitePlan,
  id: AttemptId,
  outDir: string,
  context: TaskContext,
  failed?: FailedCases,
): Promise<AttemptResult> {
  const suite = failed === undefined ? whole : inOnePod(whole);
  const name = attemptName(id);
  const release = suite.placement === 'release' ? suite.needs[0] : undefined;
  const attempt: Attempt = {
    ...{ world, suite, id, context },
    place: {
      name,
      namespace: release === undefined ? name : (world.namespaces[release] ?? release),
      nonce: randomBytes(16).toString('hex'),
      ...(failed === undefined ? {} : { failed }),
      outDir,
    },
    limits: attemptLimits(suite.limitMs, world.keepFailedMs, suite.pendingMs),
    created: new Created(world),
  };
  const began = context.deps.clock.monotonic();
  const pods = await runPods(attempt);
  const kept = pods.flatMap((pod) => pod.kept ?? []);
  if (!world.ephemeral && kept.length === 0) await attempt.created.remove((event) => context.emit(event));
  const ms = context.deps.clock.monotonic() - began;
  return { ...together(suite, pods), ms, ...(kept.length === 0 ? {} : { kept }) };
}

interface Attempt {
  readonly world: SuiteWorld;
  readonly suite: SuitePlan;
  readonly id: AttemptId;
  readonly place: PodPlace;
  readonly limits: AttemptLimits;
  readonly created: Created;
  readonly context: TaskContext;
}

async function runPods(attempt: Attempt): Promise<PodResult[]> {
  const { world, suite, id, place, limits, context } = attempt;
  fs.mkdirSync(place.outDir, { recursive: true, mode: 0o700 });
  try {
    await create(attempt);
  } catch (error) {
    const { signal } = context;
    const state: EndState = signal.aborted ? stoppedBy(signal) : { neverRan: whyRefused(error) };
    return [await endPod(suite, place, state, world.keepFailedMs, (event) => context.emit(event))];
  }
  const { count } = podsOf(suite);
  if (count === 1) return [await new PodRun(world, suite, id, place, limits, context).run(viewOf(attempt))];
  return Promise.all(
    [...Array(count).keys()].map(async (index) => {
      const outDir = path.join(place.outDir, podFolder(suite, index));
      fs.mkdirSync(outDir, { mode: 0o700 });
      const run = new PodRun(world, verdictOnOne(suite), id, { ...place, index, outDir }, limits, context);
      return run.run(viewOf(attempt, index));
    }),
  );
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
  for (const object of all) await created.create(object, signal);
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
