import fs from 'node:fs';
import path from 'node:path';
import { messageOf } from '../model/errors.ts';
import type { Deps } from '../model/deps.ts';
import type { Kube } from '../model/kube.ts';
import { clusterFilter } from './delete.ts';
import { pickLines, type LogSource } from './log-lines.ts';
import { saveObjects } from './save-objects.ts';

export interface DiagnoseOptions {
  readonly docker: string;
  readonly name: string;
  /** The folder `cluster` of the run. */
  readonly folder: string;
  /** Absent when the API server was never reached. */
  readonly kube?: Kube;
  /** Most lines that are wanted. */
  readonly lines?: number;
}

export interface Diagnostics {
  /** The lines that matter most, for the message. */
  readonly lines: readonly string[];
  readonly files: readonly string[];
  /** What could not be saved, and why. */
  readonly notes: readonly string[];
}

/** For all of it; a cluster that is ill answers slowly, and the user waits. */
const limitMs = 45_000;
const oneLogMs = 15_000;
const journalLines = '4000';
/** Logs of the pods of one node; the newest first. */
const maxPodLogs = 30;
const maxBytes = 8 * 1024 * 1024;

/** Saves what tells why a cluster is ill. Has a limit of its own, and never rejects: the first error is the one to tell. */
export async function saveDiagnostics(deps: Deps, options: DiagnoseOptions): Promise<Diagnostics> {
  const notes: string[] = [];
  const files: string[] = [];
  const signal = AbortSignal.timeout(limitMs);
  const save = async (file: string, text: string): Promise<void> => {
    const target = path.join(options.folder, file);
    await fs.promises.mkdir(path.dirname(target), { recursive: true });
    await fs.promises.writeFile(target, text, { mode: 0o600 });
    files.push(target);
  };
  const output = async (argv: readonly string[]): Promise<string> => {
    const result = await deps.exec({ argv, limitMs: oneLogMs, signal });
    return (result.stdout + result.stderr).slice(-maxBytes);
  };
  const attempt = async (what: string, work: () => Promise<void>): Promise<void> => {
    try {
      await work();
    } catch (error) {
      notes.push(`${what}: ${signal.aborted ? 'no answer in time' : messageOf(error)}`);
    }
  };

  const sources: { order: number; source: LogSource }[] = [];
  const log = async (node: string, unit: string, order: number, argv: readonly string[]): Promise<void> =>
    attempt(`${unit} of ${node}`, async () => {
      const text = await output(argv);
      await save(`${node}/${unit}.log`, text);
      sources.push({ order, source: { name: `${shortName(node)} ${unit}`, lines: text.split('\n') } });
    });
  /** All nodes of a cluster begin with its name. */
  const shortName = (node: string): string =>
    node.startsWith(`${options.name}-`) ? node.slice(options.name.length + 1) : node;
  const journal = (node: string, unit: string): readonly string[] => {
    const command = [
      'journalctl',
      '--no-pager',
      '--output=short-precise',
      '--lines',
      journalLines,
      '--unit',
      unit,
    ];
    return [options.docker, 'exec', node, ...command];
  };

  await attempt('containers of the cluster', async () => {
    const listed = await output([
      options.docker,
      'ps',
      '--all',
      '--filter',
      clusterFilter(options.name),
      '--format',
      '{{.Names}}',
    ]);
    const nodes = listed.split('\n').filter((line) => line.trim() !== '');
    await Promise.all(
      nodes.sort().map(async (node, index) => {
        await Promise.all([
          log(node, 'kubelet', index, journal(node, 'kubelet')),
          log(node, 'containerd', 1000 + index, journal(node, 'containerd')),
          log(node, 'node', 2000 + index, [options.docker, 'logs', '--tail', journalLines, node]),
          attempt(`inspect ${node}`, async () =>
            save(`${node}/inspect.json`, await output([options.docker, 'inspect', node])),
          ),
          attempt(`pod logs of ${node}`, () => podLogs(options.docker, node, output, save)),
        ]);
      }),
    );
  });
  const { kube } = options;
  if (kube !== undefined)
    await attempt('objects of the cluster', async () => {
      const events = await saveObjects(kube, save, signal);
      sources.push({ order: -1, source: { name: 'events', lines: events, base: 4 } });
    });
  if (notes.length > 0) await save('not-saved.txt', notes.join('\n') + '\n').catch(() => undefined);
  const ordered = sources.sort((a, b) => a.order - b.order).map((item) => item.source);
  return { lines: pickLines(ordered, options.lines), files: files.sort(), notes };
}

/** The files that the kubelet writes for each container: they are there also when no API server answers. */
async function podLogs(
  docker: string,
  node: string,
  output: (argv: readonly string[]) => Promise<string>,
  save: (file: string, text: string) => Promise<void>,
): Promise<void> {
  const listed = await output([
    docker,
    'exec',
    node,
    'find',
    '/var/log/pods',
    '-name',
    '*.log',
    '-size',
    '+0',
  ]);
  const logs = listed.split('\n').filter((line) => line.startsWith('/var/log/pods/'));
  for (const file of logs.slice(0, maxPodLogs)) {
    // /var/log/pods/<namespace>_<pod>_<uid>/<container>/<restart>.log
    const [pod = 'pod', container = 'container', number = '0.log'] = file.split('/').slice(4);
    const text = await output([docker, 'exec', node, 'tail', '--lines', '500', file]);
    await save(`${node}/pods/${pod.split('_').slice(0, 2).join('_')}_${container}_${number}`, text);
  }
}
