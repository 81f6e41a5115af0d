import fs from 'node:fs';
import type { Deps } from '../model/deps.ts';
import { KetError } from '../model/errors.ts';
import { namespaceGone } from '../kube/await-gone.ts';
import { podsOf, remove as removeObject } from '../kube/remove.ts';
import type { Kube } from '../model/kube.ts';
import type { Made } from '../model/state.ts';
import type { Task } from '../model/task.ts';
import { deleteCluster } from '../cluster/delete.ts';
import { removeRegistry } from '../images/own-registry.ts';
import { uninstallRelease } from '../releases/uninstall.ts';
import { releaseSidecars } from '../suites/collect/release-sidecars.ts';
import { findDocker, onPath } from '../tools/find.ts';
import { removals, type Remover } from './sweep.ts';
import type { OpenState } from './state.ts';

/** Removes one thing that ket made, by its exact name; used at the end of a run and by the sweep. `say` is told of what stays by design. */
export function remover(
  deps: Deps,
  connect: (kubeconfig: string) => Promise<KubeForRemoval>,
  signal?: AbortSignal,
  say: (text: string) => void = () => undefined,
): Remover {
  return async (made) => {
    if ((made.type === 'object' || made.type === 'release') && goneWithCluster(made.kubeconfig)) return;
    switch (made.type) {
      case 'kind-cluster': {
        // Any version of kind deletes by the same label; without one docker does it.
        const kind = onPath(deps.env, 'kind')[0];
        await deleteCluster(deps, {
          docker: findDocker(deps.env),
          name: made.name,
          kubeconfig: made.kubeconfig,
          ...(kind === undefined ? {} : { kind }),
          ...(signal === undefined ? {} : { signal }),
        });
        return;
      }
      case 'object': {
        const { apiVersion, kind, name, namespace } = made;
        const kube = await connect(made.kubeconfig);
        try {
          const pods = podsOf({ kind, name, ...(namespace === undefined ? {} : { namespace }) });
          if (pods !== undefined) await releaseSidecars(kube, pods, signal);
          await removeObject(
            kube,
            { apiVersion, kind, name, ...(namespace === undefined ? {} : { namespace }) },
            signal,
          );
          if (kind === 'Namespace')
            await namespaceGone(kube, name, {
              clock: deps.clock,
              ...leaving,
              code: 'KET_STATE',
              ...(signal === undefined ? {} : { signal }),
            });
        } finally {
          kube.close();
        }
        return;
      }
      case 'container':
        await removeRegistry(deps, findDocker(deps.env), made.name);
        return;
      case 'folder':
        fs.rmSync(made.path, { recursive: true, force: true });
        return;
      case 'release':
        await withKube(connect, made.kubeconfig, (kube) =>
          uninstallRelease(deps, made, { kube, say, ...(signal === undefined ? {} : { signal }) }),
        );
        return;
    }
  };
}

async function withKube(
  connect: (kubeconfig: string) => Promise<KubeForRemoval>,
  kubeconfig: string,
  work: (kube: KubeForRemoval) => Promise<void>,
): Promise<void> {
  const kube = await connect(kubeconfig);
  try {
    await work(kube);
  } finally {
    kube.close();
  }
}

/** ket deletes a kubeconfig only when its cluster is proved gone, and all that was in it with it. */
const goneWithCluster = (kubeconfig: string): boolean => !fs.existsSync(kubeconfig);

/** How long a namespace may take to go; an empty one takes some seconds, and one that is stuck is not waited for anew. */
const leaving = { limitMs: 60_000, leastMs: 5_000 };

/** The part of Kube that removal needs. */
export type KubeForRemoval = Pick<Kube, 'delete' | 'exec' | 'get' | 'list' | 'text' | 'close'>;

const removeMs = 180_000;

const isLeaving = (made: Made): boolean => made.type === 'object' && made.leaving === true;

/**
 * One task per thing that the run made, newest first, of which namespaces hold up none: they take seconds each, and go
 * side by side. What could not be removed is named with its cure.
 */
export function cleanupTasks(state: OpenState, remove: Remover): Task[] {
  const tasks: Task[] = [];
  const namespaces: Task[] = [];
  let before: Task | undefined;
  for (const { made, within } of removals(state.list().filter((one) => !isLeaving(one)))) {
    const isNamespace = made.type === 'object' && made.kind === 'Namespace';
    const last = before === undefined ? [] : [before];
    const task = removalTask(
      state,
      remove,
      made,
      within,
      needsNamespacesGone(made) ? [...last, ...namespaces] : last,
    );
    tasks.push(task);
    if (isNamespace) namespaces.push(task);
    else before = task;
  }
  return tasks;
}

/**
 * The Lease is the proof of life for all else. What is in a namespace may go only while the operator of its CRDs runs,
 * and a folder or a cluster may have what a removal works with.
 */
const needsNamespacesGone = (made: Made): boolean =>
  made.type === 'object' ? made.lease === true : made.type !== 'release' || made.crds !== undefined;

/** The namespaces of attempts are on their way out already; side by side, so that one that is stuck holds up none. */
export const leavingTasks = (state: OpenState, remove: Remover): Task[] =>
  state
    .list()
    .filter(isLeaving)
    .map((made) => removalTask(state, remove, made, [], []));

/** After those before it: a release is uninstalled before its namespace goes. */
function removalTask(
  state: OpenState,
  remove: Remover,
  made: Made,
  within: readonly Made[],
  before: readonly Task[],
): Task {
  return {
    id: `remove ${nameOf(made)}`,
    phase: 'cleanup',
    title: `remove ${nameOf(made)}`,
    needs: [],
    after: before,
    limitMs: removeMs,
    async run(context) {
      try {
        await remove(made);
        for (const gone of [...within, made]) await state.remove(gone);
      } catch (error) {
        const next = error instanceof KetError ? error.next : undefined;
        context.emit({
          type: 'leftover',
          what: nameOf(made),
          why: error instanceof Error ? error.message : String(error),
          cure: next ?? 'ket cleanup',
        });
        throw error;
      }
    },
  };
}

export function nameOf(made: Made): string {
  switch (made.type) {
    case 'kind-cluster':
      return `cluster ${made.name}`;
    case 'object':
      return `${made.kind.toLowerCase()} ${made.namespace === undefined ? '' : `${made.namespace}/`}${made.name}`;
    case 'release':
      return `release ${made.namespace}/${made.name}`;
    case 'container':
      return `registry ${made.name}`;
    case 'folder':
      return `folder ${made.path}`;
  }
}
