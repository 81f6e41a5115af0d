import { imageKey } from '../model/image-name.ts';

/**
 * The images that pods of these objects would run, in the order in which they stand there, each once: of pods, of
 * whatever makes pods by a template, also in lists and in objects of kinds that only an operator knows, for that one
 * makes pods of them. Pure.
 */
export function imagesIn(objects: readonly unknown[]): readonly string[] {
  const found = new Map<string, string>();
  for (const object of objects) walk(object, found);
  return [...found.values()];
}

const containerLists = ['containers', 'initContainers', 'ephemeralContainers'] as const;

function walk(value: unknown, found: Map<string, string>): void {
  if (Array.isArray(value)) {
    for (const item of value) walk(item, found);
    return;
  }
  if (!isRecord(value)) return;
  // What tells a pod from anything else that has an image; init containers never stand alone.
  if (Array.isArray(value['containers'])) {
    for (const list of containerLists) for (const one of listOf(value[list])) add(one['image'], found);
    // A volume that is an image.
    for (const { image } of listOf(value['volumes'])) if (isRecord(image)) add(image['reference'], found);
  }
  for (const inner of Object.values(value)) walk(inner, found);
}

function add(image: unknown, found: Map<string, string>): void {
  if (typeof image !== 'string' || image.trim() === '') return;
  const name = imageKey(image);
  if (!found.has(name)) found.set(name, image);
}

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const listOf = (value: unknown): readonly Readonly<Record<string, unknown>>[] =>
  Array.isArray(value) ? value.filter(isRecord) : [];
