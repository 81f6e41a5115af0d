import { randomBytes } from 'node:crypto';
import type { AnyObject, Kube, ObjectRef } from '../model/kube.ts';
import { KubeError } from './error.ts';
import { collectionOf, pathOf, queryOf } from './paths.ts';
import type { Client } from './request.ts';
import { get, persist, sendOnce } from './request.ts';

/** A body of the API, taken for what its path promises: the server has validated it. */
export function parse(body: string, where: string): unknown {
  try {
    return JSON.parse(body);
  } catch (cause) {
    throw new KubeError('the API server answered with something that is not JSON', {
      status: 0,
      reason: 'NotJson',
      where,
      cause,
    });
  }
}

export async function getObject<T>(
  client: Client,
  ref: ObjectRef,
  signal?: AbortSignal,
): Promise<T | undefined> {
  const path = pathOf(ref);
  try {
    return parse(await get(client, path, signal), path) as T;
  } catch (error) {
    if (error instanceof KubeError && error.status === 404) return undefined;
    throw error;
  }
}

interface Metadata {
  readonly name?: string;
  readonly namespace?: string;
  readonly generateName?: string;
  readonly managedFields?: readonly { readonly manager?: string }[];
}

const metadataOf = (object: AnyObject): Metadata => object.metadata ?? {};

/**
 * Creates an object exactly once. Each create has a field manager of its own, which the server stores with the
 * object: when an answer was lost, a GET tells whether the object there is ours or was there before.
 */
export async function createObject<T>(client: Client, object: AnyObject, signal?: AbortSignal): Promise<T> {
  const { apiVersion, kind } = object;
  const { name, namespace, generateName } = metadataOf(object);
  const manager = `ket-${randomBytes(6).toString('hex')}`;
  const path = collectionOf({ apiVersion, kind, namespace, name: name ?? generateName });
  const ask = {
    method: 'POST',
    path: `${path}${queryOf({ fieldManager: manager })}`,
    body: JSON.stringify(object),
  } as const;
  /** Ours, if it is there and has our mark. */
  const find = async (stop: AbortSignal): Promise<T | undefined> => {
    if (name === undefined) return undefined;
    const ref = { apiVersion, kind, name, ...(namespace === undefined ? {} : { namespace }) };
    const found = await getObject<T>(client, ref, stop);
    const fields = (found as { metadata?: Metadata } | undefined)?.metadata?.managedFields ?? [];
    return fields.some((field) => field.manager === manager) ? found : undefined;
  };
  let uncertain = false;
  return await persist(
    client,
    `POST ${path}`,
    async (stop) => {
      try {
        return parse((await sendOnce(client, ask, stop)).body, path) as T;
      } catch (error) {
        if (!uncertain || !(error instanceof KubeError) || error.status !== 409) throw error;
        const ours = await find(stop);
        if (ours === undefined) throw error;
        return ours;
      }
    },
    signal,
    async (error, stop) => {
      uncertain = true;
      // A second one would have another name: only the caller knows whether that is wanted.
      if (generateName !== undefined) throw error;
      return await find(stop);
    },
  );
}

export async function patchObject<T>(
  client: Client,
  ref: ObjectRef,
  patch: object,
  signal?: AbortSignal,
): Promise<T> {
  const ask = {
    method: 'PATCH',
    path: pathOf(ref),
    body: JSON.stringify(patch),
    contentType: 'application/merge-patch+json',
  } as const;
  // A merge patch gives the same object when it is applied twice.
  const { body } = await persist(client, `PATCH ${ask.path}`, (stop) => sendOnce(client, ask, stop), signal);
  return parse(body, ask.path) as T;
}

/** Two parts of the API server say it in two ways. */
const uidMismatch = /UID in (?:the )?precondition/;

type DeleteOptions = Parameters<Kube['delete']>[1];

export async function deleteObject(
  client: Client,
  ref: ObjectRef,
  options: DeleteOptions = {},
  signal?: AbortSignal,
): Promise<boolean> {
  const ask = {
    method: 'DELETE',
    path: pathOf(ref),
    body: JSON.stringify({
      kind: 'DeleteOptions',
      apiVersion: 'v1',
      propagationPolicy: options.propagation ?? 'Background',
      gracePeriodSeconds: options.graceSeconds,
      ...(options.uid === undefined ? {} : { preconditions: { uid: options.uid } }),
    }),
  } as const;
  let uncertain = false;
  try {
    await persist(
      client,
      `DELETE ${ask.path}`,
      (stop) => sendOnce(client, ask, stop),
      signal,
      () => {
        uncertain = true;
        return Promise.resolve(undefined);
      },
    );
    return true;
  } catch (error) {
    if (!(error instanceof KubeError)) throw error;
    // Gone after an attempt whose answer was lost: that attempt was it.
    if (error.status === 404) return uncertain;
    if (error.status !== 409) throw error;
    // Another object by this name is not the one that was to go.
    if (options.uid !== undefined && uidMismatch.test(error.message)) return uncertain;
    // A namespace that is already on its way out.
    if (ref.kind === 'Namespace') return true;
    throw error;
  }
}
