import { spawn } from 'node:child_process';
import path from 'node:path';
import type { Kube, KubePipe, KubePipeRequest } from '../../../src/model/kube.ts';

const arch = process.arch === 'arm64' ? 'arm64' : 'amd64';
const program = path.join(import.meta.dirname, '..', '..', '..', 'dist', 'ket-run', `ket-run-${arch}`);

/** Pipes to the ket-run that is shipped, as a process of this machine: its network is that of the tests. */
export const localPipes: Pick<Kube, 'pipe'> = {
  pipe: (request: KubePipeRequest): Promise<KubePipe> => {
    const child = spawn(program, request.argv.slice(1), { stdio: 'pipe' });
    let over = false;
    const close = (error?: Error): void => {
      if (over) return;
      over = true;
      child.stdin.destroy();
      child.stdout.destroy();
      child.stderr.destroy();
      request.onClose(error);
    };
    child.stdin.on('error', () => undefined);
    child.stdout.on('data', request.onStdout);
    child.stderr.on('data', request.onStderr);
    child.once('close', () => close());
    request.signal.addEventListener('abort', () => close(request.signal.reason as Error), { once: true });
    return Promise.resolve({
      write: (chunk) =>
        new Promise((resolve, reject) =>
          child.stdin.write(chunk, (error) => (error instanceof Error ? reject(error) : resolve())),
        ),
      end: () => new Promise((resolve) => child.stdin.end(resolve)),
      hold: () => void child.stdout.pause(),
      go: () => void child.stdout.resume(),
      close: () => close(),
    });
  },
};
