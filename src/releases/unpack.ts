import fs from 'node:fs';
import path from 'node:path';
import type { TarEntry, TarSink } from '../tools/tar.ts';

export interface UnpackLimits {
  readonly files: number;
  readonly bytes: number;
}

export interface Unpacked {
  readonly sink: TarSink;
  /** Absolute paths of the files that are there wholly. */
  readonly files: readonly string[];
  /** What was left out, and why. */
  readonly notices: readonly string[];
  /** Removes all files that came so far. */
  discard(): Promise<void>;
  /** Closes what a cut archive left open. */
  close(): Promise<void>;
}

/**
 * Unpacks an archive that nobody trusts into a folder: regular files and folders only, each within the folder, none
 * over another. No link is ever made, so none can be followed.
 */
export function unpackInto(folder: string, limits: UnpackLimits): Unpacked {
  const files: string[] = [];
  const notices: string[] = [];
  let bytes = 0;
  let open: { readonly handle: fs.promises.FileHandle; readonly target: string } | undefined;
  const refuse = (entry: TarEntry, why: string): false => {
    if (notices.length < 1000) notices.push(`${printable(entry.name)}: ${why}`);
    return false;
  };
  const sink: TarSink = {
    async begin(entry) {
      const target = safeTarget(folder, entry.name);
      if (target === undefined) return refuse(entry, 'its name leads out of the folder');
      if (entry.type === 'other')
        return refuse(entry, kinds[entry.flag] ?? `an entry of type ${printable(entry.flag)}`);
      if (entry.type === 'folder') {
        if (target !== folder) await fs.promises.mkdir(target, { recursive: true });
        return false;
      }
      if (files.length >= limits.files) return refuse(entry, `more than ${String(limits.files)} files`);
      if (bytes + entry.size > limits.bytes)
        return refuse(entry, `more than ${String(limits.bytes)} bytes in all`);
      bytes += entry.size;
      await fs.promises.mkdir(path.dirname(target), { recursive: true });
      try {
        // wx: neither over another file nor through a link.
        open = { handle: await fs.promises.open(target, 'wx', 0o600), target };
      } catch (error) {
        return refuse(entry, error instanceof Error ? error.message : String(error));
      }
      return true;
    },
    async content(chunk) {
      await open?.handle.writeFile(chunk);
    },
    async end() {
      if (open === undefined) return;
      await open.handle.close();
      files.push(open.target);
      open = undefined;
    },
  };
  return {
    sink,
    files,
    notices,
    async discard() {
      const all = [...files.splice(0), ...(open === undefined ? [] : [open.target])];
      await open?.handle.close();
      open = undefined;
      await Promise.all(all.map((file) => fs.promises.rm(file, { force: true })));
    },
    async close() {
      if (open === undefined) return;
      await open.handle.close();
      notices.push(`${path.relative(folder, open.target)}: cut off`);
      open = undefined;
    },
  };
}

const kinds: Readonly<Record<string, string>> = {
  '1': 'a hard link',
  '2': 'a symbolic link',
  '3': 'a device',
  '4': 'a device',
  '6': 'a named pipe',
};

/** Undefined for a name that is absolute, or that has `..` in it. */
export function safeTarget(folder: string, name: string): string | undefined {
  if (name.startsWith('/') || name.includes('\0') || name.includes('\\')) return undefined;
  const parts = name.split('/').filter((part) => part !== '' && part !== '.');
  if (parts.includes('..')) return undefined;
  return path.join(folder, ...parts);
}

// eslint-disable-next-line no-control-regex -- these are what must not reach a terminal
const printable = (name: string): string => name.replace(/[\u0000-\u001f\u007f-\u009f]/g, '?').slice(0, 200);
