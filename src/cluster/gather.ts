import fs from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { KetError, messageOf } from '../model/errors.ts';
import type { Deps } from '../model/deps.ts';
import type { Plan } from '../model/plan.ts';
import { findTool, onPath } from '../tools/find.ts';
import { kustomizeIn } from '../tools/kustomize.ts';
import { imagesOfNodes, kindBootOf } from '../tools/kubeadm.ts';
import { engineOf, type DockerFacts, type MachineFacts, type ToolFacts } from './machine.ts';

/** Each look has this limit; they run side by side, so doctor as a whole takes no longer. */
const lookMs = 1500;
/** The disks are looked at when Docker has said where its data is. */
const diskMs = 300;

/** What a run on a cluster that is there may lack: memory, and room for images and results. */
export async function gatherRoom(deps: Deps, plan: Plan, signal: AbortSignal): Promise<MachineFacts> {
  const [docker, memoryAvailable] = await Promise.all([engineFacts(deps, signal), availableMemory()]);
  const disks = await diskFacts(plan, docker);
  const memory = memoryAvailable === undefined ? {} : { memoryAvailable };
  return { platform: process.platform, docker, disks, takenPorts: [], tools: [], ...memory };
}

/** What the engine says of itself, without its version and address. */
async function engineFacts(deps: Deps, signal: AbortSignal): Promise<DockerFacts> {
  const cli = onPath(deps.env, 'docker')[0];
  if (cli === undefined) return {};
  const argv = [cli, 'info', '--format', '{{json .}}'];
  const info = await deps.exec({ argv, limitMs: lookMs, signal }).catch((error: unknown) => {
    if (signal.aborted) throw error;
    return undefined;
  });
  const engine = engineOf(info?.stdout ?? '', '');
  return { cli, ...(engine === undefined ? {} : { engine }) };
}

/** Looks at the machine, changing nothing. */
export async function gatherFacts(deps: Deps, plan: Plan, signal: AbortSignal): Promise<MachineFacts> {
  const [docker, memoryAvailable, inotify, takenPorts, tools, nodeImages] = await Promise.all([
    plan.cluster?.existing === undefined ? dockerFacts(deps, signal) : {},
    availableMemory(),
    inotifyLimits(),
    takenHostPorts(plan),
    toolFacts(deps, plan, signal),
    nodeImageFacts(deps, plan, signal),
  ]);
  const disks = await diskFacts(plan, docker);
  return {
    platform: process.platform,
    docker,
    disks,
    takenPorts,
    tools,
    nodeImages,
    ...(plan.releases.some(({ kustomize }) => kustomize !== undefined)
      ? { kustomize: kustomizeIn(deps.env)?.[0] ?? '' }
      : {}),
    ...(memoryAvailable === undefined ? {} : { memoryAvailable }),
    ...(inotify === undefined ? {} : { inotify }),
  };
}

async function dockerFacts(deps: Deps, signal: AbortSignal): Promise<DockerFacts> {
  const cli = onPath(deps.env, 'docker')[0];
  if (cli === undefined) return {};
  const ask = async (...args: readonly string[]): Promise<Answer> => {
    try {
      const result = await deps.exec({ argv: [cli, ...args], limitMs: lookMs, signal });
      if (result.timedOut) return { out: '', slow: true };
      return result.code === 0 ? { out: result.stdout } : { out: result.stdout, error: result.stderr.trim() };
    } catch (error) {
      signal.throwIfAborted();
      return { out: '', error: messageOf(error) };
    }
  };
  const [info, server, context] = await Promise.all([
    ask('info', '--format', '{{json .}}'),
    ask('version', '--format', '{{json .Server}}'),
    ask('context', 'inspect', '--format', '{{.Endpoints.docker.Host}}'),
  ]);
  const host = context.out.trim() || deps.env['DOCKER_HOST'];
  const engine = engineOf(info.out, server.out);
  return {
    cli,
    ...(host === undefined || host === '' ? {} : { host }),
    ...(engine === undefined ? { error: info.error ?? server.error ?? 'it gave no answer' } : { engine }),
    ...(info.slow === true ? { slow: true } : {}),
  };
}

interface Answer {
  readonly out: string;
  readonly error?: string;
  readonly slow?: boolean;
}

/** What Linux says is available; elsewhere Docker runs in a machine of its own and knows better. */
async function availableMemory(): Promise<number | undefined> {
  const text = await fs.promises.readFile('/proc/meminfo', 'utf8').catch(() => '');
  const kib = /^MemAvailable:\s+(\d+) kB/m.exec(text)?.[1];
  if (kib !== undefined) return Number(kib) * 1024;
  return process.platform === 'linux' ? os.freemem() : undefined;
}

