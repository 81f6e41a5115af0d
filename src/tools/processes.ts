import fs from 'node:fs';
import { childEnvName } from './child-env.ts';
import type { Clock } from '../model/deps.ts';

/** Between TERM and KILL: a `docker run` or a Helm client ends in less. */
const termMs = 3000;
const killMs = 3000;
const pollMs = 100;

/**
 * Ends the processes that a killed run left. They are known by the run's id in their environment, which all that ket
 * starts inherit, so nothing else can be meant, whatever became of process ids. Returns how many there were.
 * Only on Linux: elsewhere no program can read the environment of another process without special rights.
 */
export async function endProcessesOf(run: string, clock: Clock): Promise<number> {
  const found = processesOf(run);
  await signalUntilGone(run, 'SIGTERM', termMs, clock);
  await signalUntilGone(run, 'SIGKILL', killMs, clock);
  return found.length;
}

/** Again and again, for one of them may just be starting another; and one that is killed takes a moment to be gone. */
async function signalUntilGone(
  run: string,
  name: NodeJS.Signals,
  limitMs: number,
  clock: Clock,
): Promise<void> {
  const until = clock.monotonic() + limitMs;
  const told = new Set<number>();
  for (let left = processesOf(run); left.length > 0 && clock.monotonic() < until; left = processesOf(run)) {
    signal(
      left.filter((pid) => !told.has(pid)),
      name,
    );
    for (const pid of left) told.add(pid);
    await clock.sleep(pollMs);
  }
}

/** Process ids of those that carry the run's id, without this process and those above it. */
export function processesOf(run: string): number[] {
  if (process.platform !== 'linux') return [];
  const wanted = `${childEnvName}=${run}`;
  const above = ancestors();
  return fs
    .readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => !above.has(pid) && environment(pid).includes(wanted) && !isZombie(pid));
}

function ancestors(): ReadonlySet<number> {
  const found = new Set<number>();
  for (let pid = process.pid; pid > 1 && !found.has(pid); pid = parentOf(pid)) found.add(pid);
  return found;
}

/** Empty for a process that has gone, or is somebody else's. */
function environment(pid: number): string[] {
  try {
    return fs.readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0');
  } catch {
    return [];
  }
}

/** Fields of /proc/PID/stat behind the name, which may itself hold anything (proc(5)). */
function stat(pid: number): string[] {
  try {
    const text = fs.readFileSync(`/proc/${pid}/stat`, 'utf8');
    return text.slice(text.lastIndexOf(')') + 2).split(' ');
  } catch {
    return [];
  }
}

const parentOf = (pid: number): number => Number(stat(pid)[1] ?? 0);
const isZombie = (pid: number): boolean => stat(pid)[0] === 'Z';

function signal(pids: readonly number[], name: NodeJS.Signals): void {
  for (const pid of pids) {
    try {
      process.kill(pid, name);
    } catch {
      // It has gone meanwhile.
    }
  }
}
