import type { EventBody } from '../model/events.ts';
import { messageOf } from '../model/errors.ts';
import type { AnyObject } from '../model/kube.ts';
import type { MadeObject } from '../model/state.ts';
import { remove } from '../kube/remove.ts';
import type { SuiteWorld } from './world.ts';

/** Time for removing all that an attempt created. */
const removeMs = 30_000;

/**
 * What one attempt created in the cluster. In a cluster that stays, each object is in the run's state before it is
 * made, except those in a namespace of the attempt's own, which go away with it.
 */
export class Created {
  readonly #world: Pick<SuiteWorld, 'kube' | 'ephemeral' | 'lists' | 'cluster'>;
  readonly #objects: { readonly object: AnyObject; readonly made: MadeObject | undefined }[] = [];

  constructor(world: Pick<SuiteWorld, 'kube' | 'ephemeral' | 'lists' | 'cluster'>) {
    this.#world = world;
  }

  async create(object: AnyObject, signal: AbortSignal): Promise<void> {
    const made = this.#toList(object);
    if (made !== undefined) await this.#world.lists.add(made);
    // Before it is made: an answer that is lost on the way does not mean that nothing was created.
    this.#objects.push({ object, made });
    await this.#world.kube.create(object, signal);
  }

  #toList({ apiVersion, kind, metadata }: AnyObject): MadeObject | undefined {
    const { name = '', namespace } = metadata ?? {};
    const own = this.#objects.some(
      ({ object: o }) => o.kind === 'Namespace' && o.metadata?.name === namespace,
    );
    if (this.#world.ephemeral || own) return undefined;
    const { kubeconfig } = this.#world.cluster;
    const within = namespace === undefined ? {} : { namespace };
    return { type: 'object', kubeconfig, apiVersion, kind, name, ...within };
  }

  /** Deletes exactly what was created, newest first. What could not be deleted stays listed, and is named with its cure. */
  async remove(emit: (event: EventBody) => void): Promise<void> {
    const signal = AbortSignal.timeout(removeMs);
    for (const { object, made } of [...this.#objects].reverse()) {
      const { name = '', namespace } = object.metadata ?? {};
      const within = namespace === undefined ? {} : { namespace };
      const ref = { apiVersion: object.apiVersion, kind: object.kind, name, ...within };
      try {
        await remove(this.#world.kube, ref, signal);
        // The cluster takes a moment for it, for which no suite waits: the end of the run does.
        if (made?.kind === 'Namespace') await this.#world.lists.add({ ...made, leaving: true });
        if (made !== undefined) await this.#world.lists.remove(made);
      } catch (error) {
        emit({
          type: 'leftover',
          what: `${object.kind} ${namespace === undefined ? '' : `${namespace}/`}${name}`,
          why: messageOf(error),
          cure: `kubectl delete ${object.kind.toLowerCase()} ${name}${namespace === undefined ? '' : ` -n ${namespace}`}`,
        });
      }
    }
  }
}
