import { KetError } from '../model/errors.ts';
import type { Deps } from '../model/deps.ts';
import { formatMs } from '../model/format.ts';
import type { PullPlan } from '../model/plan.ts';
import { inspectImage, type BuiltImage } from './build.ts';

export interface PullOptions {
  readonly docker: string;
  readonly image: PullPlan;
  /** Added to the environment of Docker: its logins. */
  readonly env?: Readonly<Record<string, string>>;
  readonly signal: AbortSignal;
}

/**
 * An image that the plan names without a build: what Docker has, else what its registry gives. Pulled once here, not
 * by every node of every run.
 */
export async function pullImage(deps: Deps, options: PullOptions): Promise<BuiltImage> {
  const { docker, image, env = {}, signal } = options;
  try {
    return await inspectImage(deps, docker, image.name, signal);
  } catch (error) {
    if (signal.aborted || !(error instanceof KetError)) throw error;
  }
  const result = await deps.exec({
    argv: [docker, 'pull', '--quiet', image.name],
    env,
    limitMs: image.limitMs,
    signal,
  });
  if (result.timedOut || result.code !== 0)
    throw new KetError(
      'KET_IMAGE_DELIVERY',
      result.timedOut
        ? `image ${image.name} was not pulled within ${formatMs(image.limitMs)}`
        : `image ${image.name} is not on this machine and could not be pulled`,
      {
        details: result.stderr.trim().split('\n').slice(-5),
        next: `check the name and that its registry can be reached: docker pull ${image.name}`,
      },
    );
  return inspectImage(deps, docker, image.name, signal);
}
