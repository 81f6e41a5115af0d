import { KetError } from '../model/errors.ts';
import { onPath } from './find.ts';

/** The program that builds kustomizations: argv before the folder. */
export type Kustomize = readonly [string, ...string[]];

/**
 * `kustomize`, which somebody put there on purpose, or else kubectl, which has it built in; from PATH, in the version
 * that is there. Undefined where there is neither.
 */
export function kustomizeIn(env: Readonly<Record<string, string | undefined>>): Kustomize | undefined {
  const [own] = onPath(env, 'kustomize');
  if (own !== undefined) return [own, 'build'];
  const [kubectl] = onPath(env, 'kubectl');
  return kubectl === undefined ? undefined : [kubectl, 'kustomize'];
}

export const noKustomize =
  'there is neither kustomize nor kubectl in PATH, by which kustomizations are built';
export const kustomizeCure =
  'put kubectl (the binary of its release page) or kustomize (go install sigs.k8s.io/kustomize/kustomize/v5@latest) into PATH';

/** The same, where it is needed. Throws KET_TOOL. */
export function findKustomize(env: Readonly<Record<string, string | undefined>>): Kustomize {
  const found = kustomizeIn(env);
  if (found === undefined) throw new KetError('KET_TOOL', noKustomize, { next: kustomizeCure });
  return found;
}
