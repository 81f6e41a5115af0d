import { createHash } from 'node:crypto';
import { KetError } from '../model/errors.ts';
import { checkPath, localPath, type PathNote } from './manifest-path.ts';

/** One line of the list that the helper in the pod prints; see native/ket-run. */
interface ManifestEntry {
  /** `results`: what the suite left; `state`: what the helper itself wrote. */
  readonly root: 'results' | 'state';
  /** Relative, with `/`, for people: bytes that are not UTF-8 are U+FFFD. */
  readonly path: string;
  /** The path's bytes as the file system in the pod has them; equal to `path` unless they are not UTF-8. */
  readonly rawPath: Buffer;
  /** Relative path under which it is stored here, safe whatever the name; different paths stay different. */
  readonly localPath: string;
  /** What is odd about the name. */
  readonly notes: readonly PathNote[];
}

export interface ManifestFile extends ManifestEntry {
  readonly size: number;
  readonly mtimeMs: number;
  readonly mode: number;
  /** 64 hex digits. */
  readonly sha256: string;
}

export interface Manifest {
  /** In the order in which their bytes are streamed. */
  readonly files: readonly ManifestFile[];
  /** What the helper found and could not read. */
  readonly unreadable: readonly (ManifestEntry & { readonly error: string })[];
  readonly symlinks: readonly (ManifestEntry & { readonly target: string })[];
  /** Sockets, devices and the like: only named. */
  readonly others: readonly ManifestEntry[];
  /** Sum of the sizes of the files. */
  readonly bytes: number;
  /** Over all lines but the last. */
  readonly sha256: string;
}

export type ManifestFault =
  /** It ends before its last line: the connection broke or the helper died. */
  | 'cut'
  /** The bytes are not those that the helper printed. */
  | 'bad-hash'
  | 'malformed'
  /** It names a path outside its folder. */
  | 'unsafe';

export class ManifestError extends KetError {
  readonly fault: ManifestFault;
  constructor(fault: ManifestFault, message: string) {
    super('KET_COLLECT', message);
    this.fault = fault;
  }
}

export const mostManifestBytes = 256 * 1024 * 1024;
const mostEntries = 1_000_000;

type Fields = Readonly<Record<string, unknown>>;

/**
 * Checks and reads a whole manifest, or throws a `ManifestError`. The hash in its last line covers all bytes before
 * it, so that a manifest cut at a line end, or one with a line lost on the way, is not taken for a small one.
 */
export function parseManifest(bytes: Buffer): Manifest {
  if (bytes.length > mostManifestBytes)
    throw new ManifestError('malformed', `the manifest is larger than ${mostManifestBytes} bytes`);
  if (bytes.length === 0) throw new ManifestError('cut', 'the manifest is empty');
  if (bytes.at(-1) !== 0x0a) throw new ManifestError('cut', 'the manifest ends in the middle of a line');
  const lastStart = bytes.length < 2 ? 0 : bytes.lastIndexOf(0x0a, bytes.length - 2) + 1;
  const end = fields(bytes.subarray(lastStart, -1), 'its last line');
  if (end['end'] !== true) throw new ManifestError('cut', 'the manifest has no end line');
  const body = bytes.subarray(0, lastStart);
  const sha256 = createHash('sha256').update(body).digest('hex');
  if (end['manifest_sha256'] !== sha256)
    throw new ManifestError('bad-hash', 'the manifest does not match its own SHA-256: it changed on the way');
  return manifestOf(lines(body), end, sha256);
}

