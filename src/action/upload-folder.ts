import fs from 'node:fs';
import path from 'node:path';
import { KetError, messageOf } from '../model/errors.ts';
import type { Masker } from '../model/mask.ts';
import { copyMasked, type Copied } from './upload-copy.ts';

/** One file of the run's folder in manifest.json. */
export interface ManifestEntry {
  /** In the run's folder, with `/`; secrets in it are masked. */
  readonly path: string;
  /** In the artifact, where it cannot have its own path there. */
  readonly uploadedAs?: string;
  /** Bytes and SHA-256 of the user's own file; absent when it could not be read. */
  readonly size?: number;
  readonly sha256?: string;
  /** What the artifact holds of it. */
  readonly uploaded?: Copied['uploaded'];
  /** Why it is not in the artifact. */
  readonly withheld?: string;
}

export interface UploadManifest {
  readonly v: 1;
  readonly files: readonly ManifestEntry[];
}

export interface UploadFolderOptions {
  /** The run's folder. */
  readonly folder: string;
  /** Where the copy is made, outside of the run's folder: RUNNER_TEMP. */
  readonly parent: string;
  readonly masker: Masker;
  readonly limits?: UploadLimits;
}

export interface UploadLimits {
  readonly files: number;
  readonly bytes: number;
  readonly ms: number;
}

/** The copy of a run's folder that may leave the machine. */
export interface UploadFolder {
  readonly root: string;
  /** Absolute paths of all files in it. */
  readonly files: readonly string[];
  readonly manifest: UploadManifest;
  /** What the user should know of: withheld files, limits. */
  readonly notices: readonly string[];
  remove(): void;
}

/** An artifact may have more, but nobody opens one of ten thousand files. */
export const uploadLimits: UploadLimits = { files: 10_000, bytes: 2 * 1024 ** 3, ms: 10 * 60_000 };

/**
 * Makes the copy: text masked, other files as they are or, if they hold a secret, withheld; hidden files too; nothing
 * that is not a regular file of the folder. Where the limits do not allow all, the run's own files go first, then
 * those of the suites, and of each the small ones. The caller removes it.
 */
export async function makeUploadFolder(options: UploadFolderOptions): Promise<UploadFolder> {
  const { folder, parent, masker } = options;
  const limits = options.limits ?? uploadLimits;
  const root = fs.mkdtempSync(path.join(parent, 'ket-upload-'));
  const remove = (): void => fs.rmSync(root, { recursive: true, force: true });
  try {
    const names = new Names(masker);
    const entries: ManifestEntry[] = [];
    const end = performance.now() + limits.ms;
    const left = { files: limits.files, bytes: limits.bytes };
    for (const found of list(folder).sort(byImportance)) {
      const shown = masker.mask(found.path);
      const reason = found.reason ?? kubeconfigName(found.path) ?? overLimit(found, left, end);
      if (reason !== undefined) {
        entries.push({ path: shown, ...sizeOf(found), withheld: reason });
        continue;
      }
      const entry = await copyOne({ found, root, name: names.take(found.path), options });
      left.files -= entry.uploaded === undefined ? 0 : 1;
      left.bytes -= entry.uploaded?.size ?? 0;
      entries.push({ path: shown, ...entry });
    }
    const manifest: UploadManifest = { v: 1, files: entries.sort((a, b) => (a.path < b.path ? -1 : 1)) };
    fs.writeFileSync(path.join(root, manifestName), `${JSON.stringify(manifest, undefined, 1)}\n`, {
      mode: 0o600,
    });
    const uploaded = entries.flatMap((e) =>
      e.uploaded === undefined ? [] : [path.join(root, ...(e.uploadedAs ?? e.path).split('/'))],
    );
    return {
      root,
      manifest,
      files: [...uploaded, path.join(root, manifestName)],
      notices: noticesOf(entries, masker.refused),
      remove,
    };
  } catch (error) {
    remove();
    throw error;
  }
}

const manifestName = 'manifest.json';

interface Found {
  /** Relative, with `/`. */
  readonly path: string;
  readonly full: string;
  readonly size: number;
  /** Why it cannot be uploaded whatever it holds. */
  readonly reason?: string;
}

