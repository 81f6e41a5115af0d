import { KetError } from '../model/errors.ts';
import type { Query, Reflector } from '../model/kube.ts';
import { asError, backoff, linked, onAbort, reasonOf, sleep } from './abort.ts';
import { KubeError } from './error.ts';
import { listAll } from './list.ts';
import type { Client } from './request.ts';
import type { WatchEvent } from './watch.ts';
import { watchOnce } from './watch.ts';

interface Waiter<T> {
  look(items: readonly T[]): void;
  fail(error: Error): void;
}

/**
 * List and watch, for ever: list, watch from there, and after whatever ends the watch either go on from the last
 * resource version or, where that may be lost, list again. The end of a stream never means anything about objects;
 * what a list no longer has is gone. Objects are kept by UID, so that one that was deleted and made again under the
 * same name while nobody looked is two objects, and the first is gone.
 */
export class ListWatch<T> implements Reflector<T> {
  readonly #client: Client;
  readonly #query: Query;
  readonly #stop: ReturnType<typeof linked>;
  readonly #waiters = new Set<Waiter<T>>();
  #objects = new Map<string, T>();
  #snapshot: readonly T[] | undefined = [];
  #resourceVersion = '';
  #listed = false;
  /** Since when, by the monotonic clock, the API does not know the kind. */
  #missingSince: number | undefined;
  #end: Error | undefined;

  constructor(client: Client, query: Query) {
    this.#client = client;
    this.#query = query;
    this.#stop = linked(client.closed);
    this.#run().catch((error: unknown) => this.#finish(asError(error)));
  }

  items(): readonly T[] {
    this.#snapshot ??= [...this.#objects.values()];
    return this.#snapshot;
  }

  until<R>(decide: (items: readonly T[]) => R | undefined, signal: AbortSignal): Promise<R> {
    return new Promise((resolve, reject) => {
      let untie = (): void => undefined;
      const leave = (): void => {
        this.#waiters.delete(waiter);
        untie();
      };
      const waiter: Waiter<T> = {
        look: (items) => {
          try {
            const decided = decide(items);
            if (decided === undefined) return;
            leave();
            resolve(decided);
          } catch (error) {
            waiter.fail(asError(error));
          }
        },
        fail: (error) => {
          leave();
          reject(error);
        },
      };
      const refusal = signal.aborted ? reasonOf(signal) : this.#end;
      if (refusal !== undefined) {
        reject(refusal);
        return;
      }
      this.#waiters.add(waiter);
      untie = onAbort(signal, () => waiter.fail(reasonOf(signal)));
      if (this.#listed) waiter.look(this.items());
    });
  }

  close(): void {
    this.#finish(new KetError('KET_CANCELLED', `the watch of ${this.#query.kind} objects was closed`));
  }

  #finish(error: Error): void {
    this.#end ??= error;
    this.#stop.abort(error);
    this.#stop.release();
    for (const waiter of [...this.#waiters]) waiter.fail(this.#end);
  }

  /** Ends only by an exception: closed, or refused for good. */
  async #run(): Promise<never> {
    const { timings, random } = this.#client;
    const { signal } = this.#stop;
    let failures = 0;
    let list = true;
    for (;;) {
      const seen = { events: 0 };
      try {
        if (list) await this.#list();
        list = false;
        await watchOnce(
          this.#client,
          this.#query,
          this.#resourceVersion,
          (event) => {
            seen.events += 1;
            this.#apply(event);
          },
          signal,
        );
        failures = seen.events === 0 ? failures + 1 : 0;
        // A server that ends every watch at once must not be asked without a pause.
        if (failures > 1)
          await sleep(backoff(failures - 1, timings.retryMs, timings.retryMaxMs, random), signal);
      } catch (error) {
        if (signal.aborted) throw reasonOf(signal);
        if (!(error instanceof KubeError)) throw error;
        this.#judge(error, list);
        // Quiet objects make a silent watch: ordinary, but a reason to look.
        const silent = error.reason === 'SILENCE';
        failures = seen.events > 0 || silent ? 1 : failures + 1;
        // 410: the server no longer knows our version. Otherwise, twice in a row: do not trust it any more.
        list = list || silent || error.status === 410 || failures > 1;
        if (failures === 1 && (silent || error.status === 410)) continue;
        await sleep(
          Math.max(error.retryAfterMs ?? 0, backoff(failures, timings.retryMs, timings.retryMaxMs, random)),
          signal,
        );
      }
    }
  }

  async #list(): Promise<void> {
    const { items, resourceVersion } = await listAll<T>(this.#client, this.#query, this.#stop.signal);
    this.#missingSince = undefined;
    this.#objects = new Map(items.map((item) => [uidOf(item), item]));
    this.#resourceVersion = resourceVersion;
    this.#listed = true;
    this.#changed();
  }

  #apply({ type, object }: WatchEvent): void {
    this.#missingSince = undefined;
    this.#resourceVersion = object.metadata?.resourceVersion ?? this.#resourceVersion;
    if (type === 'BOOKMARK') return;
    const item = object as T;
    if (type === 'DELETED') this.#objects.delete(uidOf(item));
    else this.#objects.set(uidOf(item), item);
    this.#changed();
  }

  #changed(): void {
    this.#snapshot = undefined;
    for (const waiter of [...this.#waiters]) waiter.look(this.items());
  }

  /** Throws when the API refuses for good; a server that is just starting does for a moment. */
  #judge(error: KubeError, listing: boolean): void {
    // A list has doubted these already, as every request does; a watch has not, and is followed by a list.
    if (listing && (error.status === 401 || error.status === 403)) throw error;
    if (error.status !== 404) {
      this.#missingSince = undefined;
      return;
    }
    const { connection, timings } = this.#client;
    const now = performance.now();
    this.#missingSince ??= now;
    if (now - this.#missingSince >= connection.contact.doubtMs(timings)) throw error;
  }
}

/** Every stored object has a UID; the fallback serves aggregated APIs that make theirs up (metrics). */
function uidOf(item: unknown): string {
  const { metadata } = item as { metadata?: { uid?: string; namespace?: string; name?: string } };
  return metadata?.uid ?? `${metadata?.namespace ?? ''}/${metadata?.name ?? ''}`;
}
