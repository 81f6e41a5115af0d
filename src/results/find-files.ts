import { readdir } from 'node:fs/promises';
import { join } from 'node:path';

const limits = { depth: 20, files: 100_000 };

/**
 * Files beneath a folder whose name fits, sorted, as absolute paths. Links are not followed: they come from a pod and
 * may point anywhere.
 */
export async function findFiles(folder: string, fits: (name: string) => boolean): Promise<string[]> {
  const found: string[] = [];
  const walk = async (at: string, depth: number): Promise<void> => {
    const entries = await readdir(at, { withFileTypes: true });
    for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
      const path = join(at, entry.name);
      if (entry.isDirectory() && depth < limits.depth) await walk(path, depth + 1);
      else if (entry.isFile() && fits(entry.name) && found.length < limits.files) found.push(path);
    }
  };
  await walk(folder, 0);
  return found;
}
