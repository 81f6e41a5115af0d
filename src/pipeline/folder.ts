import fs from 'node:fs';
import path from 'node:path';
import { randomBytes } from 'node:crypto';

/** Short, sortable by time, unique: `1121-114502-3fa9`. Fits in names of clusters and namespaces. */
export function newRunId(now: Date): string {
  const two = (n: number): string => String(n).padStart(2, '0');
  const day = two(now.getUTCMonth() + 1) + two(now.getUTCDate());
  const time = two(now.getUTCHours()) + two(now.getUTCMinutes()) + two(now.getUTCSeconds());
  return `${day}-${time}-${randomBytes(2).toString('hex')}`;
}

const runFolder = /^\d{4}-\d{6}-[0-9a-f]{4}$/;

/** Runs whose folders stay; older ones are pruned. */
const keptRuns = 20;

/** Makes the folder of a run, points `latest` to it, and prunes the oldest folders of runs without a state file. */
export function makeRunFolder(output: string, runId: string, stateHome: string): string {
  fs.mkdirSync(output, { recursive: true });
  const folder = path.join(output, runId);
  fs.mkdirSync(folder, { mode: 0o700 });
  pointLatest(output, runId);
  const old = fs
    .readdirSync(output)
    .filter(
      (name) =>
        runFolder.test(name) && name !== runId && !fs.existsSync(path.join(stateHome, `${name}.json`)),
    )
    // Another run may prune at the same time.
    .map((name) => ({
      name,
      at: fs.statSync(path.join(output, name), { throwIfNoEntry: false })?.mtimeMs ?? 0,
    }))
    .sort((a, b) => b.at - a.at)
    .slice(keptRuns - 1);
  for (const { name } of old) fs.rmSync(path.join(output, name), { recursive: true, force: true });
  return folder;
}

/** By rename, so that a reader never finds it missing. */
function pointLatest(output: string, runId: string): void {
  const latest = path.join(output, 'latest');
  const next = `${latest}.${runId}`;
  const stat = fs.lstatSync(latest, { throwIfNoEntry: false });
  if (stat !== undefined && !stat.isSymbolicLink()) return;
  fs.symlinkSync(runId, next);
  fs.renameSync(next, latest);
}
