import fs from 'node:fs';
import path from 'node:path';
import { Readable } from 'node:stream';
import { KetError } from '../model/errors.ts';
import type { Deps, ExecResult } from '../model/deps.ts';
import type { ClusterPlan } from '../model/plan.ts';
import { kindInput } from './kind-input.ts';
import { kindSteps, type KindStep } from './kind-steps.ts';
import { throwawaySettings } from './throwaway.ts';

/** kind's step after whose end the node containers run. */
const nodesRun = 'Preparing nodes';

export interface CreateOptions {
  readonly kind: string;
  readonly name: string;
  readonly kubeconfig: string;
  readonly plan: ClusterPlan;
  /** PEM of authorities that the nodes shall trust beside their own. */
  readonly authorities: string | undefined;
  readonly limitMs: number;
  readonly onStep: (step: KindStep) => void;
  readonly onStepBegin?: (name: string) => void;
}

/** A `kind create cluster` that is under way. */
export interface Creation {
  /** Resolves when the node containers run; rejects when kind fails before. */
  readonly nodes: Promise<void>;
  /** Resolves when kind has succeeded; rejects with kind's own words when it failed. */
  readonly done: Promise<void>;
  /** Ends kind, and resolves when it is gone. */
  stop(): Promise<void>;
}

/** argv of the creation, with the Kind config on stdin: values of variables are in it, so no file has it. kind's own wait is off, because it returns 0 while workers are not ready, and on time-out. */
export function createArgv(
  options: Pick<CreateOptions, 'kind' | 'name' | 'kubeconfig'>,
  image: string | undefined,
): string[] {
  return [
    options.kind,
    'create',
    'cluster',
    '--name',
    options.name,
    '--config',
    '-',
    ...(image === undefined ? [] : ['--image', image]),
    '--kubeconfig',
    options.kubeconfig,
    '--retain',
    '--wait',
    '0s',
  ];
}

/** Creations of this process, so that a deletion first ends the one of its cluster. */
const underWay = new Map<string, Creation>();

/** Starts `kind create cluster`; the caller has written the cluster into the run's state before. */
export function startCreation(deps: Deps, options: CreateOptions): Creation {
  const { name } = options;
  const abort = new AbortController();
  const nodes = Promise.withResolvers<undefined>();
  const steps = kindSteps(
    () => deps.clock.monotonic(),
    (step) => {
      options.onStep(step);
      if (step.name === nodesRun && step.ok) nodes.resolve(undefined);
    },
    options.onStepBegin,
  );
  const output: string[] = [];
  const done = (async () => {
    await fs.promises.mkdir(path.dirname(options.kubeconfig), { recursive: true, mode: 0o700 });
    const { config, image } = kindInput(options.plan.kindConfig, {
      nodeImage: options.plan.nodeImage,
      authorities: await authoritiesFor(options),
      settings: options.plan.throwaway ? throwawaySettings : [],
    });
    // kind keeps the mode of a file that exists; nobody else shall read the key in it even for a moment.
    await fs.promises.writeFile(options.kubeconfig, '', { mode: 0o600 });
    const result = await deps.exec({
      argv: createArgv(options, image),
      stdin: Readable.from([config]),
      env: { KUBECONFIG: options.kubeconfig },
      limitMs: options.limitMs,
      signal: abort.signal,
      onLine: (line) => {
        if (!steps.line(line) && line.trim() !== '') output.push(line);
      },
    });
    if (result.code !== 0 || result.timedOut) throw createFailed(name, result, steps.current(), output);
    await fs.promises.chmod(options.kubeconfig, 0o600);
    nodes.resolve(undefined);
  })();
  const settled = done.then(
    () => undefined,
    (error: unknown) => nodes.reject(error),
  );
  const forget = settled.finally(() => underWay.delete(name));
  // Whoever awaits these gets the error; nobody awaiting one of them is no unhandled rejection.
  nodes.promise.catch(() => undefined);
  const creation: Creation = {
    nodes: nodes.promise,
    done,
    stop: async () => {
      stopped.add(name);
      if (steps.current()?.startsWith(nodesRun) === true) await within(nodes.promise, nodesAreMadeMs);
      abort.abort(new KetError('KET_CANCELLED', `the creation of cluster ${name} was stopped`));
      await forget;
    },
  };
  underWay.set(name, creation);
  return creation;
}

