import { KetError } from '../model/errors.ts';
import { imageProblem } from './names.ts';

const variable = 'KET_NODE_IMAGES';

/**
 * The node images that the environment lists, with commas or blanks between. Throws a KetError for one that is no
 * image, or whose tag names no version: it could never be chosen.
 */
export function listedNodeImages(env: Readonly<Record<string, string | undefined>>): readonly string[] {
  const images = (env[variable] ?? '').split(/[\s,]+/).filter((text) => text !== '');
  for (const image of images) {
    const problem =
      imageProblem(image, 'pull') ??
      (/:v1\.\d+\.\d+[^/]*$/.test(image)
        ? undefined
        : `"${image}" names no version of Kubernetes in its tag, such as v1.34.0, by which it could be chosen`);
    if (problem !== undefined)
      throw new KetError('KET_USAGE', `${variable}: ${problem}`, { where: variable });
  }
  return images;
}
