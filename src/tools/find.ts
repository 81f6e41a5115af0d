import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { KetError } from '../model/errors.ts';
import type { Deps } from '../model/deps.ts';
import { versionOf, type ToolVersion, type VersionedTool } from './version.ts';

type Env = Deps['env'];

/** A program that has the asked version. */
export interface FoundTool {
  readonly path: string;
  readonly version: string;
  /** What the user should know, e.g. that the program does not prove its patch version. */
  readonly notice?: string;
}

/** A program that was looked at. */
export interface Candidate {
  readonly path: string;
  readonly version?: ToolVersion;
}

/** `$XDG_CACHE_HOME/ket` (XDG base directory specification). */
export function cacheHome(env: Env): string {
  const base = env['XDG_CACHE_HOME'];
  const root =
    base !== undefined && path.isAbsolute(base) ? base : path.join(env['HOME'] ?? os.homedir(), '.cache');
  return path.join(root, 'ket');
}

/** Where a tool of a version lies in ket's own cache. */
export function cachedTool(env: Env, tool: string, version: string): string {
  const arch = process.arch === 'x64' ? 'amd64' : process.arch;
  return path.join(cacheHome(env), 'tools', tool, version, `${process.platform}-${arch}`, tool);
}

/** Every executable of that name in PATH, in its order; one that is named twice is listed once. */
export function onPath(env: Env, name: string): string[] {
  const files = (env['PATH'] ?? '')
    .split(path.delimiter)
    .filter((folder) => path.isAbsolute(folder))
    .map((folder) => path.join(folder, name))
    .filter(isExecutable);
  return [...new Set(files)];
}

function isExecutable(file: string): boolean {
  try {
    fs.accessSync(file, fs.constants.X_OK);
    return fs.statSync(file).isFile();
  } catch {
    return false;
  }
}

/**
 * Chooses the program of exactly the asked version. One that cannot prove its patch number is taken only when all that
 * it says fits, no other fits exactly, and then with a notice.
 */
export function choose(tool: string, asked: string, candidates: readonly Candidate[]): FoundTool | undefined {
  const exact = candidates.find(
    (c) => c.version?.exact === true && withoutBuild(c.version.version) === asked,
  );
  if (exact !== undefined) return { path: exact.path, version: asked };
  const close = candidates.find(
    (c) => c.version?.exact === false && asked.startsWith(`${c.version.version}.`),
  );
  if (close?.version === undefined) return undefined;
  return {
    path: close.path,
    version: asked,
    notice: `${close.path} says only that it is ${tool} ${close.version.version}; whether it is ${asked} is not proved`,
  };
}

/** Build metadata (`+g1234`) is no part of a version's order. */
const withoutBuild = (version: string): string => version.replace(/\+.*$/, '');

/** kind or Helm of exactly the asked version, from PATH or ket's tool cache; never another. */
export async function findTool(
  deps: Deps,
  tool: VersionedTool,
  asked: string,
  signal?: AbortSignal,
): Promise<FoundTool> {
  const cached = cachedTool(deps.env, tool, asked);
  const files = [...(isExecutable(cached) ? [cached] : []), ...onPath(deps.env, tool)];
  const candidates = await Promise.all(
    files.map(async (file): Promise<Candidate> => {
      const version = await versionOf(deps.exec, tool, file, signal);
      return { path: file, ...(version === undefined ? {} : { version }) };
    }),
  );
  const found = choose(tool, asked, candidates);
  if (found !== undefined) return found;
  throw new KetError('KET_TOOL', `${tool} ${asked} was not found`, {
    details:
      candidates.length === 0
        ? [`no ${tool} in PATH`, `not in the tool cache: ${cached}`]
        : [
            ...candidates.map((c) => `${c.path}: ${c.version?.version ?? 'did not tell its version'}`),
            `not in the tool cache: ${cached}`,
          ],
    next:
      `install ${tool} ${asked} (${howToInstall(tool, asked)}), put it into PATH or at ${cached}; ` +
      `or ask for the version that is there with "tools: {${tool}: …}" in ket.yaml`,
  });
}

function howToInstall(tool: VersionedTool, version: string): string {
  if (tool === 'kind') return `go install sigs.k8s.io/kind@${version}, or the binary of its release page`;
  const major = /^v(\d+)/.exec(version)?.[1] ?? '4';
  return `go install helm.sh/helm/v${major}/cmd/helm@${version}, or the archive of its release page`;
}

/** The Docker CLI, from PATH. */
export function findDocker(env: Env): string {
  const docker = onPath(env, 'docker')[0];
  if (docker !== undefined) return docker;
  throw new KetError('KET_PREREQUISITE', 'there is no docker in PATH', {
    next: 'install Docker Engine with its CLI (https://docs.docker.com/engine/install/) and run the command again',
  });
}
