import fs from 'node:fs/promises';
import { constants } from 'node:fs';
import { createHash, type Hash } from 'node:crypto';
import { KetError } from '../model/errors.ts';
import type { Masker } from '../model/mask.ts';

/** What became of one file on its way out. */
export interface Copied {
  /** SHA-256 of the user's own bytes. */
  readonly sha256: string;
  readonly size: number;
  /** Absent when it was withheld. */
  readonly uploaded?: { readonly sha256: string; readonly size: number; readonly masked: number };
  readonly withheld?: string;
}

const pieceBytes = 256 * 1024;

/** Files that describe a cluster and the keys to it are small. */
const kubeconfigBytes = 1024 * 1024;
const kubeconfig = /^\s*"?kind"?\s*:\s*"?Config"?\s*,?\s*$/m;

/**
 * Copies a file to where it is uploaded from: text masked, other bytes as they are if they hold no secret. The file is
 * read twice, since whether it is text is known at its end only; it is not held in memory.
 */
export async function copyMasked(from: string, to: string, masker: Masker): Promise<Copied> {
  // No link is followed and no pipe waited for, even if the entry was exchanged since it was listed.
  const source = await fs.open(from, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  try {
    if (!(await source.stat()).isFile()) throw new KetError('KET_COLLECT', 'it is no file');
    const kind = await kindOf(source);
    const copied = await (kind === 'binary'
      ? copyBinary(source, to, masker)
      : copyText(source, to, masker, kind === 'kubeconfig'));
    if (copied.withheld !== undefined) await fs.rm(to, { force: true });
    return copied;
  } finally {
    await source.close();
  }
}

async function* pieces(source: fs.FileHandle): AsyncGenerator<Uint8Array> {
  const buffer = Buffer.alloc(pieceBytes);
  for (let position = 0; ;) {
    const { bytesRead } = await source.read(buffer, 0, pieceBytes, position);
    if (bytesRead === 0) return;
    position += bytesRead;
    yield buffer.subarray(0, bytesRead);
  }
}

/** Text is UTF-8 without NUL. */
async function kindOf(source: fs.FileHandle): Promise<'text' | 'binary' | 'kubeconfig'> {
  const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
  const small = (await source.stat()).size <= kubeconfigBytes;
  let text = '';
  try {
    for await (const piece of pieces(source)) {
      if (piece.includes(0)) return 'binary';
      const decoded = decoder.decode(piece, { stream: true });
      if (small) text += decoded;
    }
    text += decoder.decode();
  } catch (error) {
    if (codeOf(error) === 'ERR_ENCODING_INVALID_ENCODED_DATA') return 'binary';
    throw error;
  }
  return kubeconfig.test(text) && /"?(?:clusters|users)"?\s*:/.test(text) ? 'kubeconfig' : 'text';
}

const hex = (hash: Hash): string => hash.digest('hex');

async function copyText(
  source: fs.FileHandle,
  to: string,
  masker: Masker,
  withhold: boolean,
): Promise<Copied> {
  const decoder = new TextDecoder('utf-8', { ignoreBOM: true });
  const stream = masker.stream();
  const own = createHash('sha256');
  let size = 0;
  return written(to, async (target) => {
    for await (const piece of pieces(source)) {
      own.update(piece);
      size += piece.length;
      if (!withhold) await target.write(stream.push(decoder.decode(piece, { stream: true })));
    }
    if (withhold) return { sha256: hex(own), size, withheld: 'it is a kubeconfig' };
    await target.write(stream.push(decoder.decode()) + stream.end());
    return { sha256: hex(own), size, uploaded: { ...target.end(), masked: stream.count } };
  });
}

async function copyBinary(source: fs.FileHandle, to: string, masker: Masker): Promise<Copied> {
  const finder = masker.finder();
  const own = createHash('sha256');
  let size = 0;
  let holds = false;
  return written(to, async (target) => {
    for await (const piece of pieces(source)) {
      own.update(piece);
      size += piece.length;
      holds ||= finder.push(piece);
      if (!holds) await target.write(piece);
    }
    if (holds) return { sha256: hex(own), size, withheld: 'it is not text and holds a secret' };
    return { sha256: hex(own), size, uploaded: { ...target.end(), masked: 0 } };
  });
}

interface Target {
  readonly write: (data: string | Uint8Array) => Promise<void>;
  readonly end: () => { readonly sha256: string; readonly size: number };
}

/** A file that did not exist. */
async function written<T>(to: string, fill: (target: Target) => Promise<T>): Promise<T> {
  const file = await fs.open(to, 'wx', 0o600).catch(cannotWrite);
  const hash = createHash('sha256');
  let size = 0;
  try {
    return await fill({
      async write(data) {
        const bytes = typeof data === 'string' ? Buffer.from(data, 'utf8') : data;
        hash.update(bytes);
        size += bytes.length;
        await file.writeFile(bytes).catch(cannotWrite);
      },
      end: () => ({ sha256: hex(hash), size }),
    });
  } finally {
    await file.close();
  }
}

const codeOf = (error: unknown): string =>
  typeof error === 'object' && error !== null && 'code' in error ? String(error.code) : '';

const diskFaults = new Set(['ENOSPC', 'EDQUOT', 'EROFS', 'EIO']);

/** A disk that takes nothing more ends the upload; any other fault is one of this file alone. */
function cannotWrite(error: unknown): never {
  if (!diskFaults.has(codeOf(error))) throw error;
  throw new KetError('KET_INTERNAL', 'the copy of what is uploaded cannot be written', {
    next: 'make room on the disk of the runner; the results stay in the folder of the run',
    cause: error,
  });
}