/** Everything beneath the folder that is not a folder; links are not followed. */
function list(folder: string): Found[] {
  const found: Found[] = [];
  const walk = (at: string, relative: string): void => {
    for (const name of fs.readdirSync(at)) {
      const full = path.join(at, name);
      const inner = relative === '' ? name : `${relative}/${name}`;
      const add = (reason: string): void => {
        found.push({ path: inner, full, size: 0, reason });
      };
      try {
        const stat = fs.lstatSync(full);
        if (stat.isDirectory()) walk(full, inner);
        else if (stat.isFile()) found.push({ path: inner, full, size: stat.size });
        else add(stat.isSymbolicLink() ? 'it is a link' : 'it is not a regular file');
      } catch (error) {
        add(`it cannot be read: ${messageOf(error)}`);
      }
    }
  };
  walk(folder, '');
  return found;
}

const rankOf = ({ path: name }: Found): number =>
  !name.includes('/') ? 0 : name.startsWith('suites/') ? 1 : 2;

const byImportance = (a: Found, b: Found): number =>
  rankOf(a) - rankOf(b) || a.size - b.size || (a.path < b.path ? -1 : 1);

const kubeconfigName = (name: string): string | undefined =>
  /(?:^|[./])kubeconfig(?:$|\.)/i.test(name) ? 'it is a kubeconfig' : undefined;

const limitReached = 'the limit of an upload was reached';

function overLimit(
  found: Found,
  left: { readonly files: number; readonly bytes: number },
  end: number,
): string | undefined {
  return left.files < 1 || found.size > left.bytes || performance.now() > end ? limitReached : undefined;
}

const sizeOf = (found: Found): { readonly size?: number } =>
  found.reason === undefined ? { size: found.size } : {};

interface CopyOne {
  readonly found: Found;
  readonly root: string;
  /** In the artifact, with `/`. */
  readonly name: string;
  readonly options: UploadFolderOptions;
}

async function copyOne({ found, root, name, options }: CopyOne): Promise<Omit<ManifestEntry, 'path'>> {
  const { masker } = options;
  const to = path.join(root, ...name.split('/'));
  const renamed = name === masker.mask(found.path) ? {} : { uploadedAs: name };
  try {
    fs.mkdirSync(path.dirname(to), { recursive: true, mode: 0o700 });
    const copied = await copyMasked(found.full, to, masker);
    return { ...(copied.uploaded === undefined ? {} : renamed), ...copied };
  } catch (error) {
    if (error instanceof KetError && error.code === 'KET_INTERNAL') throw error;
    return { withheld: masker.mask(`it cannot be copied: ${messageOf(error)}`) };
  }
}

/** Paths that an artifact can have: GitHub refuses the whole upload for one character that NTFS does not know. */
class Names {
  // manifest.json of the upload is in the artifact's root.
  readonly #taken = new Set([manifestName]);
  readonly #masker: Masker;

  constructor(masker: Masker) {
    this.#masker = masker;
  }

  take(own: string): string {
    // eslint-disable-next-line no-control-regex -- they have no place in a file's name
    const base = this.#masker.mask(own).replace(/[\u0000-\u001f\u007f":<>|*?\\]/g, '_');
    let name = base;
    for (let n = 2; this.#taken.has(name); n++) name = `${base}~${n}`;
    this.#taken.add(name);
    return name;
  }
}

function noticesOf(entries: readonly ManifestEntry[], refused: readonly string[]): string[] {
  const withheld = entries.filter((entry) => entry.withheld !== undefined);
  const over = withheld.filter((entry) => entry.withheld === limitReached);
  const other = withheld.filter((entry) => entry.withheld !== limitReached);
  const shown = other.slice(0, 5).map((entry) => `${entry.path} (${entry.withheld ?? ''})`);
  const more = other.length > shown.length ? ` and ${other.length - shown.length} more` : '';
  const inManifest = 'manifest.json of the artifact names them';
  return [
    ...(other.length === 0 ? [] : [`not uploaded: ${shown.join(', ')}${more}; ${inManifest}`]),
    ...(over.length === 0
      ? []
      : [`${over.length} files are not uploaded, because ${limitReached}; ${inManifest}`]),
    ...(refused.length === 0
      ? []
      : [`too short to be masked: ${refused.join(', ')}; give them at least 4 characters`]),
  ];
}
