import { KetError, messageOf } from '../model/errors.ts';
import { formatMs } from '../model/format.ts';
import type { Deps } from '../model/deps.ts';
import type { DeliveryPlan } from '../model/plan.ts';
import type { BuiltImage } from './build.ts';
import { fanOut } from './fan-out.ts';
import { nodeImages, type NodeImages } from './node-images.ts';
import type { OwnRegistry } from './own-registry.ts';
import { fullReference } from './reference.ts';
import { wayOf, type Way } from './way.ts';

/** An image, and the nodes that are to have it. */
export interface Addressed {
  readonly image: BuiltImage;
  readonly nodes: readonly string[];
}

/** What nodes have, by node and full reference: the digests of each image. */
export type Held = Map<string, ReadonlyMap<string, readonly string[]>>;

export interface DeliverOptions {
  readonly docker: string;
  readonly images: readonly Addressed[];
  /** As it was seen before; what is brought is added. */
  readonly held: Held;
  readonly limitMs: number;
  readonly signal: AbortSignal;
  readonly awaiting: (what: string) => void;
  /** For what is large; without it everything goes by `docker save`. */
  readonly registry?: {
    readonly by: DeliveryPlan['by'];
    readonly own: OwnRegistry;
    /** It goes with this delivery. */
    readonly brief: boolean;
    /** It stays with its cluster, for later runs. */
    readonly stays: boolean;
    /** It cannot be had or does not do, and why: it is not to be offered again. */
    readonly failed: (why: string) => void;
  };
}

/** Images that went together to one or more nodes at once. */
export interface Stream {
  readonly way: Way;
  readonly images: readonly string[];
  readonly nodes: readonly string[];
  /** Once, however many nodes it went to: of the `docker save`, or of the layers in the registry. */
  readonly bytes: number;
  readonly ms: number;
}

export interface Delivery {
  readonly images: readonly string[];
  /** By name: Docker's id of what the nodes have now. */
  readonly ids: Readonly<Record<string, string>>;
  /** Those that a node lacked, or had with another content. */
  readonly changed: readonly string[];
  readonly streams: readonly Stream[];
}

interface Target {
  readonly name: string;
  readonly images: NodeImages;
}

/**
 * Brings local images to those of their nodes that lack them. Images that the same nodes lack go together, common layers
 * once: in one `docker save`, streamed into the containerd of all these nodes at once, nothing on disk in between; or,
 * where that is faster, by a registry, from which these nodes pull at once. Proved afterwards: each node lists the names
 * with the same content. Never two streams to a node at once: containerd locks a layer that is being imported, so two
 * fan-outs with common layers wait for each other across nodes for ever (seen on three nodes).
 */
export async function deliverImages(deps: Deps, options: DeliverOptions): Promise<Delivery> {
  try {
    return await bringAll(deps, options);
  } finally {
    // One that cannot be removed now is listed, and the end of the run tries again.
    if (options.registry?.brief === true) await options.registry.own.close().catch(() => undefined);
  }
}

async function bringAll(deps: Deps, options: DeliverOptions): Promise<Delivery> {
  const { images } = options;
  const targets = [...new Set(images.flatMap(({ nodes }) => nodes))].map((name): Target => ({
    name,
    images: nodeImages(deps, options.docker, name),
  }));
  const lacks = new Map(
    targets.map((target) => {
      const wanted = images.filter(({ nodes }) => nodes.includes(target.name)).map(({ image }) => image);
      return [target, lacking(options.held.get(target.name), wanted)] as const;
    }),
  );
  const streams: Stream[] = [];
  for (const { group, to } of groupsOf(
    images.map(({ image }) => image),
    lacks,
  )) {
    const one =
      (await byRegistry(deps, options, group, to)) ??
      (await timed(deps, 'stream', () => stream(deps, options, group, to)));
    if (one.way === 'stream') await prove(options, group, to);
    streams.push({ images: group.map(({ name }) => name), nodes: to.map(({ name }) => name), ...one });
  }
  return {
    images: images.map(({ image }) => image.name),
    ids: Object.fromEntries(images.map(({ image }) => [image.name, image.id])),
    changed: streams.flatMap((one) => one.images),
    streams,
  };
}

