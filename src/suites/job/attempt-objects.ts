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

/** All objects of an attempt; the Job is the last. Pure. */
export function manifestsFor(world: SuiteWorld, facts: AttemptFacts): AnyObject[] {
  const { suite, id, namespace, limits, nonce, outbound, copies, failed, now } = facts;
  const needed = neededNamespaces(suite, world);
  const { domain } = world.network;
  const searches = [...new Set([namespace, ...needed])].map((ns) => `${ns}.svc.${domain}`);
  const classes = world.ephemeral ? [] : priorityClassFor(id, suite);
  const job = jobFor({
    id,
    suite,
    template: world.template(suite),
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
  const objects = objectsFor(id, suite, namespace, needed, {
    ketRun: world.ketRun,
    secrets: world.secrets,
    authorities: outbound.authorities,
    durations: world.durations,
    ...(world.pullSecret === undefined ? {} : { pullSecret: world.pullSecret }),
    ...(failed === undefined ? {} : { retryCases: retryCasesText(failed) }),
  });
  const expires = Math.ceil((now + limits.jobMs) / 1000);
  const own = suite.placement === 'own' ? namespaceFor(id, suite, world.namespace, expires) : [];
  const all = [...own, ...classes, ...objects, ...copies, job as unknown as AnyObject];
  return world.ephemeral ? all : all.map((object) => withExpiry(object, expires));
}

/** In a cluster that stays, each thing says from when on nobody can need it. */
const withExpiry = (object: AnyObject, expires: number): AnyObject => ({
  ...object,
  metadata: {
    ...object.metadata,
    labels: { ...object.metadata?.labels, [labels.expires]: String(expires) },
  },
});
