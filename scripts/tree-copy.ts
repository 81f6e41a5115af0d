import { execFileSync, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';

/** Copies all that git knows or would add, so that what is being worked on counts as well. */
export function copyTree(root: string, copy: string): void {
  const args = ['ls-files', '-z', '--cached', '--others', '--exclude-standard'];
  const files = execFileSync('git', args, { cwd: root, encoding: 'utf8', maxBuffer: 1 << 26 }).split('\0');
  for (const name of new Set(files)) {
    const from = path.join(root, name);
    if (name === '' || fs.lstatSync(from, { throwIfNoEntry: false })?.isFile() !== true) continue;
    fs.mkdirSync(path.dirname(path.join(copy, name)), { recursive: true });
    fs.copyFileSync(from, path.join(copy, name));
  }
  fs.symlinkSync(path.join(root, 'node_modules'), path.join(copy, 'node_modules'));
}

/** Applies a patch to a copy, or takes it back. What git says against it; nothing when it could be done. */
export function applyPatch(copy: string, file: string, how: readonly string[] = []): string {
  const result = spawnSync('git', ['apply', '-p1', ...how, file], { cwd: copy, encoding: 'utf8' });
  return result.status === 0 ? '' : result.stderr.trim();
}
