import fs from 'node:fs';
import path from 'node:path';
import { KetError, messageOf } from '../model/errors.ts';
import type { EventBody } from '../model/events.ts';
import type { AnyObject, ContainerRef, Kube } from '../model/kube.ts';
import type { CollectPlan, Command, ReleasePlan } from '../model/plan.ts';
import { isOver, isReady, podName, type Pod } from './pod-state.ts';
import { bringMs, byCat, idleMs, isNoProgram } from './cat.ts';
import { tarReader } from '../tools/tar.ts';
import { unpackInto, type UnpackLimits } from './unpack.ts';

export interface CollectOptions {
  readonly kube: Kube;
  readonly release: ReleasePlan;
  /** The release's folder in the run; files go to `<pod>/…` in it. */
  readonly outDir: string;
  readonly signal: AbortSignal;
  readonly emit: (event: EventBody) => void;
}

export interface CollectedFile {
  readonly pod: string;
  /** Absolute. */
  readonly path: string;
}

const commandMs = 2 * 60_000;
const shownNotices = 3;
const limits: UnpackLimits = { files: 20_000, bytes: 2 * 1024 ** 3 };

/**
 * Brings what the plan's `collect` entries name out of a release's pods, before they are removed. Whatever fails is a
 * notice: files of a service decide no verdict.
 */
export async function collectRelease(options: CollectOptions): Promise<readonly CollectedFile[]> {
  const { release, signal } = options;
  const files: CollectedFile[] = [];
  for (const entry of release.collect) {
    const what = `${entry.path} of ${entry.from} (release ${release.name})`;
    const notice = (why: string): void =>
      options.emit({ type: 'notice', level: 'warning', text: `${what} was not collected: ${why}` });
    try {
      const pods = await podsOf(options.kube, release.namespace, entry.from, signal);
      if (pods.length === 0) notice('no pod of it is ready');
      const found = await Promise.all(
        pods.map((pod) =>
          collectFrom(options, entry, pod).catch((error: unknown) => {
            notice(`pod ${podName(pod)}: ${messageOf(error)}`);
            return [];
          }),
        ),
      );
      files.push(...found.flat());
    } catch (error) {
      notice(messageOf(error));
    }
    signal.throwIfAborted();
  }
  return files;
}

/** The ready pods of `deployment/x`, `statefulset/x`, `daemonset/x` or `pod/x`. */
export async function podsOf(
  kube: Kube,
  namespace: string,
  from: string,
  signal: AbortSignal,
): Promise<Pod[]> {
  const [kind = '', name = ''] = from.split('/');
  const usable = (pod: Pod): boolean => !isOver(pod) && isReady(pod);
  if (kind === 'pod') {
    const pod = await kube.get<Pod>({ apiVersion: 'v1', kind: 'Pod', namespace, name }, signal);
    return pod !== undefined && usable(pod) ? [pod] : [];
  }
  const owner = kind === 'deployment' ? 'Deployment' : kind === 'daemonset' ? 'DaemonSet' : 'StatefulSet';
  const workload = await kube.get({ apiVersion: 'apps/v1', kind: owner, namespace, name }, signal);
  if (workload === undefined)
    throw new KetError('KET_COLLECT', `there is no ${owner} ${name} in namespace ${namespace}`, {
      next: `see what names ${from} in ket.yaml`,
    });
  const labelSelector = selectorOf(workload);
  const pods = await kube.list<Pod>({ apiVersion: 'v1', kind: 'Pod', namespace, labelSelector }, signal);
  return pods.filter(usable);
}

interface Expression {
  readonly key: string;
  readonly operator: string;
  readonly values?: readonly string[];
}

/** The selector of a workload, as a query has it. */
export function selectorOf(workload: AnyObject): string {
  const spec = workload['spec'] as {
    readonly selector?: {
      readonly matchLabels?: Readonly<Record<string, string>>;
      readonly matchExpressions?: readonly Expression[];
    };
  };
  const { matchLabels = {}, matchExpressions = [] } = spec.selector ?? {};
  const parts = matchExpressions.map(({ key, operator, values = [] }) => {
    if (operator === 'Exists') return key;
    if (operator === 'DoesNotExist') return `!${key}`;
    return `${key} ${operator === 'In' ? 'in' : 'notin'} (${values.join(',')})`;
  });
  return [...Object.entries(matchLabels).map(([key, value]) => `${key}=${value}`), ...parts].join(',');
}

