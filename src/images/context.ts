import { createHash } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { sumOf } from '../tools/cache.ts';
import type { Ignore } from './ignore.ts';

/** A file, folder or link of a build context that Docker would get. */
interface Entry {
  /** Relative to the context, with `/`. */
  readonly name: string;
  readonly file: string;
  readonly kind: 'file' | 'folder' | 'link' | 'other';
  readonly mode: number;
  readonly size: bigint;
  readonly changed: bigint;
  readonly written: bigint;
  readonly inode: bigint;
}

/** A build context as it was at one moment. */
export interface ContextSnapshot {
  /** Hash of names, sizes and times: equal means untouched; different means only that the contents must be looked at. */
  readonly stat: string;
  /** Unix time of the youngest change, ms. */
  readonly youngestMs: number;
  /** Hash of names, modes and contents: what Docker's own cache goes by. Reads every file. */
  content(signal?: AbortSignal): Promise<string>;
}

/** Looks at all of a context but what is ignored; reads no file. Rejects when a folder cannot be read. */
export async function snapshotOf(folder: string, ignore: Ignore): Promise<ContextSnapshot> {
  const entries = await entriesOf(folder, ignore);
  const stat = createHash('sha256');
  let youngest = 0n;
  for (const { name, kind, mode, size, changed, written, inode } of entries) {
    // A folder changes its times with every file in it that is ignored.
    const times = kind === 'folder' ? [] : [size, changed, written, inode];
    stat.update(`${[name, kind, mode, ...times].join('\0')}\n`);
    for (const time of kind === 'folder' ? [] : [changed, written]) if (time > youngest) youngest = time;
  }
  return {
    stat: stat.digest('hex'),
    youngestMs: Number(youngest / 1_000_000n),
    async content(signal) {
      const hash = createHash('sha256');
      for (const { name, file, kind, mode } of entries) {
        signal?.throwIfAborted();
        const inside =
          kind === 'file'
            ? await sumOf(file, signal)
            : kind === 'link'
              ? await fs.promises.readlink(file)
              : '';
        hash.update(`${[name, kind, mode, inside].join('\0')}\n`);
      }
      return hash.digest('hex');
    },
  };
}

async function entriesOf(folder: string, ignore: Ignore): Promise<Entry[]> {
  const found: Entry[] = [];
  const look = async (below: string): Promise<void> => {
    const names = (await fs.promises.readdir(path.join(folder, below))).sort();
    for (const base of names) {
      const name = below === '' ? base : `${below}/${base}`;
      const out = ignore.isOut(name);
      if (out && ignore.folderIsFinal) continue;
      const file = path.join(folder, name);
      // Nothing else runs meanwhile, but a promise for each of ten thousand files takes longer than all of them.
      const stat = fs.lstatSync(file, { bigint: true, throwIfNoEntry: false });
      if (stat === undefined) continue;
      const kind = stat.isDirectory()
        ? 'folder'
        : stat.isFile()
          ? 'file'
          : stat.isSymbolicLink()
            ? 'link'
            : 'other';
      if (!out)
        found.push({
          name,
          file,
          kind,
          mode: Number(stat.mode & 0o7777n),
          size: stat.size,
          changed: stat.ctimeNs,
          written: stat.mtimeNs,
          inode: stat.ino,
        });
      if (kind === 'folder') await look(name);
    }
  };
  await look('');
  return found;
}