function manifestOf(body: readonly Buffer[], end: Fields, sha256: string): Manifest {
  const files: ManifestFile[] = [];
  const unreadable: Manifest['unreadable'][number][] = [];
  const symlinks: Manifest['symlinks'][number][] = [];
  const others: ManifestEntry[] = [];
  const seen = new Set<string>();
  body.forEach((bytes, index) => {
    const line = index + 1;
    const from = fields(bytes, `line ${line}`);
    const entry = entryOf(from, line);
    const key = `${entry.root} ${entry.rawPath.toString('latin1')}`;
    if (seen.has(key))
      throw new ManifestError('malformed', `line ${line} of the manifest names a path again`);
    seen.add(key);
    const text = (name: string): string => (typeof from[name] === 'string' ? from[name] : 'unknown');
    if (from['type'] === 'file') files.push(fileOf(entry, from, line));
    else if (from['type'] === 'error') unreadable.push({ ...entry, error: text('error') });
    else if (from['type'] === 'symlink') symlinks.push({ ...entry, target: text('target') });
    else if (from['type'] === 'other') others.push(entry);
    else throw new ManifestError('malformed', `line ${line} of the manifest has no proper "type"`);
  });
  const bytes = files.reduce((sum, file) => sum + file.size, 0);
  const last = body.length + 1;
  if (whole(end, 'files', last) !== files.length || whole(end, 'bytes', last) !== bytes)
    throw new ManifestError(
      'malformed',
      'the totals in the last line of the manifest are not those of its lines',
    );
  return { files, unreadable, symlinks, others, bytes, sha256 };
}

function lines(body: Buffer): Buffer[] {
  const found: Buffer[] = [];
  for (let start = 0; start < body.length;) {
    const end = body.indexOf(0x0a, start);
    found.push(body.subarray(start, end));
    start = end + 1;
    if (found.length > mostEntries)
      throw new ManifestError('malformed', `the manifest has over ${mostEntries} lines`);
  }
  return found;
}

function fields(line: Buffer, where: string): Fields {
  let value: unknown;
  try {
    value = JSON.parse(line.toString('utf8'));
  } catch {
    throw new ManifestError('malformed', `the manifest is not JSON in ${where}`);
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new ManifestError('malformed', `the manifest has no object in ${where}`);
  return value as Fields;
}

function whole(from: Fields, key: string, line: number): number {
  const value = from[key];
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 0)
    throw new ManifestError('malformed', `line ${line} of the manifest has no proper "${key}"`);
  return value;
}

function entryOf(from: Fields, line: number): ManifestEntry {
  const { root, path } = from;
  if (root !== 'results' && root !== 'state')
    throw new ManifestError('malformed', `line ${line} of the manifest has no proper "root"`);
  if (typeof path !== 'string')
    throw new ManifestError('malformed', `line ${line} of the manifest has no "path"`);
  const rawPath = rawOf(from, path, line);
  // The folder itself, when it cannot be listed, is the entry with the empty path.
  const checked = from['type'] === 'error' && rawPath.length === 0 ? { notes: [] } : checkPath(rawPath);
  if ('refused' in checked)
    throw new ManifestError(
      'unsafe',
      `line ${line} of the manifest names a path that is refused: ${checked.refused}`,
    );
  return { root, path, rawPath, localPath: localPath(rawPath), notes: checked.notes };
}

function fileOf(entry: ManifestEntry, from: Fields, line: number): ManifestFile {
  const { sha256, mode, mtime_ms: mtime } = from;
  if (typeof sha256 !== 'string' || !/^[0-9a-f]{64}$/.test(sha256))
    throw new ManifestError('malformed', `line ${line} of the manifest has no proper "sha256"`);
  if (typeof mode !== 'string' || !/^[0-7]{4}$/.test(mode))
    throw new ManifestError('malformed', `line ${line} of the manifest has no proper "mode"`);
  if (typeof mtime !== 'number' || !Number.isSafeInteger(mtime))
    throw new ManifestError('malformed', `line ${line} of the manifest has no proper "mtime_ms"`);
  return {
    ...entry,
    size: whole(from, 'size', line),
    mtimeMs: mtime,
    mode: Number.parseInt(mode, 8),
    sha256,
  };
}

function rawOf(from: Fields, path: string, line: number): Buffer {
  const base64 = from['path_b64'];
  if (base64 === undefined) return Buffer.from(path, 'utf8');
  if (typeof base64 !== 'string' || !/^[A-Za-z0-9+/]*={0,2}$/.test(base64) || base64.length % 4 !== 0)
    throw new ManifestError('malformed', `line ${line} of the manifest has no proper "path_b64"`);
  return Buffer.from(base64, 'base64');
}
