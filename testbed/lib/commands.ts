/** The four commands. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { Docker, daemonPid, hostDockerAnswers } from './docker.ts';
import type { EngineKind } from './docker.ts';
import { engineProduct, installed, missingPackages, startDaemon, stopDaemon } from '../steps/engine.ts';
import { exportLines, variables } from './env.ts';
import type { Variables } from './env.ts';
import { withLock } from './lock.ts';
import { isDebian12AsRoot, missingPrograms } from './machine.ts';
import { paths, root } from './paths.ts';
import { fullPlan, toolsPlan } from './plan.ts';
import type { Purpose } from './plan.ts';
import { ask } from './proc.ts';
import { say, seconds, sinceStart } from './progress.ts';
import { prune } from './prune.ts';
import { openSteps, runSteps } from './steps.ts';
import type { Step } from './steps.ts';
import { publishedNodeImage, versions } from './versions.ts';

const help = `usage: node testbed/main.ts <command>

  up [--for PURPOSE]         set up what a Kind cluster needs; again: under 2 s;
                             demo, test, versions or all
  env                        print export lines: eval "$(node testbed/main.ts env)"
  status                     what is there, what runs
  down                       stop the Docker daemon that up started

Everything lives in ${root} (KET_TESTBED_DIR).
`;

export function usage(code: number): number {
  (code === 0 ? process.stdout : process.stderr).write(help);
  return code;
}

/** How this machine gets its cluster: decided once and kept in the state file. */
interface State {
  readonly engine: EngineKind;
  /** Docker pulls the published node image itself: nothing is built but tools. */
  readonly pulls: boolean;
}

function readState(): State | undefined {
  try {
    return JSON.parse(readFileSync(paths.state, 'utf8')) as State;
  } catch {
    return undefined;
  }
}

function dockerOf(engine: EngineKind): Docker {
  return new Docker(engine, engine === 'own' ? engineProduct().dir : '');
}

export async function up(purpose: Purpose): Promise<number> {
  const cure = refusal();
  if (cure !== undefined) {
    process.stderr.write(cure);
    return 2;
  }
  return withLock(paths.lock, root, say, async () => {
    const state = decide();
    writeFileSync(paths.state, JSON.stringify(state));
    const docker = dockerOf(state.engine);
    if (
      state.engine === 'own' &&
      engineProduct().isDone() &&
      !docker.answers() &&
      missingPackages().length === 0
    ) {
      say('▸ Docker daemon: starting it again');
      mkdirSync(paths.logs, { recursive: true });
      await startDaemon(docker, `${paths.logs}/daemon.log`);
    }
    const plan = state.pulls ? toolsPlan(purpose) : fullPlan(docker, purpose);
    const open = openSteps(plan.steps, plan.goals);
    if (open.length > 0) announce(state, open);
    const needsGo = open.some((step) => step.lane === 'compile' || step.id.startsWith('node-image'));
    const missing = open.length === 0 ? [] : missingPrograms(needsGo);
    if (missing.length > 0) {
      process.stderr.write(`testbed: this machine lacks\n${missing.map((line) => `  - ${line}\n`).join('')}`);
      return 2;
    }
    await runSteps(open);
    if (open.length > 0 && !state.pulls) prune(docker);
    say(
      open.length === 0
        ? `testbed: ready, nothing to do (${seconds(sinceStart())})`
        : `testbed: ready after ${seconds(sinceStart())}, ${String(open.length)} steps`,
    );
    return 0;
  });
}

/** Why nothing can be set up here, with the cure; undefined where it can. */
function refusal(): string | undefined {
  if (readState()?.engine === 'own' || isDebian12AsRoot() || hostDockerAnswers()) return undefined;
  return `testbed: no Docker answers here, and it can be set up only on Debian 12 as root.
  cure: install and start Docker (https://docs.docker.com/engine/install/), or set
  DOCKER_HOST to one that runs; then run this again. Nothing was changed.
`;
}

function decide(): State {
  const before = readState();
  if (before?.engine === 'own' && daemonPid() !== undefined) return before;
  if (!hostDockerAnswers()) return { engine: 'own', pulls: false };
  if (before?.engine === 'host' && before.pulls) return before;
  say(`Docker runs here; trying to pull ${publishedNodeImage}`);
  return { engine: 'host', pulls: ask(['docker', 'pull', '--quiet', publishedNodeImage], {}, 300_000).ok };
}

/** Says what is about to happen to this machine, before it happens. */
function announce(state: State, open: readonly Step[]): void {
  if (state.engine === 'host') {
    say(
      state.pulls
        ? 'Docker can pull images: only missing tools are built'
        : 'Docker runs but pulls no images: they are built here',
    );
    return;
  }
  if (open.some((step) => step.id === 'engine')) {
    const packages = missingPackages();
    say(`No Docker answers here. Setting up, in ${root}:`);
    say(
      `  - a Docker engine of its own (Debian ${versions.engineDebian}'s packages, unpacked, not installed), with its own socket`,
    );
    say(
      `  - ${packages.length > 0 ? `INSTALLED on this machine by apt-get: ${packages.join(', ')}` : `nothing is installed on this machine (${installed.join(', ')} are there)`}`,
    );
  }
  if (open.some((step) => step.id.startsWith('hyperkube')))
    say('Compiling Kubernetes and building images: the first time takes about 15 minutes on two cores');
}

export async function down(): Promise<number> {
  return withLock(paths.lock, root, say, async () => {
    say(
      (await stopDaemon()) ? 'testbed: Docker daemon stopped' : 'testbed: no Docker daemon of its own runs',
    );
    return 0;
  });
}

/** The variables that `env` prints, or undefined when nothing is set up. */
export function environment(): Variables | undefined {
  const state = readState();
  return state && variables(dockerOf(state.engine), !state.pulls);
}

export function printEnv(): number {
  const all = environment();
  if (!all) {
    process.stderr.write('testbed: nothing is set up: run "node testbed/main.ts up" first\n');
    return 2;
  }
  process.stdout.write(exportLines(all));
  return 0;
}

export function status(): number {
  const state = readState();
  const out = (text: string): void => void process.stdout.write(`${text}\n`);
  out(`folder   ${root}${existsSync(root) ? '' : ' (nothing there)'}`);
  if (!state) return 0;
  const docker = dockerOf(state.engine);
  out(
    `docker   ${state.engine === 'own' ? `own, process ${String(daemonPid() ?? 'none')}` : 'of the host'}, ${docker.answers() ? 'answers' : 'does not answer'}`,
  );
  const plan = state.pulls ? toolsPlan('all') : fullPlan(docker, 'all');
  for (const step of plan.steps)
    out(`${step.isDone() ? 'ready   ' : 'not yet '} ${step.id.padEnd(20)} ${step.title}`);
  return 0;
}
