import { parseManifest, type Manifest } from '../../results/manifest.ts';
import { ManifestReader } from '../../results/manifest-reader.ts';
import { folders } from '../job/in-pod.ts';
import { capsOptions, execKetRun, wentWrong } from './ask.ts';
import type { CollectOptions } from './collect.ts';
import { TreeWriter } from './tree-writer.ts';

/** A collection whose list is here, and whose bytes come over the same connection. */
export interface Delivery {
  readonly manifest: Manifest;
  readonly writer: TreeWriter;
  /** Resolves when all bytes have come, or no more will; rejects with what broke the connection before. */
  readonly bytes: Promise<void>;
  /** Says over the same connection what becomes of the pod (`ack`, `keep UNIX-MS`); false: it was not heard. */
  tell(word: string): Promise<boolean>;
}

type Listed = Pick<Delivery, 'manifest' | 'writer'>;

/** By KILL: with the sidecar, which left as soon as it was told that it may. */
const endedWithSidecar = 137;

/**
 * Everything over one connection, for each costs a process in the pod, and at the end of many suites these are what
 * the others wait for: ket-run sends the list and the bytes, and then waits for a word. Resolves when the list is whole.
 */
export async function deliver(options: CollectOptions): Promise<Delivery> {
  const word = Promise.withResolvers<string>();
  const listed = Promise.withResolvers<Listed>();
  const bytes = Promise.withResolvers<undefined>();
  const reader = new ManifestReader();
  let found: Listed | undefined;

  const onStdout = (chunk: Buffer): void => {
    let rest: Buffer | undefined = chunk;
    if (found === undefined) {
      rest = reader.take(chunk);
      if (rest === undefined) return;
      const manifest = parseManifest(reader.bytes());
      found = { manifest, writer: new TreeWriter(options.outDir, manifest.files) };
      listed.resolve(found);
    }
    found.writer.write(rest);
    if (found.writer.offset === found.manifest.bytes) bytes.resolve(undefined);
  };
  const fail = (error: unknown): undefined => {
    listed.reject(error);
    bytes.reject(error);
  };
  // Whoever awaits neither of them has the error of the other.
  bytes.promise.catch(() => undefined);

  let isOver = false;
  const ended = execKetRun(
    options,
    ['deliver', ...folders, ...capsOptions(options.caps)],
    onStdout,
    word.promise,
  )
    .then(({ exitCode, stderr }) => {
      if (exitCode !== 0) fail(wentWrong('deliver', exitCode, stderr));
      // The API server can cut the output of an exec and still report success (kubernetes#124571).
      else if (found === undefined) parseManifest(reader.bytes());
      else bytes.resolve(undefined);
      return exitCode;
    })
    .catch(fail)
    .finally(() => {
      isOver = true;
    });

  return {
    ...(await listed.promise),
    bytes: bytes.promise,
    async tell(text) {
      if (isOver) return false;
      word.resolve(`${text}\n`);
      const code = await ended;
      return code === 0 || code === endedWithSidecar;
    },
  };
}
