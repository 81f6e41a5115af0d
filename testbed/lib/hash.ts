/** The hash of a step's inputs decides whether its product can be used again. */
import { createHash } from 'node:crypto';
import { readFileSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';

export function hashOf(parts: readonly string[]): string {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(String(part.length)).update(':').update(part);
  return hash.digest('hex').slice(0, 12);
}

/** Names, modes and contents of all files below a path that count, in a fixed order. */
export function treeText(path: string, counts = (_name: string): boolean => true): string {
  const info = statSync(path);
  if (!info.isDirectory()) return `${String(info.mode & 0o111)} ${readFileSync(path, 'utf8')}`;
  return readdirSync(path)
    .filter(counts)
    .sort()
    .map((name) => `${name}\n${treeText(join(path, name), counts)}`)
    .join('\n');
}
