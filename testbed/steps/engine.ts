/**
 * The Docker engine, in a folder of its own: packages of a newer Debian suite
 * are unpacked, not installed, so the host's own packages stay as they are.
 */
import { closeSync, mkdirSync, openSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { containerdPid, daemonPid } from '../lib/docker.ts';
import type { Docker } from '../lib/docker.ts';
import { hashOf } from '../lib/hash.ts';
import { mainMirror } from '../lib/machine.ts';
import { ownDockerHost, paths, root } from '../lib/paths.ts';
import { CommandError, ask, run } from '../lib/proc.ts';
import { product } from '../lib/product.ts';
import type { Product } from '../lib/product.ts';
import type { Step } from '../lib/steps.ts';
import { versions } from '../lib/versions.ts';

const unpacked = ['docker.io', 'docker-cli', 'containerd', 'docker-buildx'];
/** From the host's own suite, by its own package manager. */
export const installed = ['runc', 'iptables', 'debootstrap'];
const startLimitMs = 60_000;

export function engineProduct(): Product {
  return product('engine', hashOf([...unpacked, versions.engineDebian, mainMirror()]));
}

/** Host packages that are not there yet. */
export function missingPackages(): string[] {
  const out = ask(['dpkg-query', '-W', '-f', '${Package} ${db:Status-Status}\n', ...installed]).out;
  return installed.filter((name) => !out.split('\n').includes(`${name} installed`));
}

export function engineSteps(docker: Docker): Step[] {
  const made = engineProduct();
  return [
    {
      id: 'host-packages',
      title: `host packages ${installed.join(', ')}`,
      lane: 'fetch',
      needs: [],
      isDone: () => missingPackages().length === 0,
      run: async (log) => {
        const env = { DEBIAN_FRONTEND: 'noninteractive' };
        await run(['apt-get', 'update'], { log, env });
        await run(
          ['apt-get', 'install', '--yes', '--no-upgrade', '--no-install-recommends', ...missingPackages()],
          { log, env },
        );
      },
    },
    {
      id: 'engine',
      title: `Docker engine (Debian ${versions.engineDebian}, unpacked)`,
      lane: 'fetch',
      needs: [],
      isDone: made.isDone,
      run: (log) => made.make((dir) => unpack(dir, log)),
    },
    {
      id: 'daemon',
      title: 'Docker daemon',
      lane: 'fetch',
      needs: ['host-packages', 'engine'],
      isDone: () => made.isDone() && docker.answers(),
      run: (log) => startDaemon(docker, log),
    },
  ];
}

/** apt with lists and settings of its own: the host's view of packages is untouched. */
async function unpack(dir: string, log: string): Promise<void> {
  const apt = join(paths.work, 'engine-apt');
  rmSync(apt, { recursive: true, force: true });
  mkdirSync(join(apt, 'lists', 'partial'), { recursive: true });
  mkdirSync(join(apt, 'debs'), { recursive: true });
  const keys = '/usr/share/keyrings/debian-archive-keyring.gpg';
  writeFileSync(
    join(apt, 'sources.list'),
    `deb [signed-by=${keys}] ${mainMirror()} ${versions.engineDebian} main\n`,
  );
  const options = [
    `Dir::Etc::sourcelist=${join(apt, 'sources.list')}`,
    'Dir::Etc::sourceparts=/dev/null',
    'Dir::Etc::preferencesparts=/dev/null',
    `Dir::State::lists=${join(apt, 'lists')}`,
    `Dir::Cache=${apt}`,
    'APT::Sandbox::User=root',
    'Acquire::Languages=none',
    'Acquire::IndexTargets::deb::DEP-11::DefaultEnabled=false',
  ].flatMap((option) => ['-o', option]);
  await run(['apt-get', ...options, 'update'], { log });
  await run(
    ['apt-get', ...options, 'download', ...unpacked.map((name) => `${name}/${versions.engineDebian}`)],
    { log, cwd: join(apt, 'debs') },
  );
  for (const deb of readdirSync(join(apt, 'debs')))
    await run(['dpkg', '-x', join(apt, 'debs', deb), dir], { log });
  rmSync(apt, { recursive: true, force: true });
}

/** Starts dockerd in a session of its own, so that it outlives this command. */
export async function startDaemon(docker: Docker, log: string): Promise<void> {
  if (paths.socket.length > 80) {
    throw new Error(`${root} is too long a path for Unix sockets: set KET_TESTBED_DIR to a shorter one`);
  }
  for (const dir of [paths.run, paths.dockerData, join(paths.dockerConfig, 'cli-plugins')])
    mkdirSync(dir, { recursive: true });
  const plugin = join(paths.dockerConfig, 'cli-plugins', 'docker-buildx');
  rmSync(plugin, { force: true });
  symlinkSync(join(docker.prefix, 'usr/libexec/docker/cli-plugins/docker-buildx'), plugin);
  if (daemonPid() === undefined) {
    // Left by a daemon that was killed. After a reboot the numbers in such files
    // may be those of other processes, and Docker would wait for them.
    const stale = [
      paths.pidFile,
      paths.socket,
      ...(containerdPid() === undefined ? [paths.containerdPid] : []),
    ];
    for (const path of stale) rmSync(path, { force: true });
    const output = openSync(paths.dockerLog, 'a');
    const argv = [
      '--data-root',
      paths.dockerData,
      '--exec-root',
      paths.execRoot,
      '--pidfile',
      paths.pidFile,
      '--host',
      ownDockerHost,
      '--group',
      'root',
    ];
    spawn('dockerd', argv, {
      cwd: '/',
      env: { ...process.env, ...docker.env },
      detached: true,
      stdio: ['ignore', output, output],
    })
      .on('error', () => undefined) // seen below: the daemon does not answer
      .unref();
    closeSync(output);
  }
  const until = Date.now() + startLimitMs;
  while (!docker.answers()) {
    if (Date.now() > until)
      throw new CommandError('dockerd', paths.dockerLog, `does not answer on ${ownDockerHost} within 60 s`);
    await sleep(200);
  }
  await docker.run(['version'], { log });
}

/** Stops the daemon that the testbed started, and no other. */
export async function stopDaemon(): Promise<boolean> {
  const pid = daemonPid();
  if (pid === undefined) return false;
  process.kill(pid, 'SIGTERM');
  const until = Date.now() + startLimitMs;
  while (daemonPid() !== undefined) {
    if (Date.now() > until)
      throw new Error(`dockerd (process ${String(pid)}) does not end; log ${paths.dockerLog}`);
    await sleep(200);
  }
  return true;
}
