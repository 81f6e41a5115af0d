import type { EventBody } from '../../model/events.ts';
import { messageOf } from '../../model/errors.ts';
import type { AnyObject } from '../../model/kube.ts';
import { labels } from '../../model/labels.ts';
import type { MadeObject } from '../../model/state.ts';
import { KubeError } from '../../kube/error.ts';
import { remove } from '../../kube/remove.ts';
import type { SuiteWorld } from '../world.ts';

const within = (namespace: string | undefined): { readonly namespace?: string } =>
  namespace === undefined ? {} : { namespace };

const keyOf = ({ kind, metadata }: AnyObject): string =>
  JSON.stringify([kind, metadata?.namespace, metadata?.name]);

/** Time for removing all that an attempt created. */
const removeMs = 30_000;

/** What must be there before the others: the API server looks at a Role when it takes a binding to it. */
const waveOf = ({ kind }: AnyObject): number =>
  kind === 'Namespace' || kind === 'PriorityClass' ? 0 : kind === 'Job' ? 3 : kind === 'RoleBinding' ? 2 : 1;

const wavesOf = (objects: readonly AnyObject[]): AnyObject[][] =>
  [0, 1, 2, 3].map((wave) => objects.filter((object) => waveOf(object) === wave));

/**
 * What one attempt created in the cluster. In a cluster that stays, each object is in the run's state before it is
 * made, except those in a namespace of the attempt's own, which go away with it.
 */
export class Created {
  readonly #world: Pick<SuiteWorld, 'kube' | 'ephemeral' | 'lists' | 'cluster'>;
  readonly #objects: { readonly object: AnyObject; readonly made: MadeObject | undefined }[] = [];
  /** Those of which the API server has said so. */
  readonly #there = new Set<string>();

  constructor(world: Pick<SuiteWorld, 'kube' | 'ephemeral' | 'lists' | 'cluster'>) {
    this.#world = world;
  }

  /**
   * Creates all objects of an attempt that are not there yet, those that need no other side by side. Another process may
   * have created some before it died.
   */
  async createAll(objects: readonly AnyObject[], signal: AbortSignal): Promise<void> {
    for (const wave of wavesOf(objects.filter((object) => !this.has(object)))) {
      const ends = await Promise.allSettled(wave.map((object) => this.#create(object, signal)));
      // Not before all have ended: what is removed next must not come into being behind it.
      for (const end of ends) if (end.status === 'rejected') throw end.reason;
    }
  }

  /** The API server has said that it is there. */
  has(object: AnyObject): boolean {
    return this.#there.has(keyOf(object));
  }

  async #create(object: AnyObject, signal: AbortSignal): Promise<void> {
    const made = this.#toList(object);
    if (made !== undefined && !this.#isListed(made)) await this.#world.lists.add(made);
    // Before it is made: an answer that is lost on the way does not mean that nothing was created.
    if (!this.#objects.some((known) => keyOf(known.object) === keyOf(object)))
      this.#objects.push({ object, made });
    try {
      await this.#world.kube.create(object, signal);
    } catch (error) {
      if (!(error instanceof KubeError) || error.status !== 409) throw error;
      if (!(await this.#isOfAttempt(object, signal))) throw error;
    }
    this.#there.add(keyOf(object));
  }

  /** Takes over what another process created under this name, as far as it is listed. */
  adopt(attempt: string): void {
    for (const made of this.#world.lists.list())
      if (made.type === 'object' && made.name === attempt && made.leaving === undefined)
        this.#objects.push({
          object: { ...made, metadata: { name: made.name, ...within(made.namespace) } },
          made,
        });
  }

  /** The attempt's own. */
  #isOwn(namespace: string | undefined): boolean {
    return this.#objects.some(
      ({ object }) => object.kind === 'Namespace' && object.metadata?.name === namespace,
    );
  }

  #isListed(made: MadeObject): boolean {
    const text = JSON.stringify(made);
    return this.#world.lists.list().some((other) => JSON.stringify(other) === text);
  }

  async #isOfAttempt({ apiVersion, kind, metadata }: AnyObject, signal: AbortSignal): Promise<boolean> {
    const { name = '', namespace, labels: wanted = {} } = metadata ?? {};
    const there = await this.#world.kube.get({ apiVersion, kind, name, ...within(namespace) }, signal);
    return [labels.run, labels.suite, labels.attempt].every(
      (key) => wanted[key] !== undefined && there?.metadata?.labels?.[key] === wanted[key],
    );
  }

  #toList({ apiVersion, kind, metadata }: AnyObject): MadeObject | undefined {
    const { name = '', namespace } = metadata ?? {};
    if (this.#world.ephemeral || this.#isOwn(namespace)) return undefined;
    const { kubeconfig } = this.#world.cluster;
    return { type: 'object', kubeconfig, apiVersion, kind, name, ...within(namespace) };
  }

  /**
   * Deletes exactly what was created, newest first; with a namespace of its own goes all that is in it. What could not be
   * deleted stays listed, and is named with its cure.
   */
  async remove(emit: (event: EventBody) => void): Promise<void> {
    const signal = AbortSignal.timeout(removeMs);
    for (const { object, made } of [...this.#objects].reverse()) {
      const { name = '', namespace } = object.metadata ?? {};
      // But for the Job: while it is there, its controller keeps a pod that never started, and so the namespace.
      if (this.#isOwn(namespace) && object.kind !== 'Job') continue;
      const ref = { apiVersion: object.apiVersion, kind: object.kind, name, ...within(namespace) };
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