async function collectFrom(options: CollectOptions, entry: CollectPlan, pod: Pod): Promise<CollectedFile[]> {
  const container: ContainerRef = {
    namespace: options.release.namespace,
    pod: podName(pod),
    container: entry.container ?? pod.spec?.containers[0]?.name ?? '',
  };
  if (entry.command !== undefined) {
    const { exitCode, said } = await run(options, container, argvOf(entry.command));
    // What the command leaves may be worth having all the same.
    if (exitCode !== 0)
      options.emit({
        type: 'notice',
        level: 'warning',
        text: `the collect command of ${entry.from} ended with exit code ${String(exitCode)} in pod ${podName(pod)}${said === '' ? '' : `: ${said}`}`,
      });
  }
  const folder = path.join(options.outDir, podName(pod));
  await fs.promises.mkdir(folder, { recursive: true, mode: 0o700 });
  const files =
    (await wholeByTar(options, container, entry.path, folder)) ??
    (await byCat(options, container, entry.path, folder, (text) => warn(options, container, text)));
  return files.map((file) => ({ pod: podName(pod), path: file }));
}

const argvOf = (command: Command): readonly string[] =>
  typeof command === 'string' ? ['/bin/sh', '-c', command] : command;

async function run(
  options: CollectOptions,
  container: ContainerRef,
  argv: readonly string[],
): Promise<{ exitCode: number; said: string }> {
  let said = '';
  const keep = (chunk: Buffer): void => {
    said = (said + chunk.toString('utf8')).slice(-2000);
  };
  const signal = AbortSignal.any([options.signal, AbortSignal.timeout(commandMs)]);
  const request = { ...container, argv, onStdout: keep, onStderr: keep, signal, idleMs: commandMs };
  const { exitCode } = await options.kube.exec(request);
  return { exitCode, said: said.trim().split('\n').slice(-3).join(' / ') };
}

/** Exit codes by which a shell or a runtime says that there is no such program. */
const noProgram = [126, 127, 128];

/** The API server can cut the output of an exec and still report success (kubernetes#124571); tar's end tells. */
class CutShort extends KetError {}
const tries = 3;

/** As `byTar`, again when the archive came without its end. */
async function wholeByTar(
  options: CollectOptions,
  container: ContainerRef,
  source: string,
  folder: string,
): Promise<readonly string[] | undefined> {
  for (let left = tries - 1; ; left--) {
    try {
      return await byTar(options, container, source, folder);
    } catch (error) {
      if (!(error instanceof CutShort) || left === 0) throw error;
    }
  }
}

/** Undefined when the container has no tar. */
async function byTar(
  options: CollectOptions,
  container: ContainerRef,
  source: string,
  folder: string,
): Promise<readonly string[] | undefined> {
  const parent = path.posix.dirname(source);
  const base = path.posix.basename(source) || '.';
  const unpacked = unpackInto(folder, limits);
  const reader = tarReader(unpacked.sink);
  let said = '';
  let came = 0;
  const signal = AbortSignal.any([options.signal, AbortSignal.timeout(bringMs)]);
  try {
    const { exitCode } = await options.kube.exec({
      ...container,
      argv: ['tar', 'cf', '-', '-C', parent, base],
      onStdout: (chunk) => {
        came += chunk.length;
        return reader.push(chunk);
      },
      onStderr: (chunk) => {
        said = (said + chunk.toString('utf8')).slice(-2000);
      },
      signal,
      idleMs,
    });
    if (came === 0 && noProgram.includes(exitCode)) return undefined;
    const { whole } = reader.finish();
    if (exitCode === 0 && !whole) {
      await unpacked.discard();
      throw new CutShort(
        'KET_COLLECT',
        `the archive of ${source} came without its end, ${String(came)} bytes`,
      );
    }
    if (exitCode !== 0 && (!whole || unpacked.files.length === 0))
      throw new KetError(
        'KET_COLLECT',
        `tar ended with exit code ${String(exitCode)}: ${said.trim() || 'no message'}`,
      );
    if (exitCode !== 0)
      warn(options, container, `tar ended with exit code ${String(exitCode)}: ${firstLine(said)}`);
  } catch (error) {
    if (came === 0 && isNoProgram(error)) return undefined;
    throw error;
  } finally {
    await unpacked.close();
    const { notices } = unpacked;
    const more = notices.length > shownNotices ? ` and ${String(notices.length - shownNotices)} more` : '';
    if (notices.length > 0)
      warn(options, container, `left out ${notices.slice(0, shownNotices).join(', ')}${more}`);
  }
  return unpacked.files;
}

const firstLine = (text: string): string => text.trim().split('\n')[0] || 'no message';

const warn = (options: CollectOptions, container: ContainerRef, text: string): void =>
  options.emit({ type: 'notice', level: 'warning', text: `collecting from pod ${container.pod}: ${text}` });
