import { createHash, randomUUID } from 'node:crypto';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { pipeline } from 'node:stream/promises';

type Env = Readonly<Record<string, string | undefined>>;

/** `$XDG_CACHE_HOME/ket` (XDG base directory specification). */
export function cacheHome(env: Env): string {
  const base = env['XDG_CACHE_HOME'];
  const root =
    base !== undefined && path.isAbsolute(base) ? base : path.join(env['HOME'] ?? os.homedir(), '.cache');
  return path.join(root, 'ket');
}

/** Where a tool of a version lies in ket's own cache. */
export function cachedTool(env: Env, tool: string, version: string): string {
  const arch = process.arch === 'x64' ? 'amd64' : process.arch;
  return path.join(cacheHome(env), 'tools', tool, version, `${process.platform}-${arch}`, tool);
}

/** SHA-256 of a file, as hexadecimal digits. */
export async function sumOf(file: string, signal?: AbortSignal): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(fs.createReadStream(file), hash, signal === undefined ? {} : { signal });
  return hash.digest('hex');
}

/** The file beside a program that tells what was placed. */
export const recordOf = (file: string): string => `${file}.sha256`;

/** The record's text: the sum of the program as `sha256sum` writes it, and that of the download that it came from. */
export function recordText(file: string, program: string, download: string): string {
  return `${program}  ${path.basename(file)}\n# ${download}  as downloaded\n`;
}

export interface CachedFile {
  readonly file: string;
  /** The listed sum of the download. */
  readonly listed: string;
  /** The program was in an archive, whose sum is the listed one. */
  readonly unpacked: boolean;
}

export type CacheState = 'absent' | 'good' | { readonly bad: string };

/**
 * Whether a program in the cache is what was placed there: unchanged since, and made from a download that has the
 * listed sum. One without a record is absent: its placing was cut, or is under way in another process.
 */
export async function cacheState(
  { file, listed, unpacked }: CachedFile,
  signal?: AbortSignal,
): Promise<CacheState> {
  const record = await fs.promises.readFile(recordOf(file), 'utf8').catch(() => undefined);
  if (record === undefined || !isFile(file)) return 'absent';
  const [, program] = /^([0-9a-f]{64}) /.exec(record) ?? [];
  const [, download] = /^# ([0-9a-f]{64}) /m.exec(record) ?? [];
  if (download !== listed) return { bad: 'it was made from another download than the listed one' };
  // A program that is the download itself is held against the list, not against what lies beside it.
  if ((await sumOf(file, signal)) !== (unpacked ? program : listed))
    return { bad: 'it was changed after it had been placed' };
  return 'good';
}

function isFile(file: string): boolean {
  try {
    return fs.statSync(file).isFile();
  } catch {
    return false;
  }
}

/** Writes a file that others see wholly or not at all. */
export async function writeByRename(file: string, text: string): Promise<void> {
  const part = partOf(file);
  await fs.promises.writeFile(part, text, { mode: 0o644 });
  await fs.promises.rename(part, file);
}

/** A name beside a file for what is not complete yet; no two processes get the same. */
export function partOf(file: string): string {
  return `${file}.${randomUUID()}.part`;
}

/** Downloads that were cut by the end of their process; older than any that still runs. */
const staleMs = 3_600_000;

export async function removeStaleParts(folder: string, now: number): Promise<void> {
  for (const name of await fs.promises.readdir(folder).catch(() => [])) {
    if (!name.endsWith('.part')) continue;
    const file = path.join(folder, name);
    const stat = await fs.promises.stat(file).catch(() => undefined);
    if (stat !== undefined && now - stat.mtimeMs > staleMs) await fs.promises.rm(file, { force: true });
  }
}
