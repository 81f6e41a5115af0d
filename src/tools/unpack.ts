import fs from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import { tarReader } from './tar.ts';

/** More than any program that ket unpacks; an archive that wants more is none of them. */
const maxBytes = 512 * 1024 * 1024;

/**
 * Takes the one regular file of a name out of a .tar.gz into a new file. Everything else in the archive is passed
 * over: no name of the archive is ever a path here, and no link is made.
 */
export async function unpackOne(
  archive: string,
  {
    member,
    target,
    signal,
  }: { readonly member: string; readonly target: string; readonly signal: AbortSignal },
): Promise<void> {
  const handle = await fs.promises.open(target, 'wx', 0o700);
  let taken = 0;
  try {
    const reader = tarReader({
      begin: async ({ name, type, size }) => {
        if (name !== member) return false;
        if (type !== 'file') throw new Error(`${member} in the archive is no regular file`);
        if (taken > 0) throw new Error(`the archive has ${member} twice`);
        if (size > maxBytes) throw new Error(`${member} in the archive is larger than any such program`);
        taken += 1;
        return true;
      },
      content: (chunk) => handle.writeFile(chunk),
      end: () => Promise.resolve(),
    });
    await pipeline(
      fs.createReadStream(archive),
      createGunzip(),
      async (chunks: AsyncIterable<Buffer>) => {
        for await (const chunk of chunks) await reader.push(chunk);
      },
      { signal },
    );
    if (taken === 0) throw new Error(`the archive has no ${member}`);
    if (!reader.finish().whole) throw new Error('the archive is cut');
  } finally {
    await handle.close();
  }
}
