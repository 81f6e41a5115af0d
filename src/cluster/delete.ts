import fs from 'node:fs';
import { KetError } from '../model/errors.ts';
import type { Deps, ExecResult } from '../model/deps.ts';
import { authoritiesBeside, stopCreation } from './kind.ts';

export interface DeleteOptions {
  /** Without kind at hand the containers are removed by their exact label. */
  readonly kind?: string;
  readonly docker: string;
  readonly name: string;
  readonly kubeconfig: string;
  readonly signal?: AbortSignal;
}

const kindLimitMs = 120_000;
const dockerLimitMs = 30_000;
/** Docker may need several tries to remove a container whose processes do not die at once. */
const tries = 4;
const betweenTriesMs = 1500;

/** The label that kind puts on every container of a cluster; the exact value, never a prefix. */
export const clusterFilter = (name: string): string => `label=io.x-k8s.kind.cluster=${name}`;

/**
 * Deletes a Kind cluster and proves that nothing of it is left: neither containers nor the volumes that were mounted
 * in them. A cluster that is gone already is no error.
 */
export async function deleteCluster(deps: Deps, options: DeleteOptions): Promise<void> {
  const { docker, name } = options;
  const cutShort = await stopCreation(name);
  const run = (argv: readonly string[], limitMs = dockerLimitMs): Promise<ExecResult> =>
    deps.exec({ argv, limitMs, ...(options.signal === undefined ? {} : { signal: options.signal }) });

  const before = await containers(run, docker, name);
  const volumes = await volumesOf(run, docker, before);
  let said = '';
  if (options.kind !== undefined) {
    const argv = [options.kind, 'delete', 'cluster', '--name', name, '--kubeconfig', options.kubeconfig];
    const result = await run(argv, kindLimitMs);
    if (result.code !== 0) said = lastLines(result.stderr);
  }
  // What a killed `docker run` asked for may still appear: then nothing at one look proves nothing.
  let moreLooks = isUnfinished(options.kubeconfig) ? 3 : cutShort ? 1 : 0;
  for (let attempt = 1; ; attempt += 1) {
    const left = await containers(run, docker, name);
    const leftVolumes = await existing(run, docker, volumes);
    if (left.length === 0 && leftVolumes.length === 0) {
      if (moreLooks === 0) break;
      moreLooks -= 1;
      await deps.clock.sleep(betweenTriesMs, options.signal);
      continue;
    }
    if (attempt === tries) throw notGone(options, left, leftVolumes, said);
    if (attempt > 1) await deps.clock.sleep(betweenTriesMs, options.signal);
    if (left.length > 0)
      said = lastLines((await run([docker, 'rm', '-f', '-v', ...left], kindLimitMs)).stderr) || said;
    else said = lastLines((await run([docker, 'volume', 'rm', ...leftVolumes])).stderr) || said;
  }
  // It holds the key of a cluster that is no more.
  await fs.promises.rm(options.kubeconfig, { force: true });
  await fs.promises.rm(authoritiesBeside(options.kubeconfig), { force: true });
}

/** kind fills the file that ket made for it as its last act: its creation was killed, by whomever. */
const isUnfinished = (kubeconfig: string): boolean =>
  fs.statSync(kubeconfig, { throwIfNoEntry: false })?.size === 0;

type Run = (argv: readonly string[], limitMs?: number) => Promise<ExecResult>;

/** Ids of the cluster's containers. Docker not answering is an error: nothing would be proved. */
async function containers(run: Run, docker: string, name: string): Promise<string[]> {
  const result = await run([docker, 'ps', '-a', '-q', '--no-trunc', '--filter', clusterFilter(name)]);
  if (result.code !== 0)
    throw new KetError('KET_CLUSTER', `whether cluster ${name} is gone cannot be told: docker ps failed`, {
      details: result.stderr.trim().split('\n').slice(-5),
      next: `when Docker runs again: kind delete cluster --name ${name}`,
    });
  return words(result.stdout);
}

/** Names of the volumes that are mounted in the containers. kind's own are anonymous; a user's named one is not listed. */
async function volumesOf(run: Run, docker: string, ids: readonly string[]): Promise<string[]> {
  if (ids.length === 0) return [];
  const format = '{{range .Mounts}}{{if eq .Type "volume"}}{{println .Name}}{{end}}{{end}}';
  const result = await run([docker, 'inspect', '--format', format, ...ids]);
  return words(result.stdout).filter((volume) => /^[0-9a-f]{64}$/.test(volume));
}

async function existing(run: Run, docker: string, volumes: readonly string[]): Promise<string[]> {
  if (volumes.length === 0) return [];
  const there = new Set(words((await run([docker, 'volume', 'ls', '-q'])).stdout));
  return volumes.filter((volume) => there.has(volume));
}

function notGone(
  options: DeleteOptions,
  left: readonly string[],
  volumes: readonly string[],
  said: string,
): KetError {
  const what = [
    ...left.map((id) => `container ${id.slice(0, 12)}`),
    ...volumes.map((volume) => `volume ${volume.slice(0, 12)}`),
  ];
  const cures = [
    ...(left.length > 0 ? [`docker rm -f -v ${left.map((id) => id.slice(0, 12)).join(' ')}`] : []),
    ...(volumes.length > 0 ? [`docker volume rm ${volumes.join(' ')}`] : []),
  ];
  return new KetError(
    'KET_CLUSTER',
    `cluster ${options.name} could not be removed wholly: ${what.join(', ')} left`,
    {
      ...(said === '' ? {} : { details: said.split('\n') }),
      next: cures.join(' && '),
    },
  );
}

const words = (text: string): string[] => text.split(/\s+/).filter((word) => word !== '');
const lastLines = (text: string): string => text.trim().split('\n').slice(-5).join('\n');