async function inotifyLimits(): Promise<MachineFacts['inotify']> {
  const read = async (name: string): Promise<number> =>
    Number(await fs.promises.readFile(`/proc/sys/fs/inotify/${name}`, 'utf8').catch(() => 'NaN'));
  const [instances, watches] = await Promise.all([read('max_user_instances'), read('max_user_watches')]);
  return Number.isFinite(instances) && Number.isFinite(watches) ? { instances, watches } : undefined;
}

async function takenHostPorts(plan: Plan): Promise<MachineFacts['takenPorts']> {
  if (plan.cluster === undefined) return [];
  const wanted = plan.cluster.hostPorts.filter((mapping) => mapping.protocol === 'TCP');
  const taken = await Promise.all(wanted.map(async (mapping) => ((await isFree(mapping)) ? [] : [mapping])));
  return taken.flat();
}

/** Whether a server could listen there; only "in use" counts, since Docker may have rights that ket lacks. */
function isFree({ address, port }: { readonly address: string; readonly port: number }): Promise<boolean> {
  return new Promise((resolve) => {
    const server = net.createServer();
    const timer = setTimeout(() => end(true), lookMs);
    const end = (free: boolean): void => {
      clearTimeout(timer);
      server.close();
      resolve(free);
    };
    server.once('error', (error: NodeJS.ErrnoException) => end(error.code !== 'EADDRINUSE'));
    server.listen({ port, host: address, exclusive: true }, () => end(true));
  });
}

async function toolFacts(deps: Deps, plan: Plan, signal: AbortSignal): Promise<ToolFacts[]> {
  if (plan.cluster === undefined) return [];
  const wanted = [
    ...(plan.cluster.existing === undefined ? [{ name: 'kind', asked: plan.tools.kind } as const] : []),
    ...(plan.releases.every(({ installed }) => installed)
      ? []
      : [{ name: 'helm', asked: plan.tools.helm } as const]),
  ];
  return Promise.all(
    wanted.map(async ({ name, asked }): Promise<ToolFacts> => {
      const limit = AbortSignal.timeout(lookMs);
      try {
        const found = await findTool(deps, name, asked, AbortSignal.any([signal, limit]));
        return {
          name,
          asked,
          path: found.path,
          ...(found.notice === undefined ? {} : { notice: found.notice }),
        };
      } catch (error) {
        signal.throwIfAborted();
        if (limit.aborted) return { name, asked, slow: true };
        const details = error instanceof KetError ? error.details.join('; ') : messageOf(error);
        const cure = error instanceof KetError ? error.next : undefined;
        return { name, asked, error: details, ...(cure === undefined ? {} : { cure }) };
      }
    }),
  );
}

/** An image that Docker does not have is pulled for the right platform; one that it has is taken as it is. */
async function nodeImageFacts(
  deps: Deps,
  plan: Plan,
  signal: AbortSignal,
): Promise<NonNullable<MachineFacts['nodeImages']>> {
  const docker = onPath(deps.env, 'docker')[0];
  if (plan.cluster === undefined || plan.cluster.existing !== undefined || docker === undefined) return [];
  const boot = kindBootOf(plan.cluster.kindConfig);
  const found = await Promise.all(
    imagesOfNodes(plan.tools.kind, plan.cluster.nodeImage, boot).map(async (image) => {
      const argv = [docker, 'image', 'inspect', '--format', '{{.Os}}/{{.Architecture}}', image];
      const result = await deps.exec({ argv, limitMs: lookMs, signal }).catch(() => undefined);
      signal.throwIfAborted();
      const platform = result?.code === 0 ? result.stdout.trim() : '';
      return platform === '' ? [] : [{ image, platform }];
    }),
  );
  return found.flat();
}

async function diskFacts(plan: Plan, docker: DockerFacts): Promise<MachineFacts['disks']> {
  const places = [
    ...(plan.cluster === undefined ||
    plan.cluster.existing !== undefined ||
    docker.engine?.rootDir === undefined
      ? []
      : [{ path: docker.engine.rootDir, what: 'the disk of Docker' }]),
    { path: plan.output, what: 'the disk of the results' },
  ];
  const found = await Promise.all(
    places.map(async (place) => {
      const free = await inTime(freeBytes(place.path));
      return free === undefined ? [] : [{ ...place, free }];
    }),
  );
  return found.flat();
}

/** A file system that hangs is one more thing that could not be looked at. */
async function inTime<T>(work: Promise<T>): Promise<T | undefined> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<undefined>((resolve) => {
    timer = setTimeout(() => resolve(undefined), diskMs);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** Free bytes where a path is, or will be made. Undefined for a path within the machine of Docker Desktop. */
async function freeBytes(place: string): Promise<number | undefined> {
  for (let folder = place; ; folder = path.dirname(folder)) {
    try {
      const stat = await fs.promises.statfs(folder);
      return stat.bavail * stat.bsize;
    } catch (error) {
      const missing = (error as NodeJS.ErrnoException).code === 'ENOENT';
      if (!missing || path.dirname(folder) === folder || path.dirname(folder) === '/') return undefined;
    }
  }
}
