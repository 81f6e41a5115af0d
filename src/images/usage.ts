import { fullReference } from './reference.ts';
import type { PlacedPod } from './placement.ts';

/** An image, and a pod that uses it. */
export interface ImageUse {
  /** Full reference. */
  readonly image: string;
  readonly pod: PlacedPod;
}

/** What objects say about images. */
export interface Usage {
  readonly uses: readonly ImageUse[];
  /** Every other text in them: an operator may make a pod of an image that is named there. */
  readonly texts: readonly string[];
}

/** Finds the pods in rendered objects, whatever kind they are in, and where each of their images may run. */
export function usageOf(objects: readonly unknown[]): Usage {
  const uses: ImageUse[] = [];
  const texts: string[] = [];
  const look = (value: unknown): void => {
    if (typeof value === 'string') texts.push(value);
    else if (Array.isArray(value)) value.forEach(look);
    else if (isMapping(value)) {
      const containers = containersOf(value);
      for (const one of containers)
        if (typeof one['image'] === 'string') uses.push({ image: fullReference(one['image']), pod: value });
      for (const [key, part] of Object.entries(value))
        if (containers.length > 0 && containerLists.includes(key) && Array.isArray(part))
          for (const one of part) look(isMapping(one) ? { ...one, image: undefined } : one);
        else look(part);
    }
  };
  objects.forEach(look);
  return { uses, texts };
}

/**
 * Whether what objects make may run an image: one of their pods does, or it is named somewhere else in them, where an
 * operator may find it. Of objects that are not known all may be.
 */
export function mayUse(objects: readonly unknown[] | undefined, image: string): boolean {
  if (objects === undefined) return true;
  const { pods, named } = useOf(image, usageOf(objects));
  return pods.length > 0 || named;
}

/** The pods of an image, and whether it is named somewhere else than in a pod's containers. */
export function useOf(
  image: string,
  { uses, texts }: Usage,
): { readonly pods: readonly PlacedPod[]; readonly named: boolean } {
  const reference = fullReference(image);
  const short = shortName(image);
  return {
    pods: uses.flatMap((use) => (use.image === reference ? [use.pod] : [])),
    named: texts.some((text) => text.includes(short)),
  };
}

const containerLists = ['containers', 'initContainers', 'ephemeralContainers'];

/** Those of a pod's spec; of anything else none. */
function containersOf(value: Mapping): Mapping[] {
  if (!Array.isArray(value['containers'])) return [];
  return containerLists.flatMap((key) => {
    const list = value[key];
    return Array.isArray(list) ? list.filter(isMapping) : [];
  });
}

type Mapping = Readonly<Record<string, unknown>>;
const isMapping = (value: unknown): value is Mapping => typeof value === 'object' && value !== null;

/** The name as charts write it: without what Docker adds by itself. */
const shortName = (name: string): string => name.replace(/^docker\.io\/(library\/)?/, '');
