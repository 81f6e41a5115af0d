import { createHash } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import type { Deps } from '../model/deps.ts';
import { cacheHome, writeByRename } from './cache.ts';
import { versionOf, type ToolVersion, type VersionedTool } from './version.ts';

interface Known extends ToolVersion {
  readonly v: 1;
  /** What the file was like when it told. */
  readonly file: string;
}

/**
 * The version of a program, which is asked once and then remembered in ket's cache for as long as the file is the same
 * by inode, size and times: to ask takes a start of the program, and to look into it reads all of it. What did not
 * answer is asked again.
 */
export async function knownVersionOf(
  deps: Pick<Deps, 'exec' | 'env'>,
  tool: VersionedTool,
  file: string,
  signal?: AbortSignal,
): Promise<ToolVersion | undefined> {
  const name = createHash('sha256').update(`${tool}\0${file}`).digest('hex');
  const memory = path.join(cacheHome(deps.env), 'versions', `${name}.json`);
  const now = likeness(file);
  const known = remembered(memory);
  if (now !== undefined && known?.file === now) return { version: known.version, exact: known.exact };
  const version = await versionOf(deps.exec, tool, file, signal);
  if (version !== undefined && now !== undefined && likeness(file) === now)
    await remember(memory, { v: 1, file: now, ...version });
  return version;
}

/** Undefined for what is not there, and for a script, which may call any program. */
function likeness(file: string): string | undefined {
  try {
    const real = fs.realpathSync(file);
    const { ino, size, mtimeNs, ctimeNs } = fs.statSync(real, { bigint: true });
    return isScript(real) ? undefined : [real, ino, size, mtimeNs, ctimeNs].join(' ');
  } catch {
    return undefined;
  }
}

function isScript(file: string): boolean {
  const fd = fs.openSync(file, 'r');
  try {
    const head = Buffer.alloc(2);
    fs.readSync(fd, head, 0, 2, 0);
    return head.toString('latin1') === '#!';
  } finally {
    fs.closeSync(fd);
  }
}

function remembered(memory: string): Known | undefined {
  try {
    const known = JSON.parse(fs.readFileSync(memory, 'utf8')) as Partial<Known>;
    return known.v === 1 && typeof known.version === 'string' ? (known as Known) : undefined;
  } catch {
    return undefined;
  }
}

/** A cache that cannot be written costs time only. */
async function remember(memory: string, known: Known): Promise<void> {
  try {
    await fs.promises.mkdir(path.dirname(memory), { recursive: true });
    await writeByRename(memory, JSON.stringify(known));
  } catch {
    // Asked again next time.
  }
}
