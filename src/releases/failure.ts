import type { Evidence } from './evidence.ts';
import type { ReleaseFailure } from './judge.ts';

/** The last lines that tell why. */
export const failureLines = (failure: ReleaseFailure, proofs: Evidence): Promise<readonly string[]> => {
  if (failure.job !== undefined) return proofs.hooks(failure.job);
  if (failure.kind === 'crash-loop' && failure.pod !== undefined && failure.container !== undefined)
    return proofs.lines(failure.pod, failure.container);
  return proofs.events(5);
};

export const hookCure = 'see the last lines of the hook; it must succeed before the release can be ready';

/** The next step for the user. `delivered`: images that ket brought to the nodes. */
export function failureCure(delivered: readonly string[], failure: ReleaseFailure): string {
  switch (failure.kind) {
    case 'crash-loop':
      return 'see the last lines of the container, and its command, environment and values';
    case 'hook':
      return hookCure;
    case 'job':
      return 'see the last lines of the Job; it must be complete before the release can be ready';
    case 'configuration':
      return 'the pod names a ConfigMap, Secret or key that is not there: see the chart and its values';
    case 'image': {
      const image = failure.image ?? '';
      const brought = delivered.some((name) => image === name || image.endsWith(`/${name}`));
      return brought
        ? `ket brought ${image} to the nodes, but the chart asks for a pull: set imagePullPolicy to IfNotPresent or Never`
        : `check the name of ${image}; an image that is only on this machine must be named under images: in ket.yaml`;
    }
  }
}
