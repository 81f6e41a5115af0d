import type { EventBody } from '../model/events.ts';
import type { AnyObject } from '../model/kube.ts';
import type { Plan, SuitePlan } from '../model/plan.ts';
import type { Assets, ClusterHandle } from '../model/run.ts';
import type { Task, TaskContext } from '../model/task.ts';
import type { ClusterFacts } from './cluster-facts.ts';
import { surroundingsFor } from './job/attempt-objects.ts';
import { Created } from './job/created.ts';
import type { Job } from './job/job-input.ts';
import { outboundFor } from './job/outbound.ts';
import { readTemplate } from './job/template.ts';
import { attemptLimits } from './limits.ts';
import { attemptName, type AttemptId } from './names.ts';
import type { SuiteSettings } from './settings.ts';
import type { SuiteWorld } from './world.ts';

/** What a suite needs that waits neither for its releases and checks nor for its image. */
export interface PreparedSuite {
  readonly world: Omit<SuiteWorld, 'image' | 'mayGetRoom'>;
  /** What its first attempt has in the cluster already, which the attempt removes at its end. */
  take(): Promise<Created>;
  /** Removes that of a suite which never ran. */
  drop(emit: (event: EventBody) => void): Promise<void>;
}

const limitMs = 60_000;
/** What is not there then, the attempt makes. */
const createMs = 30_000;
/** For how long what is made now may be needed besides the time of the Job: it waits for releases, checks and room. */
const aheadMs = 24 * 3_600_000;

/**
 * Makes what the first attempt of a suite needs besides its Job while releases are installed, so that nothing but the
 * Job is to be made when the last of them is ready. What cannot be made yet, or at all, is left to the attempt, which
 * says why.
 */
export function prepareTask(
  settings: SuiteSettings,
  plan: Plan,
  suite: SuitePlan,
  needs: { readonly cluster: Task<ClusterHandle>; readonly clusterFacts: Task<ClusterFacts> },
): Task<PreparedSuite> {
  return {
    id: `prepare suite ${suite.name}`,
    phase: 'suites',
    title: `prepare suite ${suite.name}`,
    needs: [needs.cluster, needs.clusterFacts],
    limitMs,
    async run(context) {
      const cluster = context.output(needs.cluster);
      const { kube } = cluster;
      const { admission, registries } = settings;
      const world: PreparedSuite['world'] = {
        runId: settings.runId,
        kube,
        view: admission.open(kube),
        template: readAhead(settings.assets, suite),
        ...context.output(needs.clusterFacts),
        namespace: plan.namespace,
        namespaces: Object.fromEntries(plan.releases.map(({ name, namespace }) => [name, namespace])),
        keepFailedMs: settings.keepFailedMs,
        ephemeral: settings.ephemeral,
        lists: settings.state,
        journal: settings.journal,
        secrets: settings.secrets,
        durations: suite.shards === undefined ? new Map() : await settings.durationsOf(suite.name),
        mask: settings.mask,
        outbound: settings.outbound,
        ...(registries === undefined ? {} : { pullSecret: await registries.pullSecret() }),
        cluster,
        calm: settings.calm,
      };
      const created = new Created(world);
      const id = { run: settings.runId, suite: suite.name, attempt: 1 };
      // One that another process began has it.
      const stop = new AbortController();
      const rest =
        settings.journal.attempt(id) === undefined
          ? await makeAhead(world, suite, id, created, context, stop.signal)
          : undefined;
      let taken = false;
      return {
        world,
        async take() {
          taken = true;
          stop.abort(new Error('the attempt makes the rest'));
          await rest?.done;
          return created;
        },
        async drop(emit) {
          stop.abort(new Error('nobody needs it'));
          await rest?.done;
          if (!taken && !world.ephemeral) await created.remove(emit);
        },
      };
    },
  };
}

/** Read while there is time; one that cannot be read is an error of the attempt. */
function readAhead(assets: Assets, suite: SuitePlan): () => Job {
  try {
    const template = readTemplate(assets, suite);
    return () => template;
  } catch (error) {
    return () => {
      throw error;
    };
  }
}

/** Resolves when all is made that can be now. The rest may still be on its way until `stop` fires. */
async function makeAhead(
  world: PreparedSuite['world'],
  suite: SuitePlan,
  id: AttemptId,
  created: Created,
  { deps, signal }: TaskContext,
  stop: AbortSignal,
): Promise<{ readonly done: Promise<unknown> }> {
  const release = suite.placement === 'release' ? suite.needs[0] : undefined;
  const namespace = release === undefined ? attemptName(id) : (world.namespaces[release] ?? release);
  const all = surroundingsFor(world, {
    ...{ suite, id, namespace, failed: undefined },
    limits: attemptLimits(suite.limitMs, world.keepFailedMs, suite.pendingMs),
    outbound: outboundFor(world.outbound, world.network, []),
    now: deps.clock.now() + aheadMs,
  });
  const isOwn = (where: string | undefined): boolean => where === undefined || where === attemptName(id);
  const own = all.filter(({ metadata }) => isOwn(metadata?.namespace));
  // The namespaces of its releases may not be there yet.
  const others = Object.entries(
    Object.groupBy(
      all.filter((object) => !own.includes(object)),
      ({ metadata }) => metadata?.namespace ?? '',
    ),
  ).map(([where, objects = []]) => ({ where, objects }));
  const within = AbortSignal.any([signal, AbortSignal.timeout(createMs)]);
  await Promise.allSettled(
    [own, ...others.map(({ objects }) => objects)].map((some) => created.createAll(some, within)),
  );
  signal.throwIfAborted();
  const open = AbortSignal.any([signal, stop]);
  const later = async (where: string, objects: readonly AnyObject[]): Promise<void> => {
    if (objects.every((object) => created.has(object))) return;
    // With its first pod a namespace is there.
    await world.view.pods.until(
      (pods) => pods.some(({ metadata }) => metadata?.namespace === where) || undefined,
      open,
    );
    await created.createAll(objects, AbortSignal.any([signal, AbortSignal.timeout(createMs)]));
  };
  return { done: Promise.allSettled(others.map(({ where, objects }) => later(where, objects))) };
}
