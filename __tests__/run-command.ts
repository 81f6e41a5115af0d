import { spawn } from 'node:child_process';

export interface Ended {
  readonly code: number | null;
  /** What it printed, on either stream. */
  readonly said: string;
}

/** One command, to its end or for `limitMs`. */
export async function runCommand(
  [command = '', ...args]: readonly string[],
  options: { readonly cwd: string; readonly env?: NodeJS.ProcessEnv; readonly limitMs: number },
): Promise<Ended> {
  const { cwd, env, limitMs } = options;
  const child = spawn(command, args, { cwd, env, stdio: ['ignore', 'pipe', 'pipe'], timeout: limitMs });
  let said = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk: Buffer) => {
      said += chunk.toString();
    });
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  return { code, said };
}
