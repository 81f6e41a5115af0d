import { spawn } from 'node:child_process';

/** Ms that a script of bash needs; what it prints on its stderr is shown. Rejects when it does not end with 0. */
export async function bash(script: string, signal: AbortSignal): Promise<number> {
  const began = performance.now();
  const child = spawn('bash', ['-c', script], { stdio: ['ignore', 'ignore', 'inherit'], signal });
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  if (code !== 0) throw new Error(`the floor ended with ${String(code)}`);
  return performance.now() - began;
}
