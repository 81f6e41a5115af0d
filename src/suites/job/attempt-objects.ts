import type { AnyObject } from '../../model/kube.ts';
import { labels } from '../../model/labels.ts';
import type { SuitePlan } from '../../model/plan.ts';
import { retryCasesText, type FailedCases } from '../verdict/failed-cases.ts';
import { pullSecretName } from '../../kube/pull-secret.ts';
import { jobFor } from './job.ts';
import type { AttemptLimits } from '../limits.ts';
import type { AttemptId } from '../names.ts';
import { namespaceFor, objectsFor } from './objects.ts';
import type { PodOutbound } from './outbound.ts';
import { priorityClassFor } from './priority-class.ts';
import { neededNamespaces, type SuiteWorld } from '../world.ts';

/** What an attempt adds to the world that it shares with the others of its run. */
export interface AttemptFacts {
  readonly suite: SuitePlan;
  readonly id: AttemptId;
  readonly namespace: string;
  readonly limits: AttemptLimits;
  readonly nonce: string;
  readonly outbound: PodOutbound;
  /** Copies of what the suite takes of releases. */
  readonly copies: readonly AnyObject[];
  /** It runs only these. */
  readonly failed: FailedCases | undefined;
  /** Unix time, ms. */
  readonly now: number;
}

/** What the objects around a Job are made of. */
export type Surroundings = Pick<
  SuiteWorld,
  'ephemeral' | 'namespaces' | 'namespace' | 'ketRun' | 'secrets' | 'durations' | 'pullSecret'
>;

/** All objects of an attempt; the Job is the last. Pure. */
export function manifestsFor(world: SuiteWorld, facts: AttemptFacts): AnyObject[] {
  const { suite, id, namespace, limits, nonce, outbound, copies, failed, now } = facts;
  const needed = neededNamespaces(suite, world);
  const { domain } = world.network;
  const searches = [...new Set([namespace, ...needed])].map((ns) => `${ns}.svc.${domain}`);
  const classes = classesFor(world, facts);
  const job = jobFor({
    id,
    suite,
    template: world.template(),
    namespace,
    limits,
    nonce,
    image: world.image,
    dns: {
      nameserver: world.nameserver,
      searches: [...searches, `svc.${domain}`, domain],
    },
    releaseNamespaces: needed,
    outbound,
    priorityClass: classes[0]?.metadata?.name,
    retriesCases: failed !== undefined,
    tellsUnavailable: world.unavailable !== undefined,
    ...(world.pullSecret === undefined ? {} : { pullSecret: pullSecretName }),
  });
  const rest = [...copies, job as unknown as AnyObject];
  return [
    ...surroundingsFor(world, facts),
    ...(world.ephemeral ? rest : rest.map((object) => withExpiry(object, expiryOf(limits, now)))),
  ];
}

/** The objects of an attempt that are the same whatever becomes of its releases: all but copies and Job. Pure. */
export function surroundingsFor(
  world: Surroundings,
  facts: Omit<AttemptFacts, 'nonce' | 'copies'>,
): AnyObject[] {
  const { suite, id, namespace, limits, outbound, failed, now } = facts;
  const objects = objectsFor(id, suite, namespace, neededNamespaces(suite, world), {
    ketRun: world.ketRun,
    secrets: world.secrets,
    authorities: outbound.authorities,
    durations: world.durations,
    ...(world.pullSecret === undefined ? {} : { pullSecret: world.pullSecret }),
    ...(failed === undefined ? {} : { retryCases: retryCasesText(failed) }),
  });
  const expires = expiryOf(limits, now);
  const own = suite.placement === 'own' ? namespaceFor(id, suite, world.namespace, expires) : [];
  const all = [...own, ...classesFor(world, facts), ...objects];
  return world.ephemeral ? all : all.map((object) => withExpiry(object, expires));
}

const classesFor = (
  { ephemeral }: Pick<SuiteWorld, 'ephemeral'>,
  { id, suite }: Pick<AttemptFacts, 'id' | 'suite'>,
): AnyObject[] => (ephemeral ? [] : priorityClassFor(id, suite));

/** Unix time, s. */
const expiryOf = ({ jobMs }: AttemptLimits, now: number): number => Math.ceil((now + jobMs) / 1000);

/** In a cluster that stays, each thing says from when on nobody can need it. */
const withExpiry = (object: AnyObject, expires: number): AnyObject => ({
  ...object,
  metadata: {
    ...object.metadata,
    labels: { ...object.metadata?.labels, [labels.expires]: String(expires) },
  },
});