type Brought = Pick<Stream, 'way' | 'bytes' | 'ms'>;

async function timed(deps: Deps, way: Way, bring: () => Promise<number>): Promise<Brought> {
  const began = deps.clock.monotonic();
  const bytes = await bring();
  return { way, bytes, ms: deps.clock.monotonic() - began };
}

/** Each of the nodes lists each of the images with this content; else rejects with the first that is missing. */
async function prove(
  { held, signal, awaiting }: DeliverOptions,
  images: readonly BuiltImage[],
  to: readonly Target[],
): Promise<void> {
  awaiting('the nodes to list what they got');
  await Promise.all(
    to.map(async (target) => {
      const now = await target.images.holds(images.map(referenceOf), signal);
      held.set(target.name, new Map([...(held.get(target.name) ?? []), ...now]));
      const [missing] = lacking(now, images);
      if (missing !== undefined) throw notListed(target.name, missing.name);
    }),
  );
}

/** Undefined when there is no registry, the stream is faster, or nothing came of it, which is said. */
async function byRegistry(
  deps: Deps,
  options: DeliverOptions,
  images: readonly BuiltImage[],
  to: readonly Target[],
): Promise<Brought | undefined> {
  const { registry, signal } = options;
  // Both halves, and the stream after them, are within the limit of the task.
  const limitMs = options.limitMs / 2;
  const [first] = to;
  if (registry === undefined || first === undefined) return undefined;
  const { by, own, stays, failed } = registry;
  const load = { bytes: images.map(({ bytes }) => bytes), nodes: to.length };
  // Too small for any registry.
  if (wayOf(by, { ...load, registry: 'runs' }) === 'stream') return undefined;
  const is = by === 'auto' && (await own.runs(signal)) ? 'runs' : stays ? 'stays' : 'new';
  if (wayOf(by, { ...load, registry: is }) === 'stream') return undefined;
  try {
    return await timed(deps, 'registry', async () => {
      options.awaiting('a registry to take the images');
      const { url, references } = await own.push(images, { node: first.name, limitMs, signal });
      options.awaiting(`the pull by ${to.map(({ name }) => name).join(', ')}`);
      const pairs = images.map((image) => ({
        there: references.get(image.name) ?? '',
        here: referenceOf(image),
      }));
      const pulls = to.map(async ({ name, images: node }) => {
        const result = await node.pull({ url, images: pairs }, limitMs, signal);
        if (result.timedOut) return `${name}: not done within ${formatMs(limitMs)}`;
        return result.code === 0 ? undefined : `${name}: ${lastLine(result.stderr)}`;
      });
      const [why] = (await Promise.all(pulls)).filter((one) => one !== undefined);
      if (why !== undefined) throw new KetError('KET_IMAGE_DELIVERY', `a node could not pull: ${why}`);
      await prove(options, images, to);
      return (
        (await first.images.layerBytes(images.map(referenceOf), signal)) ??
        images.reduce((sum, { bytes }) => sum + bytes, 0)
      );
    });
  } catch (error) {
    if (signal.aborted || !(error instanceof KetError)) throw error;
    // What it stored may be what the disk lacks.
    await own.close().catch(() => undefined);
    failed(error.message);
    return undefined;
  }
}

interface Group {
  readonly group: readonly BuiltImage[];
  readonly to: readonly Target[];
}

/** Images that the same nodes lack, together; each that some node lacks is in exactly one group. */
function groupsOf(
  images: readonly BuiltImage[],
  lacks: ReadonlyMap<Target, readonly BuiltImage[]>,
): readonly Group[] {
  const groups = new Map<string, { group: BuiltImage[]; to: Target[] }>();
  for (const image of images) {
    const to = [...lacks].filter(([, lacking]) => lacking.includes(image)).map(([target]) => target);
    if (to.length === 0) continue;
    const key = to.map(({ name }) => name).join(' ');
    const known = groups.get(key) ?? { group: [], to };
    groups.set(key, { ...known, group: [...known.group, image] });
  }
  return [...groups.values()];
}

