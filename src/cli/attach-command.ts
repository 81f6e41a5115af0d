import fs from 'node:fs';
import path from 'node:path';
import { checkSecrets } from '../config/index.ts';
import { connect } from '../kube/connect.ts';
import { KetError } from '../model/errors.ts';
import type { RunEvent } from '../model/events.ts';
import { attachRun } from '../pipeline/attach.ts';
import { readEvents } from '../pipeline/event-log.ts';
import { journalFile, readHead, takeJournal, type JournalHead } from '../pipeline/journal.ts';
import { ownerLives, readStates, stateHome, takeState, type RunState } from '../pipeline/state.ts';
import { finalBlock } from '../report/final.ts';
import { jsonSink } from '../report/json.ts';
import { viewOf } from '../report/model.ts';
import { styleFor } from '../report/style.ts';
import { writeReports } from '../report/write-reports.ts';
import { findAssets, ketVersion, realDeps } from './environment.ts';
import { sinksFor, type Format } from './reporters.ts';
import { cancelOnSignals } from './signals.ts';

export interface AttachFlags {
  readonly output: string;
  readonly format?: Format;
}

/**
 * `ket attach`: goes on with a run whose driver died, until its end; of a run that has ended it shows the result.
 * Resolves with the exit code of the run. `target`: the id of the run, or its folder.
 */
export async function attachCommand(target: string, flags: AttachFlags): Promise<number> {
  const deps = realDeps();
  const home = stateHome(deps.env);
  const { run, folder } = find(target, flags.output, readStates(home).states);
  const ended = endedBefore(folder);
  if (ended !== undefined) return show(ended, folder, flags.format);
  const was = readStates(home).states.find(({ state }) => state.run === run)?.state;
  if (was === undefined) throw swept(run, folder);
  if (await ownerLives(home, was)) throw driven(was);
  const assets = findAssets(process.argv[1] ?? '.');
  check(run, readHead(journalFile(home, run)), ketVersion(assets), deps.env);
  const state = await takeState(home, run);
  if (state === undefined)
    throw driven(readStates(home).states.find(({ state: s }) => s.run === run)?.state ?? was);
  const cancel = cancelOnSignals((text) => process.stderr.write(`\nket: ${text}\n`));
  try {
    const end = await attachRun({
      ...{ deps, assets, was, state },
      journal: takeJournal(journalFile(home, run)),
      connect: (kubeconfig) => connect({ kubeconfig }),
      sinks: (at) => sinksFor(flags.format, at),
      cancel: cancel.signal,
      writeReports: (at, events) => writeReports(at, events),
    });
    return end.exitCode;
  } finally {
    cancel.release();
  }
}

/** The run's id and folder; a run whose state is gone is looked for where runs put their folders. */
function find(
  target: string,
  output: string,
  states: readonly { readonly state: RunState }[],
): { readonly run: string; readonly folder: string } {
  const known = states.find(({ state }) => state.run === target)?.state;
  if (known !== undefined) return known;
  for (const place of [target, path.join(output, target)])
    if (fs.existsSync(path.join(place, 'events.ndjson'))) {
      const folder = fs.realpathSync(place);
      return { run: path.basename(folder), folder };
    }
  const living = states.map(({ state }) => state.run).join(', ');
  throw new KetError('KET_USAGE', `there is no run ${target}`, {
    details: living === '' ? [] : [`runs that are known on this machine: ${living}`],
    next: `name a run by its id or its folder; folders of runs are in ${output}, or where --output says`,
  });
}

function endedBefore(folder: string): readonly RunEvent[] | undefined {
  const file = path.join(folder, 'events.ndjson');
  if (!fs.existsSync(file)) return undefined;
  const events = readEvents(file);
  return events.some(({ type }) => type === 'run-ended') ? events : undefined;
}

function show(events: readonly RunEvent[], folder: string, format: Format | undefined): number {
  if (format === 'json') {
    const sink = jsonSink(process.stdout);
    for (const event of events) sink.event(event);
  } else {
    const { isTTY } = process.stderr;
    const lines = finalBlock(viewOf(events), { style: styleFor({ isTTY, env: process.env }), folder });
    process.stderr.write(lines.map((line) => `${line}\n`).join(''));
  }
  return events.find((event) => event.type === 'run-ended')?.exitCode ?? 3;
}

const driven = ({ run, pid }: RunState): KetError =>
  new KetError('KET_STATE', `run ${run} is still driven by process ${String(pid)}`, {
    next: 'its output shows the run; end that process first if it hangs: kill -9, then ket attach',
  });

const swept = (run: string, folder: string): KetError =>
  new KetError(
    'KET_STATE',
    `run ${run} cannot be taken up any more: its driver died, and a later run or ket cleanup has removed what it had made`,
    {
      where: folder,
      details: [
        'what had come home until then is in its folder; suites without an end there have no verdict',
      ],
      next: `ket report ${folder} writes what is known; run the suites again`,
    },
  );

function check(run: string, head: JournalHead, version: string, env: NodeJS.ProcessEnv): void {
  if (head.up)
    throw new KetError('KET_USAGE', `run ${run} was a ket up, which has no suites to attach to`, {
      next: 'ket cleanup removes what it left; ket up begins anew',
    });
  if (head.plan.soakMs !== undefined)
    throw new KetError('KET_USAGE', `run ${run} was a soak, which ends with its driver`, {
      next: 'ket report FOLDER writes what its rounds came to; ket cleanup removes what it left',
    });
  if (head.ket !== version)
    throw new KetError('KET_STATE', `run ${run} was begun by ket ${head.ket}, and this is ${version}`, {
      next: `attach with ket ${head.ket}, or let ket cleanup remove what the run left`,
    });
  // Without their values they could not be masked, and no Job of a retry made.
  checkSecrets(head.plan, env);
}