/** Clusters whose creation was cut short. */
const stopped = new Set<string>();

/**
 * While kind starts the node containers it is let finish that: a `docker run` that is killed has left its request
 * with the daemon, and the container would appear after everything was removed (seen).
 */
const nodesAreMadeMs = 30_000;

async function within(work: Promise<unknown>, ms: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, ms);
  });
  await Promise.race([work.catch(() => undefined), limit]);
  clearTimeout(timer);
}

/**
 * Ends a creation of this process that still runs, so that nothing is made after the deletion. True when the creation
 * of that cluster was cut short, now or before.
 */
export async function stopCreation(name: string): Promise<boolean> {
  await underWay.get(name)?.stop();
  return stopped.has(name);
}

/** The file that nodes mount: beside the kubeconfig, because it must live as long as the cluster. */
async function authoritiesFor({ kubeconfig, authorities }: CreateOptions): Promise<string | undefined> {
  if (authorities === undefined) return undefined;
  const file = authoritiesBeside(kubeconfig);
  await fs.promises.writeFile(file, authorities, { mode: 0o600 });
  return file;
}

/** Where the authorities of a cluster are that has this kubeconfig. */
export const authoritiesBeside = (kubeconfig: string): string => `${kubeconfig}.authorities.pem`;

function createFailed(
  name: string,
  result: ExecResult,
  step: string | undefined,
  output: readonly string[],
): KetError {
  const during = step === undefined ? '' : ` in its step "${step}"`;
  const how = result.timedOut
    ? 'did not end within its limit'
    : result.code === null
      ? `was ended by ${result.signal ?? 'a signal'}`
      : `ended with exit code ${result.code}`;
  const said = usefulOutput(output);
  return new KetError('KET_CLUSTER', `kind could not create cluster ${name}: it ${how}${during}`, {
    where: 'kind create cluster',
    details: said,
    next: nextStep(said.join('\n')),
  });
}

/** What kind and kubeadm say about a failure, without stack traces of their programs and kubeadm's own log. */
export function usefulOutput(output: readonly string[]): string[] {
  const trace = output.findIndex((line) => line.startsWith('Stack Trace:'));
  const own = trace < 0 ? output : output.slice(0, trace);
  const said = own.filter((line, index) => {
    const frame = /^\s+\S+\.(go|s):\d+/;
    // A frame is two lines: the function, and indented its file.
    if (frame.test(line) || frame.test(own[index + 1] ?? '')) return false;
    return !/^[IW]\d{4} [\d:.]+ /.test(line) && !/^Command Output:/.test(line);
  });
  return said.slice(-8);
}

/** The cure of the failures that are well known. */
export function nextStep(said: string): string {
  if (/already in use|port is already allocated|address already in use/i.test(said))
    return 'a host port of the Kind config is taken: free it, or leave out hostPort so that each run gets its own';
  const balancer = /\S*kindest\/haproxy:[^\s"']+/.exec(said.replaceAll(/["']/g, ' '))?.[0];
  if (balancer !== undefined)
    return `several control planes need the image ${balancer} for the load balancer before them, and Docker cannot have it here: bring it with docker pull or docker load, or use one control plane`;
  if (/toomanyrequests|pull rate limit/i.test(said))
    return 'the registry refuses more pulls: log in with docker login, or name a mirror of the node image in ket.yaml';
  if (/failed to pull image|manifest unknown|pull access denied|no such host/i.test(said))
    return 'the node image could not be pulled: check its name, or pull it once with docker pull and run again';
  if (/no space left/i.test(said)) return 'the disk of Docker is full: docker system df shows by what';
  if (/too many open files|inotify/i.test(said))
    return 'raise the inotify limits: sudo sysctl fs.inotify.max_user_instances=1024 fs.inotify.max_user_watches=524288';
  if (/already exist/i.test(said))
    return 'nodes of that name exist already: ket cleanup, or kind delete cluster';
  return 'the logs of the nodes are in the folder cluster of the run; ket doctor checks this machine';
}
