import { execFileSync, spawn } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';

/**
 * A second Docker daemon, with its images in containerd. It has a folder, a socket and a network of its own, so that it
 * touches nothing of the one that is there: what is to reach its containers by TCP is started `via` its network.
 */
export interface SecondDocker {
  readonly env: Readonly<Record<string, string>>;
  /** Goes before a command that is to run in its network. */
  readonly via: readonly string[];
  docker(...args: readonly string[]): string;
  /** The client of its containerd, in the namespace of its images. */
  ctr(...args: readonly string[]): string;
  /** Gives it images of the other daemon. */
  take(...names: readonly string[]): void;
  stop(): Promise<void>;
}

const startMs = 60_000;

export async function startSecondDocker(folder: string): Promise<SecondDocker> {
  // A Docker that was unpacked has its daemon beside it.
  const beside = path.join(
    path.dirname(fs.realpathSync(execFileSync('which', ['docker'], { encoding: 'utf8' }).trim())),
    '..',
  );
  const PATH = [
    ...['sbin', 'libexec/docker'].map((name) => path.join(beside, name)),
    process.env['PATH'] ?? '',
  ].join(':');
  const at = (name: string): string => path.join(folder, name);
  const socket = `unix://${at('docker.sock')}`;
  fs.writeFileSync(at('daemon.json'), JSON.stringify({ features: { 'containerd-snapshotter': true } }));
  const log = fs.openSync(at('dockerd.log'), 'w');
  const argv = [
    ...['dockerd', '--config-file', at('daemon.json'), '--data-root', at('data'), '--exec-root', at('exec')],
    ...['--pidfile', at('docker.pid'), '--host', socket, '--group', 'root'],
  ];
  const child = spawn(
    'unshare',
    ['--net', '--', 'sh', '-c', 'ip link set lo up && exec "$@"', 'sh', ...argv],
    {
      env: { ...process.env, PATH },
      stdio: ['ignore', log, log],
    },
  );
  fs.closeSync(log);
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()));
  const env = { DOCKER_HOST: socket };
  const run = (file: string, args: readonly string[], more: NodeJS.ProcessEnv = env): string =>
    execFileSync(file, args, {
      encoding: 'utf8',
      env: { ...process.env, PATH, ...more },
      stdio: ['ignore', 'pipe', 'pipe'],
    }).trim();
  const stop = async (): Promise<void> => {
    child.kill();
    await ended;
  };
  for (const until = Date.now() + startMs; ; await new Promise((resolve) => setTimeout(resolve, 250)))
    try {
      run('docker', ['version']);
      break;
    } catch (error) {
      if (Date.now() < until && child.exitCode === null) continue;
      await stop();
      throw new Error(`no second Docker: ${fs.readFileSync(at('dockerd.log'), 'utf8').slice(-2000)}`, {
        cause: error,
      });
    }
  return {
    env,
    via: ['nsenter', `--net=/proc/${String(child.pid)}/ns/net`, '--'],
    docker: (...args) => run('docker', args),
    ctr: (...args) =>
      run('ctr', ['--address', at('exec/containerd/containerd.sock'), '--namespace=moby', ...args]),
    take(...names) {
      const script = 'docker save "$@" | DOCKER_HOST="$SECOND" docker load --quiet';
      run('sh', ['-c', script, 'sh', ...names], { SECOND: socket });
    },
    stop,
  };
}