function notListed(node: string, name: string): KetError {
  const reference = fullReference(name);
  return new KetError('KET_IMAGE_DELIVERY', `node ${node} does not list ${reference} after its import`, {
    next: name.includes('@')
      ? 'docker save does not keep digests: name the image by a tag, or leave it out so that the nodes pull it'
      : `see docker exec ${node} ctr --namespace=k8s.io images list`,
  });
}

const referenceOf = ({ name }: BuiltImage): string => fullReference(name);

/** The images that a node which has these does not have with this content. */
const lacking = (
  has: ReadonlyMap<string, readonly string[]> | undefined,
  images: readonly BuiltImage[],
): readonly BuiltImage[] =>
  images.filter((image) => has?.get(referenceOf(image))?.includes(image.id) !== true);

/** Whether each of its nodes has the image. */
export const isHeld = (held: Held, { image, nodes }: Addressed): boolean =>
  nodes.every((node) => lacking(held.get(node), [image]).length === 0);

/** What of these images the nodes have, once containerd answers in all of them. */
export async function heldBy(
  deps: Deps,
  docker: string,
  nodes: readonly string[],
  names: readonly string[],
  signal: AbortSignal,
): Promise<Held> {
  const references = names.map((name) => fullReference(name));
  const found = nodes.map(
    async (node) => [node, await nodeImages(deps, docker, node).holds(references, signal)] as const,
  );
  return new Map(await Promise.all(found));
}

/** Resolves with the bytes that were sent; rejects with what each failing node said. */
async function stream(
  deps: Deps,
  options: DeliverOptions,
  images: readonly BuiltImage[],
  targets: readonly Target[],
): Promise<number> {
  options.awaiting(`the import by ${targets.map(({ name }) => name).join(', ')}`);
  const { docker, limitMs, signal } = options;
  const names = images.map((image) => image.name);
  const fan = fanOut(targets.length);
  const failed: string[] = [];
  const imports = targets.map(async (target, index) => {
    const output = fan.outputs[index];
    if (output === undefined) return;
    try {
      const result = await target.images.load(output, limitMs, signal);
      if (result.timedOut) failed.push(`${target.name}: not done within ${formatMs(limitMs)}`);
      else if (result.code !== 0) failed.push(`${target.name}: ${lastLine(result.stderr)}`);
    } catch (error) {
      failed.push(`${target.name}: ${messageOf(error)}`);
    } finally {
      output.destroy();
    }
  });
  const argv = [docker, 'save', ...names];
  const saved = await deps
    .exec({ argv, stdout: fan.input, limitMs, signal })
    .then((result) => (result.code === 0 ? undefined : `docker save: ${lastLine(result.stderr)}`))
    .catch((error: unknown) => `docker save: ${messageOf(error)}`);
  // When every import has ended, save ends by a broken pipe; when save ends first, the imports see half an archive.
  const importsFirst = failed.length === targets.length;
  // Without this an importer would wait for bytes that no longer come.
  if (saved !== undefined) for (const output of fan.outputs) output.destroy();
  await Promise.all(imports);
  signal.throwIfAborted();
  if (saved !== undefined || failed.length > 0)
    throw new KetError('KET_IMAGE_DELIVERY', `${names.join(', ')} could not be brought to the nodes`, {
      details: saved === undefined || importsFirst ? failed : [saved],
      next: nextStep([saved ?? '', ...failed].join('\n')),
    });
  return fan.bytes();
}

function nextStep(said: string): string {
  if (/no space left/i.test(said)) return 'the disk of Docker is full: docker system df shows by what';
  if (/content digest .* not found/i.test(said))
    return 'the image names platforms whose content is not here: pull or build it for this platform alone';
  return 'see the folder cluster of the run, and docker logs of the node';
}

const lastLine = (text: string): string => text.trim().split('\n').slice(-1)[0] ?? '';
