import fs from 'node:fs';
import path from 'node:path';
import { createHash, type Hash } from 'node:crypto';
import type { ManifestFile } from '../../results/manifest.ts';

/** What ket-run itself leaves in its state folder. */
const ownFiles = new Set(['record.json', 'started.json', 'console.log', 'usage.ndjson']);

/** Beside the results: the one file that is on its way, so that what is killed leaves no half of one under its name. */
const arriving = 'arriving';

/**
 * Cuts one sequence of bytes into the files of a manifest. A file has its name when it is whole and matches its hash;
 * one that does not match, or of which the rest never comes, is set aside.
 */
export class TreeWriter {
  offset = 0;
  /** Why nothing more can be written. */
  broken: unknown;
  readonly mismatched: string[] = [];
  readonly #outDir: string;
  readonly #arriving: string;
  readonly #files: readonly ManifestFile[];
  #begun = false;
  #index = 0;
  #left = 0;
  #fd: number | undefined;
  #hash: Hash | undefined;

  constructor(outDir: string, files: readonly ManifestFile[]) {
    this.#outDir = outDir;
    this.#arriving = path.join(outDir, arriving);
    this.#files = files;
  }

  /** With no bytes at all it makes the empty files with which the sequence begins. */
  write(chunk: Buffer): void {
    try {
      if (!this.#begun) this.#open();
      this.#begun = true;
      this.#take(chunk);
    } catch (error) {
      this.broken ??= error;
      throw error;
    }
  }

  #take(chunk: Buffer): void {
    let rest = chunk;
    while (rest.length > 0 && this.#fd !== undefined) {
      const part = rest.subarray(0, this.#left);
      // Not writeSync: on a disk that is nearly full it writes less than asked, without an error.
      fs.writeFileSync(this.#fd, part);
      this.#hash?.update(part);
      this.#left -= part.length;
      this.offset += part.length;
      rest = rest.subarray(part.length);
      if (this.#left === 0) {
        this.#finish();
        this.#open();
      }
    }
  }

  close(): void {
    const file = this.#files[this.#index];
    if (file === undefined || this.#fd === undefined) return;
    fs.closeSync(this.#fd);
    this.#fd = undefined;
    if (this.#left < file.size) this.#place(`${this.#target(file)}.part`);
    else fs.rmSync(this.#arriving);
  }

  /** Opens the next file; empty ones are finished on the spot. */
  #open(): void {
    for (;;) {
      const file = this.#files[this.#index];
      if (file === undefined) return;
      fs.mkdirSync(this.#outDir, { recursive: true });
      fs.rmSync(this.#arriving, { force: true });
      this.#fd = fs.openSync(this.#arriving, 'wx', 0o600);
      this.#hash = createHash('sha256');
      this.#left = file.size;
      if (this.#left > 0) return;
      this.#finish();
    }
  }

  #finish(): void {
    const file = this.#files[this.#index];
    if (file === undefined || this.#fd === undefined) return;
    fs.closeSync(this.#fd);
    this.#fd = undefined;
    this.#index += 1;
    const isWhole = this.#hash?.digest('hex') === file.sha256;
    if (!isWhole) this.mismatched.push(`${file.root}/${file.path}`);
    this.#place(`${this.#target(file)}${isWhole ? '' : '.changed'}`);
  }

  /** Of two entries of one name the second must not take the place of the first. */
  #place(target: string): void {
    fs.mkdirSync(path.dirname(target), { recursive: true });
    if (fs.lstatSync(target, { throwIfNoEntry: false }) !== undefined)
      throw new Error(`EEXIST: ${target} is there already`);
    fs.renameSync(this.#arriving, target);
  }

  #target(file: ManifestFile): string {
    // A file that the tests put among ket-run's own must not take the place of another.
    const folder = file.root === 'results' ? 'results' : ownFiles.has(file.localPath) ? '.' : 'state';
    return path.join(this.#outDir, folder, file.localPath);
  }
}
