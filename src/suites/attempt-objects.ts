import type { AnyObject, Kube } from '../model/kube.ts';
import type { SuitePlan } from '../model/plan.ts';
import type { EventBody } from '../model/events.ts';
import { messageOf } from '../model/errors.ts';
import { jobFor } from './job.ts';
import type { AttemptLimits } from './limits.ts';
import type { AttemptId } from './names.ts';
import { namespaceFor, objectsFor } from './objects.ts';
import type { SuiteWorld } from './world.ts';

/** Time for removing all that an attempt created. */
const removeMs = 30_000;

/** All objects of an attempt, in the order in which they are created; the Job is the last. Pure. */
export function manifestsFor(
  world: SuiteWorld,
  suite: SuitePlan,
  id: AttemptId,
  namespace: string,
  limits: AttemptLimits,
  nonce: string,
): AnyObject[] {
  const needed = suite.needs.map((name) => world.namespaces[name] ?? name);
  const searches = [...new Set([namespace, ...needed])].map((ns) => `${ns}.svc.${world.clusterDomain}`);
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
      searches: [...searches, `svc.${world.clusterDomain}`, world.clusterDomain],
    },
    releaseNamespaces: needed,
    arch: world.arch,
  });
  const objects = objectsFor(id, suite, namespace, needed, world.programs);
  const all = suite.placement === 'own' ? [namespaceFor(id), ...objects] : objects;
  return [...all, job as unknown as AnyObject];
}

/** What one attempt created in the cluster. */
export class Created {
  readonly #kube: Kube;
  readonly #objects: AnyObject[] = [];

  constructor(kube: Kube) {
    this.#kube = kube;
  }

  async create(object: AnyObject, signal: AbortSignal): Promise<void> {
    // Listed first: an answer that is lost on the way does not mean that nothing was created.
    this.#objects.push(object);
    await this.#kube.create(object, signal);
  }

  /**
   * Deletes exactly what was created, newest first; a namespace takes the rest along. What could not be deleted is
   * named with its cure. True when all of it is gone or on its way.
   */
  async remove(emit: (event: EventBody) => void): Promise<boolean> {
    const signal = AbortSignal.timeout(removeMs);
    let all = true;
    for (const object of [...this.#objects].reverse()) {
      const { name = '', namespace } = object.metadata ?? {};
      const within = namespace === undefined ? {} : { namespace };
      const ref = { apiVersion: object.apiVersion, kind: object.kind, name, ...within };
      try {
        await this.#kube.delete(ref, { graceSeconds: 5 }, signal);
      } catch (error) {
        all = false;
        emit({
          type: 'leftover',
          what: `${object.kind} ${namespace === undefined ? '' : `${namespace}/`}${name}`,
          why: messageOf(error),
          cure: `kubectl delete ${object.kind.toLowerCase()} ${name}${namespace === undefined ? '' : ` -n ${namespace}`}`,
        });
      }
    }
    return all;
  }
}
