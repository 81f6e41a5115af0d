import path from 'node:path';
import { KetError } from '../model/errors.ts';
import { formatMs } from '../model/format.ts';
import type { Deps } from '../model/deps.ts';
import type { BuildPlan } from '../model/plan.ts';
import { buildOutput, type BuildFailure, type BuildStep } from './build-output.ts';

export interface BuildOptions {
  readonly docker: string;
  readonly image: BuildPlan;
  /** Added to the environment of Docker: its logins. */
  readonly env?: Readonly<Record<string, string>>;
  readonly signal: AbortSignal;
  readonly onStep: (step: BuildStep) => void;
  readonly onBegin: (name: string) => void;
}

export interface BuiltImage {
  readonly name: string;
  /** Docker's id: the digest of the config, or of the manifest where Docker uses the containerd image store. */
  readonly id: string;
  readonly bytes: number;
}

/**
 * argv of a build by BuildKit. `--load`, because a builder of its own container keeps the image to itself otherwise;
 * no provenance, because with it the image becomes an index that not every containerd imports.
 */
export function buildArgv(docker: string, image: BuildPlan): string[] {
  return [
    docker,
    'buildx',
    'build',
    '--progress=plain',
    '--load',
    '--provenance=false',
    '--file',
    image.dockerfile,
    '--tag',
    image.name,
    ...(image.target === undefined ? [] : ['--target', image.target]),
    ...Object.entries(image.args).flatMap(([name, value]) => ['--build-arg', `${name}=${value}`]),
    image.context,
  ];
}

/** Builds an image of the plan into the local Docker. */
export async function buildImage(deps: Deps, options: BuildOptions): Promise<BuiltImage> {
  const { docker, image, signal } = options;
  const output = buildOutput(options.onStep, options.onBegin);
  const result = await deps.exec({
    argv: buildArgv(docker, image),
    cwd: image.context,
    env: { BUILDKIT_PROGRESS: 'plain', NO_COLOR: '1', ...options.env },
    limitMs: image.limitMs,
    signal,
    onLine: (line) => output.line(line),
  });
  if (result.timedOut) {
    const { step, lines } = output.failure();
    const during = step === undefined ? '' : `, in the step ${step}`;
    throw new KetError(
      'KET_IMAGE_BUILD',
      `image ${image.name} was not built within ${formatMs(image.limitMs)}${during}`,
      {
        where: image.dockerfile,
        details: lines,
        next: 'raise the timeout of the image in ket.yaml if the build is right and only slow',
      },
    );
  }
  if (result.code !== 0) throw buildFailed(image, output.failure());
  return inspectImage(deps, docker, image.name, signal);
}

function buildFailed(image: BuildPlan, failure: BuildFailure): KetError {
  const step = failure.step === undefined ? '' : ` in the step ${failure.step}`;
  const line = failure.where === undefined ? '' : `:${failure.where.replace(/^.*:/, '')}`;
  const message = failure.message === undefined ? '' : `: ${failure.message}`;
  return new KetError('KET_IMAGE_BUILD', `image ${image.name} could not be built${step}${message}`, {
    where: `${image.dockerfile}${line}`,
    details: failure.lines,
    next: nextStep(image, failure),
  });
}

function nextStep(image: BuildPlan, failure: BuildFailure): string {
  const said = [failure.message ?? '', ...failure.lines].join('\n');
  if (/is not a docker command|unknown command: docker buildx|unknown flag: --/.test(said))
    return 'ket builds with BuildKit: install the buildx plug-in of Docker (package docker-buildx or docker-buildx-plugin)';
  if (
    /failed to resolve source metadata|pull access denied|failed to do request|manifest unknown|i\/o timeout/.test(
      said,
    )
  )
    return 'an image named in FROM could not be had: check its name and that its registry can be reached';
  const file = path.relative(image.context, image.dockerfile) || image.dockerfile;
  return `try it alone: docker build -f ${file} -t ${image.name} . (in ${image.context})`;
}

/** Id and size of a local image. */
export async function inspectImage(
  deps: Deps,
  docker: string,
  name: string,
  signal: AbortSignal,
): Promise<BuiltImage> {
  const argv = [docker, 'image', 'inspect', '--format', '{{.Id}} {{.Size}}', name];
  const result = await deps.exec({ argv, limitMs: 30_000, signal });
  const [id, size] = result.stdout.trim().split(' ');
  if (result.code !== 0 || id === undefined || id === '')
    throw new KetError('KET_IMAGE_DELIVERY', `Docker has no image ${name}`, {
      details: result.stderr.trim().split('\n').slice(-5),
      next: `build or pull ${name} first, or name it under images: in ket.yaml`,
    });
  return { name, id, bytes: Number(size ?? '0') };
}
