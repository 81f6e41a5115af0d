import fs from 'node:fs';
import path from 'node:path';
import type { Made, MadeObject } from '../model/state.ts';
import { messageOf } from '../model/errors.ts';
import type { LeaseState } from './lease.ts';
import { ownerLives, readStates, takeState, type RunState } from './state.ts';

/** Removes one thing that a state lists; resolves when it is gone, rejects when it could not be removed. */
export type Remover = (made: Made) => Promise<void>;

export interface SweepResult {
  readonly removed: readonly { readonly run: string; readonly made: Made }[];
  readonly failed: readonly { readonly run: string; readonly made: Made; readonly why: string }[];
  /** Of runs that may live in a cluster of several users, and why. */
  readonly held: readonly { readonly run: string; readonly why: string }[];
  readonly unreadable: readonly string[];
}

/** What the Lease of a run in a cluster of several users says. */
export type AskLease = (run: string, made: MadeObject) => Promise<LeaseState>;

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
    if (over && !(await ownerLives(home, entry.state))) found.push(entry);
  }
  return found;
}

/**
 * Removes what abandoned runs left: only what their state files list, and only when their owner is proved gone. Their
 * processes go first (`endProcesses`): a creation that still runs would make more.
 */
export async function sweep(
  home: string,
  now: number,
  remove: Remover,
  endProcesses: (run: string) => Promise<unknown>,
  askLease: AskLease,
): Promise<SweepResult> {
  const held: { run: string; why: string }[] = [];
  const removed: { run: string; made: Made }[] = [];
  const failed: { run: string; made: Made; why: string }[] = [];
  for (const { state: found } of await abandoned(home, now)) {
    const lease = found.made.find((made) => made.type === 'object' && made.lease === true);
    // One that was kept ended in good order, and left it on purpose.
    const live =
      lease?.type === 'object' && found.kept === undefined ? await askLease(found.run, lease) : undefined;
    if (live?.held === true) {
      held.push({ run: found.run, why: live.why });
      continue;
    }
    // Its own from here on: neither another sweep nor `ket attach` meddles with it.
    const state = await takeState(home, found.run);
    if (state === undefined) continue;
    await endProcesses(found.run);
    for (const { made, within } of removals(state.list())) {
      try {
        await remove(made);
        for (const gone of [...within, made]) await state.remove(gone);
        removed.push({ run: found.run, made });
      } catch (error) {
        failed.push({ run: found.run, made, why: messageOf(error) });
      }
    }
    const left = state.list().length > 0;
    if (!left) fs.rmSync(state.file, { force: true });
    await state.close();
    if (!left) removeFilesOf(home, found.run);
  }
  for (const run of await withoutState(home)) removeFilesOf(home, run);
  return { removed, failed, held, unreadable: readStates(home).unreadable };
}

/** Kubeconfig with its lock, socket, a state that was being written: all begin with the run's id. */
function removeFilesOf(home: string, run: string): void {
  for (const name of fs.readdirSync(home))
    if (name.startsWith(`${run}.`)) fs.rmSync(path.join(home, name), { force: true });
}

/** Runs that were killed before they wrote their first state. */
async function withoutState(home: string): Promise<string[]> {
  if (!fs.existsSync(home)) return [];
  const names = fs.readdirSync(home);
  const runs = new Set(
    names.flatMap((name) => /^([\w-]+)\.(?:(?:\d+\.)?sock|journal|json\..*\.tmp)$/.exec(name)?.[1] ?? []),
  );
  const dead: string[] = [];
  for (const run of runs) {
    if (names.includes(`${run}.json`)) continue;
    if (!(await ownerLives(home, { run, socket: path.join(home, `${run}.sock`) }))) dead.push(run);
  }
  return dead;
}
