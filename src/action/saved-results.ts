import fs from 'node:fs';
import path from 'node:path';
import { stateHome } from '../pipeline/state.ts';

/** So many runs of which nobody took the results are kept. */
const kept = 10;

/** Copies a run's folder to where a runner that removes its workspaces does not come. Gives the place. */
export function saveCopy(folder: string, runId: string): string {
  const home = path.join(stateHome(process.env), '..', 'results');
  const target = path.join(home, runId);
  fs.mkdirSync(home, { recursive: true, mode: 0o700 });
  fs.cpSync(folder, target, { recursive: true });
  // Run ids begin with their time within a year; the file system knows the year.
  const byAge = fs
    .readdirSync(home)
    .map((name) => ({ name, at: fs.statSync(path.join(home, name)).mtimeMs }))
    .sort((a, b) => b.at - a.at);
  for (const { name } of byAge.slice(kept))
    fs.rmSync(path.join(home, name), { recursive: true, force: true });
  return target;
}
