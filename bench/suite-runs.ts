import fs from 'node:fs';
import path from 'node:path';
import type { Commands } from './commands.ts';
import { kubectlList } from './manifests.ts';
import { jobsOf, type Shape } from './suite-shapes.ts';

/** The ends of one suite under ket, ms. */
export interface Delay {
  readonly suite: string;
  /** From the record of the command's end to the event of the suite's. */
  readonly endToEvent: number;
  /** From the last byte of the results to the event of the attempt's verdict. */
  readonly homeToVerdict: number;
  readonly collection: number;
}

export interface Run {
  readonly at: string;
  readonly round: number;
  readonly shape: string;
  readonly how: 'ket' | 'bare' | 'serial' | 'floor';
  /** From the start of the first command to the verdict of the last suite. */
  readonly wallMs: number;
  readonly load: number;
  readonly delays: readonly Delay[];
}

type Measured = Omit<Run, 'at' | 'round' | 'load'>;

export interface Context {
  readonly commands: Commands;
  readonly ket: string;
  readonly box: string;
  readonly cluster: string;
}

interface Event {
  readonly type: string;
  readonly time: string;
  readonly suite?: string;
  readonly task?: string;
  readonly step?: string;
  readonly stepMs?: number;
  readonly outcome?: string;
}

/** `ket run` on the cluster that is there. */
export async function withKet(context: Context, shape: Shape): Promise<Measured> {
  const output = path.join(context.box, `out-${Date.now()}`);
  const began = performance.now();
  const events: Event[] = [];
  let wallMs = NaN;
  await context.commands.run(
    [
      ...[context.ket, 'run', '--tier', shape.name, '--cluster', context.cluster],
      ...['--output', output, '--keep', 'never', '--format', 'json'],
    ],
    {
      cwd: path.join(context.box, shape.name),
      stopSignal: 'SIGINT',
      onLine(line) {
        const event = JSON.parse(line) as Event;
        events.push(event);
        if (event.type === 'suite-ended') wallMs = performance.now() - began;
      },
    },
  );
  const folder = fs.realpathSync(path.join(output, 'latest'));
  const ended = events.filter(({ type }) => type === 'suite-ended');
  if (ended.length !== shape.count || ended.some(({ outcome }) => outcome !== 'passed'))
    throw new Error(`${shape.name}: ${ended.length} of ${shape.count} suites ended, or not all passed`);
  const delays = ended.map((end) => delayOf(end, events, folder));
  fs.rmSync(output, { recursive: true });
  return { shape: shape.name, how: 'ket', wallMs, delays };
}

function delayOf(end: Event, events: readonly Event[], folder: string): Delay {
  const suite = end.suite ?? '';
  const find = (type: string, more: (event: Event) => boolean): Event => {
    const found = events.find((event) => event.type === type && more(event));
    if (found === undefined) throw new Error(`${suite} has no event ${type}`);
    return found;
  };
  const home = find('task-step', ({ task, step }) => task === `suite ${suite}` && step === 'results');
  const verdict = find('attempt-ended', (event) => event.suite === suite);
  const record = path.join(folder, 'suites', suite, 'attempt-1', 'record.json');
  // The node's clock is this machine's.
  const { ended_ms } = JSON.parse(fs.readFileSync(record, 'utf8')) as { ended_ms: number };
  return {
    suite,
    endToEvent: Date.parse(end.time) - ended_ms,
    homeToVerdict: Date.parse(verdict.time) - Date.parse(home.time),
    collection: Math.round(home.stepMs ?? NaN),
  };
}

/** Bare Jobs, all with one `kubectl apply`. */
export async function bare(context: Context, shape: Shape): Promise<Measured> {
  const { commands } = context;
  const jobs = jobsOf(shape);
  const began = performance.now();
  await commands.run(['kubectl', 'apply', '-f', '-'], { input: kubectlList(jobs) });
  await commands.run(['kubectl', 'wait', '--for=condition=complete', 'job', '--all', '--timeout=10m']);
  const wallMs = performance.now() - began;
  await removeJobs(commands);
  return { shape: shape.name, how: 'bare', wallMs, delays: [] };
}

/** Bare Jobs, each applied when the one before has ended. */
export async function serial(context: Context, shape: Shape): Promise<Measured> {
  const { commands } = context;
  const began = performance.now();
  for (const job of jobsOf(shape)) {
    await commands.run(['kubectl', 'apply', '-f', '-'], { input: JSON.stringify(job) });
    await commands.run(['kubectl', 'wait', '--for=condition=complete', 'job', '--all', '--timeout=10m']);
  }
  const wallMs = performance.now() - began;
  await removeJobs(commands);
  return { shape: shape.name, how: 'serial', wallMs, delays: [] };
}

async function removeJobs(commands: Commands): Promise<void> {
  await commands.run(['kubectl', 'delete', 'job', '--all', '--wait', '--cascade=foreground']);
}
