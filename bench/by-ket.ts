import fs from 'node:fs';
import path from 'node:path';
import { Commands } from './commands.ts';
import { Stopwatch, type Measured, type Part } from './stopwatch.ts';

export interface KetOptions {
  readonly ket: string;
  readonly config: string;
  readonly tier: string;
  readonly suites: readonly string[];
  readonly folder: string;
  readonly signal: AbortSignal;
}

/** As much of ket's events as is read here. */
interface KetEvent {
  readonly type: string;
  readonly ms: number;
  readonly run?: string;
  readonly phase?: string;
  readonly task?: string;
  readonly outcome?: string;
  readonly what?: string;
  readonly suite?: string;
  readonly counts?: { readonly total: number; readonly passed: number };
}

/** The same work by one command. All times are from the start of its process, as for any other command. */
export async function byKet(options: KetOptions): Promise<Measured> {
  const { folder } = options;
  const commands = new Commands(
    path.join(folder, 'commands.log'),
    // Own state: a cluster that `ket up` left on this machine must not be used, nor anything of an earlier run swept.
    { XDG_STATE_HOME: path.join(folder, 'state'), KUBECONFIG: path.join(folder, 'kubeconfig') },
    options.signal,
  );
  const watch = new Stopwatch();
  const started = new Map<string, number>();
  const passed = new Set<string>();
  let run = '';
  let offset: number | undefined;
  let verdict = 0;
  let tests = 0;
  const toJob: number[] = [];
  const asked = new Set<string>();
  let peakMiB = 0;
  let met = 0;
  const onLine = (line: string, pid: number): void => {
    peakMiB = peakOf(pid) ?? peakMiB;
    const event = JSON.parse(line) as KetEvent;
    offset ??= watch.now() - event.ms;
    const at = event.ms + offset;
    switch (event.type) {
      case 'run-started':
        run = event.run ?? '';
        break;
      case 'task-started':
        started.set(event.task ?? '', at);
        break;
      case 'task-awaiting':
        // Whatever a suite waits for next, the API server has its Job.
        if (event.what === 'the API server to take the Job') asked.add(event.task ?? '');
        else if (asked.delete(event.task ?? '')) toJob.push(event.ms - met);
        break;
      case 'task-ended': {
        if (event.phase !== 'suites' && event.phase !== 'tools') met = Math.max(met, event.ms);
        const part = partOf(event.phase, event.task ?? '');
        if (part !== undefined) watch.add(part, started.get(event.task ?? '') ?? at, at);
        break;
      }
      case 'suite-ended':
        // When it was told, not when it was known.
        verdict = watch.now();
        if (event.outcome === 'passed') passed.add(event.suite ?? '');
        break;
      case 'run-ended':
        if (event.counts !== undefined && event.counts.total === event.counts.passed)
          tests = event.counts.passed;
        break;
      default:
    }
  };
  await commands.run(
    [
      ...[options.ket, 'run', '--config', options.config, '--tier', options.tier],
      ...['--output', folder, '--keep', 'never', '--format', 'json'],
    ],
    { onLine, stopSignal: 'SIGINT' },
  );
  const removed = watch.now();
  const lacking = options.suites.filter((suite) => !passed.has(suite));
  if (lacking.length > 0 || tests === 0)
    throw new Error(`ket: not passed: ${lacking.join(', ') || 'no test'}`);
  const names = await commands.run([
    ...['docker', 'ps', '--all', '--filter', 'label=io.x-k8s.kind.cluster', '--format', '{{.Names}}'],
  ]);
  const left = names.split('\n').filter((name) => name.includes(run));
  if (run === '' || left.length > 0) throw new Error(`ket left ${left.join(', ')}`);
  return { spans: watch.spans(), verdict, removed, tests, peakMiB, toJob };
}

/** The greatest resident set of a process so far, MiB; undefined when it has just ended. */
function peakOf(pid: number): number | undefined {
  try {
    const kib = /^VmHWM:\s+(\d+) kB/m.exec(fs.readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
    return kib === undefined ? undefined : Number(kib) / 1024;
  } catch {
    return undefined;
  }
}

function partOf(phase: string | undefined, task: string): Part | undefined {
  switch (phase) {
    case 'cluster':
    case 'suites':
    case 'cleanup':
      return phase;
    case 'images':
      return task.startsWith('deliver ') ? 'load' : 'build';
    case 'releases':
      return task.startsWith('collect ') ? 'collect' : 'release';
    default:
      return undefined;
  }
}
