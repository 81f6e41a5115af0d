import type { Query } from '../model/kube.ts';
import { KubeError } from './error.ts';
import { parse } from './objects.ts';
import { pathOf, queryOf } from './paths.ts';
import type { Client } from './request.ts';
import { get } from './request.ts';

interface ListBody {
  readonly items?: readonly object[] | null;
  readonly metadata?: { readonly resourceVersion?: string; readonly continue?: string };
}

export interface Listed<T> {
  readonly items: T[];
  /** From which a watch goes on. */
  readonly resourceVersion: string;
}

/** Objects per page; what kubectl and client-go use (their default chunk size). */
const pageSize = 500;

/** How often a list is begun anew because its continue token expired on the way. */
const restarts = 3;

/** A complete list in pages, all of one moment of the cluster. */
export async function listAll<T>(client: Client, query: Query, signal?: AbortSignal): Promise<Listed<T>> {
  for (let n = 0; ; n += 1) {
    try {
      return await pages<T>(client, query, signal);
    } catch (error) {
      if (n >= restarts || !(error instanceof KubeError) || error.status !== 410) throw error;
    }
  }
}

async function pages<T>(client: Client, query: Query, signal: AbortSignal | undefined): Promise<Listed<T>> {
  const items: T[] = [];
  let token: string | undefined;
  for (;;) {
    const path = `${pathOf({ ...query, name: undefined })}${queryOf({
      limit: pageSize,
      continue: token,
      labelSelector: query.labelSelector,
      fieldSelector: query.fieldSelector,
    })}`;
    const body = parse(await get(client, path, signal), path) as ListBody;
    // Objects in a typed list come without what they are.
    for (const item of body.items ?? [])
      items.push({ apiVersion: query.apiVersion, kind: query.kind, ...item } as T);
    token = body.metadata?.continue;
    if (token === undefined || token === '')
      return { items, resourceVersion: body.metadata?.resourceVersion ?? '' };
  }
}
