import type { ContainerRef } from '../model/kube.ts';
import { KubeError } from './error.ts';
import { podPath, queryOf } from './paths.ts';
import type { Client } from './request.ts';
import { get } from './request.ts';

/** The last lines of a container's log; none when it has not started, has no log of that kind, or is gone. */
export async function tail(
  client: Client,
  { namespace, pod, container }: ContainerRef,
  lines: number,
  options: { readonly previous?: boolean } = {},
  signal?: AbortSignal,
): Promise<string[]> {
  const path = `${podPath(namespace, pod, 'log')}${queryOf({
    container,
    tailLines: lines,
    previous: options.previous === true ? true : undefined,
  })}`;
  try {
    const all = (await get(client, path, signal)).split(/\r?\n/);
    if (all.at(-1) === '') all.pop();
    return all.slice(-lines);
  } catch (error) {
    if (error instanceof KubeError && (error.status === 400 || error.status === 404)) return [];
    throw error;
  }
}
