/** Which Docker is used, and how its command is called. */
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { ownDockerHost, paths } from './paths.ts';
import { ask, run } from './proc.ts';
import type { RunOptions } from './proc.ts';

/** `own`: the testbed's daemon in its own folder; `host`: one that already ran. */
export type EngineKind = 'own' | 'host';

export class Docker {
  readonly kind: EngineKind;
  /** Folder of the unpacked engine; unused for `host`. */
  readonly prefix: string;
  #answered = false;
  #tags: ReadonlyMap<string, string> | undefined;

  constructor(kind: EngineKind, prefix: string) {
    this.kind = kind;
    this.prefix = prefix;
  }

  /** The folders of docker, dockerd, containerd. */
  get binDirs(): string[] {
    return ['usr/bin', 'usr/sbin', 'usr/libexec/docker'].map((dir) => join(this.prefix, dir));
  }

  get env(): Record<string, string> {
    if (this.kind === 'host') return {};
    return {
      PATH: [...this.binDirs, process.env['PATH'] ?? ''].join(':'),
      DOCKER_HOST: ownDockerHost,
      DOCKER_CONFIG: paths.dockerConfig,
      DOCKER_BUILDKIT: '1',
    };
  }

  /** Does the daemon answer? A yes is kept, a no is asked again. */
  answers(): boolean {
    if (this.kind === 'own' && !existsSync(paths.socket)) return false;
    const argv = ['docker', 'version', '--format', '{{.Server.Version}}'];
    return (this.#answered ||= ask(argv, this.env, 5_000).ok);
  }

  /** Tag -> image id of everything the daemon holds, asked once. */
  tags(): ReadonlyMap<string, string> {
    this.#tags ??= this.#list();
    return this.#tags;
  }

  #list(): ReadonlyMap<string, string> {
    if (!this.answers()) return new Map();
    const out = ask(
      ['docker', 'image', 'ls', '--no-trunc', '--format', '{{.Repository}}:{{.Tag}} {{.ID}}'],
      this.env,
    ).out;
    return new Map(
      out
        .split('\n')
        .filter(Boolean)
        .map((line) => line.split(' ') as [string, string]),
    );
  }

  run(args: readonly string[], options: RunOptions): Promise<string> {
    return run(['docker', ...args], {
      ...options,
      env: { ...this.env, ...options.env },
    });
  }
}

/** Does a Docker that is not the testbed's own answer? */
export function hostDockerAnswers(): boolean {
  const host = process.env['DOCKER_HOST'];
  const foreign = host === ownDockerHost ? { DOCKER_HOST: '', DOCKER_CONFIG: '' } : {};
  return ask(['docker', 'version', '--format', '{{.Server.Version}}'], foreign, 5_000).ok;
}

/** Where the newest unpacked engine is, for commands that build nothing. */
export function anyEnginePrefix(): string | undefined {
  try {
    const name = readdirSync(paths.products)
      .filter((entry) => entry.startsWith('engine-'))
      .at(-1);
    return name === undefined ? undefined : join(paths.products, name);
  } catch {
    return undefined;
  }
}

/** The pid of the testbed's own daemon, or undefined when it does not run. */
export function daemonPid(): number | undefined {
  return livePid(paths.pidFile, paths.dockerData);
}

/** The same of the containerd that it started, which a killed daemon leaves running. */
export function containerdPid(): number | undefined {
  return livePid(paths.containerdPid, paths.execRoot);
}

/**
 * A pid file survives a reboot, and its number may belong to anyone by then:
 * the process must have our folder in its command.
 */
function livePid(file: string, folder: string): number | undefined {
  try {
    const pid = Number(readFileSync(file, 'utf8').trim());
    return readFileSync(`/proc/${String(pid)}/cmdline`, 'utf8').includes(folder) ? pid : undefined;
  } catch {
    return undefined;
  }
}
