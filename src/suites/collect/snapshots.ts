import fs from 'node:fs';
import path from 'node:path';
import { createHash } from 'node:crypto';
import type { Clock } from '../../model/deps.ts';
import type { ManifestFile } from '../../results/manifest.ts';
import { execKetRun, readManifest } from './ask.ts';
import type { CollectOptions } from './collect.ts';
import { folders } from '../job/in-pod.ts';

/** Between two looks. */
const everyMs = 15_000;
/** A look hashes everything that is there: a suite with many results is left in peace for so many times as long. */
const restFactor = 10;
/** What is larger comes at the end only: it would hold up the others. */
const mostBytes = 64 * 1024 * 1024;
/** Of one look: what was written anew while it was read is listed and read again at once, for it may be so at each look. */
const tries = 3;

/** Below an attempt's folder, while the suite runs; also what is there when ket itself is killed. */
export const soFar = 'results-so-far';

export interface Adopted {
  readonly files: number;
  /** When the list was made by which they came over, unix ms. */
  readonly at: number;
}

export interface Snapshots {
  /** Nothing comes over any more. */
  stop(): Promise<void>;
  /** Puts into the results what came over and what is not there; undefined when there is nothing. */
  adopt(): Adopted | undefined;
  discard(): void;
}

/**
 * Brings changed results over while a suite runs, so that a pod that is lost takes along no more than the last
 * seconds. What fails here is tried again at the next look; the collection at the end is what counts.
 */
export function takeSnapshots(
  options: Omit<CollectOptions, 'signal'> & { readonly clock: Clock },
): Snapshots {
  const { clock, outDir } = options;
  const end = new AbortController();
  const folder = path.join(outDir, soFar);
  // Those of a process that died, too.
  const have = new Map(
    filesIn(folder).map((name) => [name, sha256(fs.readFileSync(path.join(folder, name)))]),
  );

  /** Resolves with whether all came that was to. */
  const look = async (): Promise<boolean> => {
    const now = clock.now();
    const from: CollectOptions = { ...options, signal: end.signal };
    const manifest = await readManifest(from);
    const files = manifest.files.filter(
      // A name that is not plain text would have to go over the command line.
      ({ root, size, notes }) => root === 'results' && size <= mostBytes && notes.length === 0,
    );
    const listed = new Set(files.map((file) => file.localPath));
    for (const name of have.keys())
      if (!listed.has(name)) {
        fs.rmSync(path.join(folder, name), { force: true });
        have.delete(name);
      }
    let all = true;
    for (const file of files) {
      if (have.get(file.localPath) === file.sha256) continue;
      const bytes = await read(from, file);
      all &&= bytes !== undefined;
      if (bytes === undefined) continue;
      write(path.join(folder, file.localPath), bytes, path.join(outDir, `${soFar}.tmp`));
      have.set(file.localPath, file.sha256);
    }
    if (have.size > 0) fs.utimesSync(folder, now / 1000, now / 1000);
    return all;
  };

  const lookUntilAllCame = async (): Promise<void> => {
    for (let n = 0; n < tries; n += 1) if (await look()) return;
  };

  const running = (async () => {
    let restMs = everyMs;
    for (;;) {
      await clock.sleep(restMs, end.signal);
      const began = clock.monotonic();
      await lookUntilAllCame().catch(() => undefined);
      restMs = Math.max(everyMs, restFactor * (clock.monotonic() - began));
    }
  })().catch(() => undefined);

  return {
    async stop() {
      end.abort(new Error('the suite has ended'));
      await running;
    },
    adopt: () => adoptSoFar(outDir),
    discard: () => fs.rmSync(folder, { recursive: true, force: true }),
  };
}

/** As the list says it was, also when more has been added since; undefined when it was written anew. */
async function read(options: CollectOptions, file: ManifestFile): Promise<Buffer | undefined> {
  const chunks: Buffer[] = [];
  const argv = ['cat', ...folders, '--root', 'results', '--path', file.path, '--offset', '0'];
  const { exitCode } = await execKetRun(options, argv, (chunk) => {
    chunks.push(chunk);
  });
  const bytes = Buffer.concat(chunks).subarray(0, file.size);
  return exitCode === 0 && sha256(bytes) === file.sha256 ? bytes : undefined;
}

/** By rename, so that a reader never finds half of it. */
function write(file: string, bytes: Buffer, beside: string): void {
  fs.mkdirSync(path.dirname(file), { recursive: true, mode: 0o700 });
  fs.writeFileSync(beside, bytes, { mode: 0o600 });
  fs.renameSync(beside, file);
}

/** Puts into an attempt's results what came over while it ran and is not there; undefined when there is nothing. */
export function adoptSoFar(outDir: string): Adopted | undefined {
  const folder = path.join(outDir, soFar);
  const at = fs.statSync(folder, { throwIfNoEntry: false })?.mtimeMs ?? 0;
  let files = 0;
  for (const name of filesIn(folder)) {
    const target = path.join(outDir, 'results', name);
    if (fs.existsSync(target)) continue;
    fs.mkdirSync(path.dirname(target), { recursive: true, mode: 0o700 });
    fs.renameSync(path.join(folder, name), target);
    files += 1;
  }
  return files === 0 ? undefined : { files, at };
}

const sha256 = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');

/** Relative to the folder; none where there is no folder. */
function filesIn(folder: string): string[] {
  if (!fs.existsSync(folder)) return [];
  return fs
    .readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => path.relative(folder, path.join(entry.parentPath, entry.name)));
}
