/**
 * Old products are kept for clones that stand at another commit, but not for
 * ever: of each product the newest few stay.
 */
import { readdirSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { Docker } from './docker.ts';
import { paths } from './paths.ts';
import { ask } from './proc.ts';

const kept = 3;
const buildCache = '10GB';

/** Everything but the first few of each group. */
function surplus<T>(items: readonly T[], groupOf: (item: T) => string): T[] {
  const counts = new Map<string, number>();
  return items.filter((item) => {
    const count = (counts.get(groupOf(item)) ?? 0) + 1;
    counts.set(groupOf(item), count);
    return count > kept;
  });
}

export function prune(docker: Docker): void {
  const age = (name: string): number => statSync(join(paths.products, name)).mtimeMs;
  const products = readdirSync(paths.products).sort((a, b) => age(b) - age(a));
  for (const name of surplus(products, (each) => each.replace(/-[0-9a-f]+$/, ''))) {
    rmSync(join(paths.products, name), { recursive: true, force: true });
  }
  // The daemon lists the newest first. What a container still uses stays: the
  // daemon refuses, and the next time is soon enough.
  const own = [...docker.tags().keys()].filter((tag) => tag.startsWith('ket-testbed/'));
  const old = surplus(own, (tag) => tag.replace(/:.*/, ''));
  if (old.length > 0) ask(['docker', 'image', 'rm', ...old], docker.env, 60_000);
  if (docker.kind === 'own') {
    ask(['docker', 'builder', 'prune', '--force', '--keep-storage', buildCache], docker.env, 60_000);
  }
}
