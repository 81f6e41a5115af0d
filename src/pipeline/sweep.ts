import fs from 'node:fs';
import type { Made } from '../model/state.ts';
import { messageOf } from '../model/errors.ts';
import { ownerLives, readStates, writeState, type RunState } from './state.ts';

/** Removes one thing that a state lists; resolves when it is gone, rejects when it could not be removed. */
export type Remover = (made: Made) => Promise<void>;

export interface SweepResult {
  readonly removed: readonly { readonly run: string; readonly made: Made }[];
  readonly failed: readonly { readonly run: string; readonly made: Made; readonly why: string }[];
  readonly unreadable: readonly string[];
}

export interface Removal {
  readonly made: Made;
  /** What goes away with it. */
  readonly within: readonly Made[];
}

/** In which order things are removed: the newest first; what stands in a cluster that goes away needs no removal. */
export function removals(list: readonly Made[]): Removal[] {
  const clusters = list.filter((made) => made.type === 'kind-cluster');
  const inside = (made: Made): boolean =>
    (made.type === 'release' || made.type === 'object') &&
    clusters.some((cluster) => cluster.kubeconfig === made.kubeconfig);
  return [...list]
    .reverse()
    .filter((made) => !inside(made))
    .map((made) => ({
      made,
      within:
        made.type === 'kind-cluster'
          ? list.filter(
              (other) => inside(other) && 'kubeconfig' in other && other.kubeconfig === made.kubeconfig,
            )
          : [],
    }));
}

/** Runs whose owner is gone and that nobody asked to keep, or whose time is over. */
export async function abandoned(home: string, now: number): Promise<{ file: string; state: RunState }[]> {
  const found: { file: string; state: RunState }[] = [];
  for (const entry of readStates(home).states) {
    const { kept } = entry.state;
    const over = kept === undefined || (kept.until !== undefined && Date.parse(kept.until) <= now);
    if (over && !(await ownerLives(entry.state))) found.push(entry);
  }
  return found;
}

/** Removes what abandoned runs left: only what their state files list, and only when their owner is proved gone. */
export async function sweep(home: string, now: number, remove: Remover): Promise<SweepResult> {
  const removed: { run: string; made: Made }[] = [];
  const failed: { run: string; made: Made; why: string }[] = [];
  for (const { file, state } of await abandoned(home, now)) {
    const left: Made[] = [];
    for (const { made, within } of removals(state.made)) {
      try {
        await remove(made);
        removed.push({ run: state.run, made });
      } catch (error) {
        left.unshift(made, ...within);
        failed.push({ run: state.run, made, why: messageOf(error) });
      }
    }
    if (left.length === 0) {
      fs.rmSync(file, { force: true });
      fs.rmSync(state.socket, { force: true });
    } else writeState(file, { ...state, made: left });
  }
  return { removed, failed, unreadable: readStates(home).unreadable };
}
