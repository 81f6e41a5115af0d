import fs from 'node:fs';
import path from 'node:path';
import { createHash } from 'node:crypto';
import { KetError, messageOf } from '../model/errors.ts';
import type { ContainerRef, Kube } from '../model/kube.ts';

export const bringMs = 5 * 60_000;
export const idleMs = 60_000;
const reads = 4;

export interface CatOptions {
  readonly kube: Kube;
  readonly signal: AbortSignal;
}

/**
 * For an image without tar: one file, by cat, into `folder`. The API server can cut the output of an exec and still
 * report success (kubernetes#124571), and cat has no end mark: so the file is read until two reads agree, and `warn`
 * hears of it when none do.
 */
export async function byCat(
  options: CatOptions,
  container: ContainerRef,
  source: string,
  folder: string,
  warn: (text: string) => void,
): Promise<readonly string[]> {
  const target = path.join(folder, path.posix.basename(source));
  let before = await read(options, container, source, target);
  for (let i = 1; i < reads; i++) {
    const again = `${target}.again`;
    const now = await read(options, container, source, again);
    fs.renameSync(again, target);
    if (now === before) return [target];
    before = now;
  }
  warn(`${source} was another one at each of ${String(reads)} reads: it may be incomplete`);
  return [target];
}

/** Reads the file once; gives its SHA-256. */
async function read(
  options: CatOptions,
  container: ContainerRef,
  source: string,
  target: string,
): Promise<string> {
  const handle = await fs.promises.open(target, 'wx', 0o600);
  const hash = createHash('sha256');
  let said = '';
  try {
    const signal = AbortSignal.any([options.signal, AbortSignal.timeout(bringMs)]);
    const { exitCode } = await options.kube.exec({
      ...container,
      argv: ['cat', source],
      onStdout: (chunk) => {
        hash.update(chunk);
        return handle.writeFile(chunk);
      },
      onStderr: (chunk) => {
        said = (said + chunk.toString('utf8')).slice(-2000);
      },
      signal,
      idleMs,
    });
    if (exitCode === 0) return hash.digest('hex');
    throw new KetError(
      'KET_COLLECT',
      `neither tar nor cat could read it there: ${said.trim() || 'no message'}`,
    );
  } catch (error) {
    await fs.promises.rm(target, { force: true });
    if (isNoProgram(error))
      throw new KetError(
        'KET_COLLECT',
        'the image has neither tar nor cat, so nothing can be brought out of it',
        {
          next: 'write to a volume that another container of the pod can read',
        },
      );
    throw error;
  } finally {
    await handle.close();
  }
}

/** The container runtime says that the program is not in the image. */
export const isNoProgram = (error: unknown): boolean =>
  /executable file not found|no such file or directory|not found in \$PATH/i.test(messageOf(error));
