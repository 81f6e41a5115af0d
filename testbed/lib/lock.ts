/**
 * One `up` at a time per folder. The lock names its holder by pid and start
 * time, so that a killed holder, or another process with its old pid, does not
 * block for ever.
 */
import { mkdirSync, readFileSync, rmSync, linkSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

/** A process's start time in clock ticks, or undefined when it is gone. */
export function startOf(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${String(pid)}/stat`, 'utf8');
    // The name (2nd field) may hold spaces; the fields after its ")" do not.
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
  } catch {
    return undefined;
  }
}

export async function withLock<T>(
  file: string,
  dir: string,
  say: (text: string) => void,
  work: () => Promise<T>,
): Promise<T> {
  mkdirSync(dir, { recursive: true });
  const mine = `${String(process.pid)} ${startOf(process.pid) ?? '?'}\n`;
  const draft = `${file}.${String(process.pid)}`;
  let waiting = 0;
  for (;;) {
    writeFileSync(draft, mine);
    try {
      linkSync(draft, file); // atomic, and the content is there from the start
      break;
    } catch {
      const [pid = '0', start] = read(file).split(/\s+/);
      if (startOf(Number(pid)) !== start || start === '') rmSync(file, { force: true });
      else if (waiting++ % 15 === 0) say(`waiting for another testbed command (process ${pid})`);
      if (waiting > 0) await sleep(1000);
    } finally {
      rmSync(draft, { force: true });
    }
  }
  const release = (): void => {
    if (read(file) === mine) rmSync(file, { force: true });
  };
  process.once('exit', release);
  try {
    return await work();
  } finally {
    process.off('exit', release);
    release();
  }
}

function read(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}
