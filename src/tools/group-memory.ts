import { execFile } from 'node:child_process';
import fs from 'node:fs';

/** Also a command of a moment shall have a figure; then in double the time, up to a second. */
const firstMs = 100;
const everyMs = 1000;
const psLimitMs = 5000;

/** Watches how much memory a process group has. */
export interface GroupMemory {
  /** Ends it; the largest sum that was seen, in bytes, or undefined where none was. */
  end(): number | undefined;
}

/**
 * Samples the resident memory of all processes of a group together, once a second, at first more often, from 0.1 s on. What
 * lasts less than that between two samples is not seen; pages that several of them share count for each; a process that has left
 * the group is not of it.
 */
export function watchGroupMemory(group: number, platform: NodeJS.Platform = process.platform): GroupMemory {
  const sample = platform === 'linux' ? fromProc : platform === 'darwin' ? fromPs : undefined;
  let most: number | undefined;
  let timer: NodeJS.Timeout | undefined;
  let over = false;
  const look = async (since: number): Promise<void> => {
    const bytes = await sample?.(group);
    if (bytes !== undefined && bytes > 0) most = Math.max(bytes, most ?? 0);
    if (!over) next(Math.min(2 * since, everyMs));
  };
  const next = (ms: number): void => {
    timer = setTimeout(() => void look(ms), ms);
    // A measurement never keeps the process alive.
    timer.unref();
  };
  if (sample !== undefined) next(firstMs);
  return {
    end() {
      over = true;
      clearTimeout(timer);
      return most;
    },
  };
}

/** Pages of 4 KiB, or what the kernel says; `AT_PAGESZ` of this process (getauxval(3)). */
let page: number | undefined;

function pageSize(): number {
  if (page !== undefined) return page;
  const tag = 6n;
  let size = 4096;
  try {
    const aux = fs.readFileSync('/proc/self/auxv');
    for (let at = 0; at + 16 <= aux.length; at += 16)
      if (aux.readBigUInt64LE(at) === tag) size = Number(aux.readBigUInt64LE(at + 8));
  } catch {
    // A kernel without it has the usual pages.
  }
  page = size;
  return size;
}

/** By fields 5 (pgrp) and 24 (rss, in pages) of /proc/PID/stat, counted from 1 (proc(5)). */
function fromProc(group: number): Promise<number | undefined> {
  let pages = 0;
  let entries: string[];
  try {
    entries = fs.readdirSync('/proc');
  } catch {
    return Promise.resolve(undefined);
  }
  for (const name of entries) {
    if (!/^\d+$/.test(name)) continue;
    try {
      const text = fs.readFileSync(`/proc/${name}/stat`, 'utf8');
      // Behind the name, which may itself hold anything.
      const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
      if (Number(fields[2]) === group) pages += Number(fields[21]);
    } catch (error) {
      // It has gone meanwhile.
      if (!isGone(error)) return Promise.resolve(undefined);
    }
  }
  return Promise.resolve(pages * pageSize());
}

const isGone = (error: unknown): boolean => {
  const { code } = error as NodeJS.ErrnoException;
  return code === 'ENOENT' || code === 'ESRCH';
};

/** Where there is no /proc: the groups and KiB of all processes, by ps. */
function fromPs(group: number): Promise<number | undefined> {
  return new Promise((resolve) => {
    execFile('ps', ['-A', '-o', 'pgid=,rss='], { timeout: psLimitMs }, (error, stdout) =>
      resolve(error === null ? sumOfPs(stdout, group) : undefined),
    );
  });
}

/** The memory of a group, in bytes, by lines of group and KiB. */
export function sumOfPs(text: string, group: number): number {
  let kib = 0;
  for (const line of text.split('\n')) {
    const [pgid, rss] = line.trim().split(/\s+/).map(Number);
    if (pgid === group && rss !== undefined && Number.isFinite(rss)) kib += rss;
  }
  return kib * 1024;
}
