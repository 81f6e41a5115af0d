import { execFileSync, spawnSync } from 'node:child_process';
import path from 'node:path';

/** Brings up what real clusters need, and returns the environment in which they are to be had. */
export function machineEnv(root: string, need: string): Record<string, string> {
  const main = path.join(root, 'testbed', 'main.ts');
  const up = spawnSync(process.execPath, [main, 'up', '--for', need], {
    cwd: root,
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  if (up.status !== 0) process.exit(up.status ?? 1);
  const text = execFileSync(process.execPath, [main, 'env'], { cwd: root, encoding: 'utf8' });
  const shell = execFileSync('/bin/sh', ['-c', 'eval "$0" && env -0', text], { encoding: 'utf8' });
  return Object.fromEntries(
    shell.split('\0').flatMap((line): [string, string][] => {
      const at = line.indexOf('=');
      return at < 1 ? [] : [[line.slice(0, at), line.slice(at + 1)]];
    }),
  );
}
