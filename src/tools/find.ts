import fs from 'node:fs';
import path from 'node:path';
import { KetError } from '../model/errors.ts';
import type { Deps } from '../model/deps.ts';
import { cachedTool, cacheState } from './cache.ts';
import type { DownloadContext } from './download.ts';
import type { DownloadLimits } from './download-limits.ts';
import { downloadUrl, pathOf, type Wanted } from './mirror.ts';
import { listedSum, platformOf, type VersionTable } from './table.ts';
import { versions } from './versions.ts';
import { knownVersionOf } from './known-versions.ts';
import type { ToolVersion, VersionedTool } from './version.ts';

export { cachedTool, cacheHome } from './cache.ts';

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

/** What was found without changing anything. */
interface Look {
  readonly found?: FoundTool;
  readonly candidates: readonly Candidate[];
  /** The listed download for this platform. */
  readonly wanted?: Wanted & { readonly sha256: string };
  /** Why the program in the cache is not believed. */
  readonly bad?: string;
}

async function look(
  deps: Pick<Deps, 'exec' | 'env'>,
  {
    tool,
    asked,
    table,
  }: { readonly tool: VersionedTool; readonly asked: string; readonly table: VersionTable },
  signal?: AbortSignal,
): Promise<Look> {
  const platform = platformOf();
  const listed = listedSum(tool, asked, platform, table);
  const wanted =
    listed === undefined || platform === undefined
      ? undefined
      : { tool, version: asked, platform, sha256: listed };
  const file = cachedTool(deps.env, tool, asked);
  const state =
    listed === undefined ? 'absent' : await cacheState({ file, listed, unpacked: tool === 'helm' }, signal);
  if (state === 'good') return { found: { path: file, version: asked }, candidates: [] };
  const candidates = await Promise.all(
    onPath(deps.env, tool).map(async (candidate): Promise<Candidate> => {
      const version = await knownVersionOf(deps, tool, candidate, signal);
      return { path: candidate, ...(version === undefined ? {} : { version }) };
    }),
  );
  const found = choose(tool, asked, candidates);
  return {
    candidates,
    ...(found === undefined ? {} : { found }),
    ...(wanted === undefined ? {} : { wanted }),
    ...(state === 'absent' ? {} : { bad: state.bad }),
  };
}

/**
 * A tool of exactly the asked version, from ket's tool cache or PATH; never another. Changes nothing: what is not there
 * is an error, also where it could be downloaded.
 */
export async function findTool(
  deps: Pick<Deps, 'exec' | 'env'>,
  tool: VersionedTool,
  asked: string,
  signal?: AbortSignal,
): Promise<FoundTool> {
  const seen = await look(deps, { tool, asked, table: versions }, signal);
  if (seen.found !== undefined) return seen.found;
  throw notFound(tool, asked, { seen, table: versions });
}

export interface ProvideOptions {
  readonly signal: AbortSignal;
  readonly awaiting?: (what: string) => void;
  readonly table?: VersionTable;
  readonly limits?: DownloadLimits;
}

/**
 * A tool of exactly the asked version: from ket's tool cache, else from PATH, else by a download, when the version
 * table has its sum. A program that does not prove its patch version is taken only where there is no such download.
 */
export async function provideTool(
  deps: Deps,
  tool: VersionedTool,
  asked: string,
  options: ProvideOptions,
): Promise<FoundTool> {
  const { signal, table = versions } = options;
  options.awaiting?.(`${tool} ${asked} to be looked for`);
  const seen = await look(deps, { tool, asked, table }, signal);
  const { found, wanted, bad } = seen;
  if (found !== undefined && (found.notice === undefined || wanted === undefined)) return found;
  if (wanted === undefined) throw notFound(tool, asked, { seen, table });
  const target = cachedTool(deps.env, tool, asked);
  const context: DownloadContext = {
    clock: deps.clock,
    env: deps.env,
    signal,
    ...(options.awaiting === undefined ? {} : { awaiting: options.awaiting }),
    ...(options.limits === undefined ? {} : { limits: options.limits }),
  };
  // Where nothing is downloaded it costs its memory all the same.
  const { download } = await import('./download.ts');
  await download(
    {
      what: `${tool} ${asked}`,
      url: downloadUrl(wanted, deps.env),
      sha256: wanted.sha256,
      target,
      ...(tool === 'helm' ? { member: `${wanted.platform.replace('/', '-')}/helm` } : {}),
      next:
        `see whether this machine reaches that address (HTTPS_PROXY and NO_PROXY are honoured); name a mirror with ` +
        `KET_${tool.toUpperCase()}_MIRROR or KET_TOOL_MIRROR; or put ${tool} ${asked} into PATH`,
    },
    context,
  );
  return {
    path: target,
    version: asked,
    ...(bad === undefined ? {} : { notice: `${target} was replaced by a new download: ${bad}` }),
  };
}

function notFound(
  tool: VersionedTool,
  asked: string,
  { seen, table }: { readonly seen: Look; readonly table: VersionTable },
): KetError {
  const { candidates, wanted, bad } = seen;
  const listed = table[tool].map(({ version }) => version);
  return new KetError('KET_TOOL', `${tool} ${asked} was not found`, {
    details: [
      ...(candidates.length === 0 ? [`no ${tool} in PATH`] : []),
      ...candidates.map((c) => `${c.path}: ${c.version?.version ?? 'did not tell its version'}`),
      ...(bad === undefined ? [] : [`what is in the tool cache is not believed: ${bad}`]),
      wanted === undefined
        ? `not in ket's version table for ${process.platform}/${process.arch}, which has ${listed.join(', ')}`
        : `not in the tool cache; ${pathOf(wanted.tool, wanted.version, wanted.platform)} is downloaded when a run needs it`,
    ],
    next:
      `put ${tool} ${asked} into PATH (${howToInstall(tool, asked)}); ` +
      `or ask for a listed version with "tools: {${tool}: …}" in ket.yaml`,
  });
}

function howToInstall(tool: VersionedTool, version: string): string {
  if (tool === 'kind') return `go install sigs.k8s.io/kind@${version}, or the binary of its release page`;
  if (tool === 'kubectl') return 'the binary of its release page';
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
