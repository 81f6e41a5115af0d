import crypto from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { Commands } from './commands.ts';
import { jobPoster, type JobPoster } from './floor/jobs.ts';
import { floorStart } from './floor/run.ts';
import { collectScript, jobLabel, kubectlList, manifestsFor } from './manifests.ts';
import { Stopwatch, type Measured } from './stopwatch.ts';
import { junitCounts, mustPass } from './verdict.ts';
import type { ReleaseWork, SuiteWork, Work } from './work.ts';

export interface PipelineOptions {
  readonly work: Work;
  readonly folder: string;
  readonly nodeImage: string | undefined;
  /**
   * `serial`: one thing after another. `parallel`: all Jobs applied at once, and images built while the cluster starts.
   * `floor`: the same, and images go to the nodes while Kubernetes starts in them, Jobs over connections that are open.
   */
  readonly how: 'serial' | 'parallel' | 'floor';
  readonly signal: AbortSignal;
}

const namespace = 'default';

/** The pipeline as people write it, with plain commands. */
export async function byPipeline(options: PipelineOptions): Promise<Measured> {
  const { work, folder, how } = options;
  const atOnce = how !== 'serial';
  const name = `bench-${process.pid}-${crypto.randomBytes(3).toString('hex')}`;
  const kubeconfig = path.join(folder, 'kubeconfig');
  const commands = new Commands(
    path.join(folder, 'commands.log'),
    { KUBECONFIG: kubeconfig },
    options.signal,
  );
  const watch = new Stopwatch();
  const state = { removed: false };
  const remove = async (by: Commands): Promise<void> => {
    await by.run(['kind', 'delete', 'cluster', '--name', name, '--kubeconfig', kubeconfig]);
    const left = await by.run(['docker', 'ps', '-aq', '--filter', `label=io.x-k8s.kind.cluster=${name}`]);
    if (left.trim() !== '') throw new Error(`containers of cluster ${name} are left: ${left}`);
    state.removed = true;
  };
  try {
    const build = (): Promise<void> => watch.time('build', () => buildImages(commands, work, atOnce));
    const cluster = (): Promise<void> =>
      watch.time('cluster', () => createCluster(commands, options, name, kubeconfig));
    if (how === 'floor') {
      const { nodeImage, signal } = options;
      const start = { commands, work, name, kubeconfig, nodeImage, build, signal };
      await watch.time('cluster', () => floorStart(start));
    } else {
      if (atOnce) await allOf(options.signal, [build, cluster]);
      else {
        await build();
        await cluster();
      }
      const images = work.images.map((image) => image.name);
      const load = ['kind', 'load', 'docker-image', ...images, '--name', name];
      await watch.time('load', () => commands.run(load));
    }
    const poster = how === 'floor' ? await postsJobs(commands, kubeconfig, work) : undefined;
    await watch.time('release', async () => {
      for (const release of work.releases) await install(commands, work, release);
    });
    const { tests, toJob } = await watch.time('suites', () => runSuites(commands, options, poster));
    const verdict = watch.now();
    poster?.close();
    await watch.time('collect', async () => {
      for (const release of work.releases) await collect(commands, release, folder);
    });
    await watch.time('cleanup', () => remove(commands));
    return { spans: watch.spans(), verdict, removed: watch.now(), tests, toJob };
  } finally {
    // What is thrown already is the cause and must not be replaced.
    if (!state.removed)
      await remove(commands.uninterrupted()).catch((error: unknown) => {
        process.stderr.write(`cluster ${name} could not be removed: ${String(error)}\n`);
      });
  }
}

export async function buildImages(commands: Commands, work: Work, atOnce: boolean): Promise<void> {
  const builds = work.images.flatMap((image) =>
    image.build === undefined ? [] : [buildArgv(image.name, image.build, image.dockerfile)],
  );
  const run = async (argv: readonly string[]): Promise<void> => {
    await commands.run(argv, { cwd: work.folder });
  };
  if (atOnce) await Promise.all(builds.map(run));
  else for (const argv of builds) await run(argv);
}

export const buildArgv = (name: string, context: string, dockerfile: string | undefined): string[] => [
  'docker',
  'build',
  '--tag',
  name,
  ...(dockerfile === undefined ? [] : ['--file', dockerfile]),
  context,
];

async function createCluster(
  commands: Commands,
  options: PipelineOptions,
  name: string,
  kubeconfig: string,
): Promise<void> {
  const image = options.nodeImage === undefined ? [] : ['--image', options.nodeImage];
  const config = options.work.kindConfig;
  await commands.run([
    ...['kind', 'create', 'cluster', '--name', name, '--config', config, ...image],
    ...['--kubeconfig', kubeconfig, '--wait', '5m'],
  ]);
  await commands.run(['kubectl', 'wait', '--for=condition=Ready', 'nodes', '--all', '--timeout=5m']);
}

export async function install(commands: Commands, work: Work, release: ReleaseWork): Promise<void> {
  const values = release.values.flatMap((file) => ['--values', file]);
  await commands.run(
    [
      ...['helm', 'upgrade', '--install', release.name, release.chart, '--namespace', namespace],
      ...[...values, '--wait', '--timeout', release.timeout],
    ],
    { cwd: work.folder },
  );
}

const isJob = (object: object): boolean => 'kind' in object && object.kind === 'Job';

