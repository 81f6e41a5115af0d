import fs from 'node:fs';
import path from 'node:path';
import type { Deps } from '../model/deps.ts';
import { KetError } from '../model/errors.ts';
import type { Plan } from '../model/plan.ts';
import { nameOf, remover } from '../pipeline/cleanup.ts';
import type { ExistingCluster } from '../pipeline/existing.ts';
import { journalFile } from '../pipeline/journal.ts';
import { leaseOf } from '../pipeline/lease.ts';
import { ownerLives, readStates, stateHome, writeState, type RunState } from '../pipeline/state.ts';
import { removals, sweep } from '../pipeline/sweep.ts';
import { readUpRecord, refuseOtherCluster, upRecordFile } from '../pipeline/up-record.ts';
import { connect } from '../kube/connect.ts';
import { downloadLimits } from '../tools/download-limits.ts';
import { provideTool } from '../tools/find.ts';
import { endProcessesOf } from '../tools/processes.ts';
import { realDeps } from './environment.ts';

interface UpState {
  readonly file: string;
  readonly state: RunState;
}

function upStates(deps: Deps, root?: string, tier?: string): UpState[] {
  return readStates(stateHome(deps.env)).states.filter(({ state }) => {
    const up = state.kept?.up;
    return (
      up !== undefined && (root === undefined || up.root === root) && (tier === undefined || up.tier === tier)
    );
  });
}

/** The cluster that `ket up` left for this repository and tier; one that was made from something else is refused. */
export async function findUp(deps: Deps, plan: Plan): Promise<ExistingCluster | undefined> {
  const found = upStates(deps, plan.root, plan.tier)[0];
  const made = found?.state.made.find((m) => m.type === 'kind-cluster');
  if (made === undefined) return undefined;
  const upFile = upRecordFile(stateHome(deps.env), found?.state.run ?? '');
  const record = readUpRecord(upFile);
  if (record !== undefined) refuseOtherCluster(plan, record, made.name);
  return { name: made.name, kubeconfig: made.kubeconfig, releasesStay: true, upFile };
}

/** A Kind cluster that something else made: used, and left alone. */
export async function kindCluster(deps: Deps, plan: Plan, name: string): Promise<ExistingCluster> {
  const signal = AbortSignal.timeout(downloadLimits.overallMs);
  const kind = await provideTool(deps, 'kind', plan.tools.kind, { signal });
  const result = await deps.exec({ argv: [kind.path, 'get', 'kubeconfig', '--name', name], limitMs: 30_000 });
  if (result.code !== 0)
    throw new KetError('KET_CLUSTER', `there is no Kind cluster ${name}`, {
      details: result.stderr.trim().split('\n').slice(-3),
      next: 'kind get clusters lists those that are there',
    });
  // Beside the state files, so that no run's folder and no file of the user's holds the key.
  const folder = path.join(stateHome(deps.env), '..', 'kubeconfigs');
  fs.mkdirSync(folder, { recursive: true, mode: 0o700 });
  const kubeconfig = path.join(folder, `${name}.yaml`);
  fs.writeFileSync(kubeconfig, result.stdout, { mode: 0o600 });
  const nodes = await deps.exec({ argv: [kind.path, 'get', 'nodes', '--name', name], limitMs: 30_000 });
  return {
    name,
    kubeconfig,
    nodes: nodes.stdout.split('\n').filter((line) => line !== ''),
    releasesStay: false,
  };
}

const removal = (deps: Deps): ReturnType<typeof remover> =>
  remover(
    deps,
    (kubeconfig) => connect({ kubeconfig }),
    undefined,
    (text) => process.stderr.write(`${text}\n`),
  );

/** `ket down`: removes what `ket up` left for this repository; of one tier, or of all. */
export async function down(root: string, tier: string | undefined): Promise<number> {
  const deps = realDeps();
  const states = upStates(deps, root, tier);
  if (states.length === 0) process.stderr.write('nothing is up for this repository\n');
  for (const entry of states) await removeState(deps, entry);
  return 0;
}

/** `ket up --recreate`: what is up for the tier goes first. */
export async function downBeforeUp(deps: Deps, plan: Plan): Promise<void> {
  for (const entry of upStates(deps, plan.root, plan.tier)) await removeState(deps, entry);
}

async function removeState(deps: Deps, { file, state }: UpState): Promise<void> {
  let left = [...state.made];
  for (const { made, within } of removals(state.made)) {
    await removal(deps)(made);
    left = left.filter((other) => other !== made && !within.includes(other));
    writeState(file, { ...state, made: left });
    process.stderr.write(`removed ${nameOf(made)}\n`);
  }
  fs.rmSync(file, { force: true });
  fs.rmSync(upRecordFile(path.dirname(file), state.run), { force: true });
}

/** `ket status`: what is up, what is kept and until when, what a killed run left. */
export async function status(): Promise<number> {
  const deps = realDeps();
  const { states, unreadable } = readStates(stateHome(deps.env));
  const out = process.stdout;
  const attachable = (run: string): boolean => fs.existsSync(journalFile(stateHome(deps.env), run));
  if (states.length === 0 && unreadable.length === 0) out.write('nothing is up, kept or left over\n');
  for (const { state } of states) {
    const what = state.made.map(nameOf).join(', ') || 'nothing';
    const { kept } = state;
    const why =
      kept?.up !== undefined
        ? `up for ${kept.up.tier} of ${kept.up.root}`
        : kept?.until !== undefined
          ? Date.parse(kept.until) > deps.clock.now()
            ? `kept until ${kept.until}`
            : 'kept, and its time is over: the next ket run or ket cleanup removes it'
          : (await ownerLives(stateHome(deps.env), state))
            ? 'running'
            : `left by a run that was killed: ${attachable(state.run) ? `ket attach ${state.run} goes on with it, ` : ''}the next ket run or ket cleanup removes it`;
    out.write(`${state.run}  ${what}  (${why})\n`);
    for (const made of state.made)
      if (made.type === 'kind-cluster' && kept !== undefined)
        out.write(`    export KUBECONFIG=${made.kubeconfig}\n`);
  }
  for (const file of unreadable) out.write(`${file}  cannot be read; what it lists is left alone\n`);
  return 0;
}

/** `ket cleanup`: the sweep that each run begins with, by itself; with `kept` also what was kept on purpose. */
export async function cleanup(kept: boolean): Promise<number> {
  const deps = realDeps();
  const home = stateHome(deps.env);
  // Seen from the end of time every kept cluster has expired; what `ket up` left has no end and stays.
  const swept = await sweep(
    home,
    kept ? Infinity : deps.clock.now(),
    removal(deps),
    (run) => endProcessesOf(run, deps.clock),
    (run, made) => leaseOf((kubeconfig) => connect({ kubeconfig }), run, made, deps.clock.now()),
  );
  for (const { run, why } of swept.held) process.stderr.write(`left alone: run ${run}: ${why}\n`);
  for (const { run, made } of swept.removed) process.stderr.write(`removed ${nameOf(made)} of run ${run}\n`);
  for (const { made, why } of swept.failed)
    process.stderr.write(`could not remove ${nameOf(made)}: ${why}\n`);
  for (const file of swept.unreadable) process.stderr.write(`left alone: ${file} cannot be read\n`);
  if (swept.removed.length + swept.failed.length === 0) process.stderr.write('nothing to remove\n');
  return swept.failed.length === 0 ? 0 : 3;
}