const manifestsOf = (suites: readonly SuiteWork[]): object[] =>
  suites.flatMap((suite) => manifestsFor(suite, namespace, 3600));

const apply = (commands: Commands, objects: readonly object[]): Promise<string> =>
  commands.run(['kubectl', 'apply', '-f', '-'], { input: kubectlList(objects) });

/** What Jobs need is made before the release. */
async function postsJobs(commands: Commands, kubeconfig: string, { suites }: Work): Promise<JobPoster> {
  const others = manifestsOf(suites).filter((object) => !isJob(object));
  if (others.length > 0) await apply(commands, others);
  return jobPoster(kubeconfig, namespace, suites.length);
}

/** With a poster, how long each Job took to be there, ms. */
export async function runSuites(
  commands: Commands,
  options: PipelineOptions,
  poster?: JobPoster,
): Promise<{ readonly tests: number; readonly toJob: readonly number[] }> {
  const { work, folder, how } = options;
  let tests = 0;
  let toJob: readonly number[] = [];
  if (how !== 'serial') {
    if (poster === undefined) await apply(commands, manifestsOf(work.suites));
    else toJob = await poster.post(manifestsOf(work.suites).filter(isJob));
    const follow = work.suites.map((suite) => () => finish(commands, suite, folder, options.signal));
    for (const passed of await allOf(options.signal, follow)) tests += passed;
    return { tests, toJob };
  }
  for (const suite of work.suites) {
    await apply(commands, manifestsOf([suite]));
    tests += await finish(commands, suite, folder, options.signal);
  }
  return { tests, toJob };
}

/** From the applied Job to its verdict; resolves with the number of passed cases. */
async function finish(
  commands: Commands,
  suite: SuiteWork,
  folder: string,
  stop: AbortSignal,
): Promise<number> {
  const job = `job/${suite.name}`;
  const results = path.join(folder, suite.name);
  const archive = path.join(folder, `${suite.name}.tar`);
  const pod = ['pod', '--selector', `${jobLabel}=${suite.name}`, `--timeout=${suite.timeout}`];
  await commands.run(['kubectl', 'wait', '--for=create', ...pod]);
  await commands.run(['kubectl', 'wait', '--for=condition=Ready', ...pod]);
  await commands.run(['kubectl', 'exec', job, '--', 'sh', '-c', collectScript], { stdoutFile: archive });
  const [end] = await allOf(stop, [
    () => endOf(commands, job, suite.timeout),
    // The container has said all it will say and ends within 0.2 s, and this with it.
    () =>
      commands.run(['kubectl', 'logs', '--follow', job], {
        stdoutFile: path.join(folder, `${suite.name}.log`),
      }),
  ]);
  fs.mkdirSync(results);
  await commands.run(['tar', '-xf', archive, '-C', results]);
  const exitCode = fs.readFileSync(path.join(results, '.exit-code'), 'utf8').trim();
  const counts = junitCounts(fs.readFileSync(path.join(results, 'junit.xml'), 'utf8'), suite.name);
  if (end !== 'complete' || exitCode !== '0')
    throw new Error(`${job}: ${String(end)}, exit code ${exitCode}`);
  return mustPass(counts, suite.name);
}

/** `kubectl wait` knows one condition at a time, so two of them run until the first is true. */
async function endOf(commands: Commands, job: string, timeout: string): Promise<'complete' | 'failed'> {
  const other = new AbortController();
  const waits = (['complete', 'failed'] as const).map(async (condition) => {
    const argv = ['kubectl', 'wait', `--for=condition=${condition}`, job, `--timeout=${timeout}`];
    await commands.run(argv, { signal: other.signal });
    return condition;
  });
  try {
    return await Promise.race(waits);
  } finally {
    other.abort();
    await Promise.allSettled(waits);
  }
}

/** Files of the release's pods, as `collect:` in ket.yaml says. */
export async function collect(commands: Commands, release: ReleaseWork, folder: string): Promise<void> {
  for (const [index, item] of release.collect.entries()) {
    const selector = await commands.run([
      ...['kubectl', 'get', item.from, '--namespace', namespace, '--output'],
      'go-template={{range $key, $value := .spec.selector.matchLabels}}{{$key}}={{$value}},{{end}}',
    ]);
    const list = [
      'kubectl',
      'get',
      'pods',
      '--output',
      'name',
      '--selector',
      selector.trim().replace(/,$/, ''),
    ];
    const pods = (await commands.run(list)).trim().split('\n');
    for (const [number, pod] of pods.entries()) {
      if (item.command !== undefined) await commands.run(['kubectl', 'exec', pod, '--', ...item.command]);
      const archive = path.join(folder, `${release.name}-${index}-${number}.tar`);
      await commands.run(['kubectl', 'exec', pod, '--', 'tar', '-C', item.path, '-cf', '-', '.'], {
        stdoutFile: archive,
      });
      const listed = await commands.run(['tar', '-tf', archive]);
      if (listed.trim().split('\n').length < 2) throw new Error(`${pod}:${item.path} is empty`);
    }
  }
}

/** All to their end; then the first failure, if there was one. Nothing runs on behind the clean-up. */
async function allOf<T>(stop: AbortSignal, works: readonly (() => Promise<T>)[]): Promise<T[]> {
  const ends = await Promise.allSettled(works.map((work) => work()));
  stop.throwIfAborted();
  return ends.map((end) => {
    if (end.status === 'rejected') throw end.reason;
    return end.value;
  });
}
