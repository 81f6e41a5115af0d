import type { Deps } from '../model/deps.ts';
import { KetError, messageOf } from '../model/errors.ts';
import { digestOf, imageKey } from '../model/image-name.ts';
import type { Plan, PullPlan } from '../model/plan.ts';
import type { StartedNodes, Tools } from '../model/run.ts';
import type { Task, TaskContext } from '../model/task.ts';
import type { BuiltImage } from './build.ts';
import { heldBy, type Delivery, type Held } from './deliver.ts';
import { tellDelivered } from './delivered.ts';
import { imagesIn } from './found.ts';
import { ctrArgv } from './node-images.ts';
import { pullImage } from './pull.ts';
import type { ImageUsers } from './tasks.ts';

/**
 * Images that nobody builds: each is pulled once here, while the cluster starts, in place of by every node, and brought
 * to the nodes with the others.
 */

/** One image here, and the names under which nodes are to have it. */
export interface Pulled extends BuiltImage {
  /** Beside `name`; not by a tag, which `docker save` would need. */
  readonly also: readonly string[];
  /** Nodes must have it, and cannot pull it instead. */
  readonly required: boolean;
}

export interface PreloadTasks {
  readonly pull: Task<readonly Pulled[]>;
  readonly deliver: Task<Pick<Delivery, 'changed' | 'ids'>>;
}

export interface PreloadOptions {
  readonly plan: Pick<Plan, 'images' | 'preload'>;
  readonly tools: Task<Tools>;
  readonly nodes: Task<StartedNodes>;
  readonly held: Task<Held>;
  /** Where images are looked for. */
  readonly users: Pick<ImageUsers, 'pods' | 'rendered' | 'releases' | 'env'>;
  /** Brings one of several to nodes. */
  readonly bring: (image: BuiltImage, nodes: readonly string[], context: TaskContext) => Promise<Delivery>;
  /** Those on which pods that use an image may run. */
  readonly nodesOf: (name: string, context: TaskContext) => readonly string[];
}

/** An image to pull; nodes can do without one that is not `required`, for they may have it or pull it themselves. */
interface Wanted extends PullPlan {
  readonly required: boolean;
}

const pullMs = 10 * 60_000;
/** For all that is found by itself: releases wait for it, and nodes could have pulled it meanwhile. */
const foundMs = 3 * 60_000;
const deliverMs = 20 * 60_000;
const askMs = 30_000;
/** More would not be faster: Docker itself loads three layers at once. */
const atOnce = 4;

/**
 * The images to pull: those of the plan that are named by digest, and those that `preload` means, without what the plan
 * has already. Pure.
 */
export function wantedImages(
  { images, preload }: Pick<Plan, 'images' | 'preload'>,
  objects: readonly unknown[],
): readonly Wanted[] {
  const pinned = images.filter(isPinned).map((image) => ({ ...image, required: true }));
  const known = new Set(images.flatMap(({ name }) => imageKey(name)));
  const names = preload === 'off' ? [] : preload === 'auto' ? imagesIn(objects) : preload;
  const more = names
    .filter((name) => !known.has(imageKey(name)))
    .map((name) => ({ name, limitMs: pullMs, required: false }));
  return [...pinned, ...more];
}

/** An image of the plan that is not built and must be a certain one: Docker has it under no tag of its own. */
export const isPinned = (image: Plan['images'][number]): image is PullPlan =>
  !('context' in image) && (image.digest !== undefined || image.name.includes('@'));

const deliverId = 'deliver found images';

/** The id of the task after which the nodes have an image of the plan. */
export const deliveryOf = (image: Plan['images'][number]): string =>
  isPinned(image) ? deliverId : `deliver ${image.name}`;

/** Pulls what is found, and brings it to the nodes. */
export function preloadTasks(options: PreloadOptions): PreloadTasks {
  const { plan, tools, nodes, held, users, bring, nodesOf } = options;
  const auto = plan.preload === 'auto';
  const pull: Task<readonly Pulled[]> = {
    id: 'pull found images',
    phase: 'images',
    title: 'have the images that are found here',
    needs: [tools],
    // What is wrong with a release is told by its own tasks.
    after: auto ? users.rendered : [],
    limitMs: 3 * pullMs,
    async run(context) {
      const objects = auto ? [...users.releases().flatMap((known) => known ?? []), ...users.pods] : [];
      const wanted = wantedImages(plan, objects);
      const { docker } = context.output(tools);
      const began = context.deps.clock.monotonic();
      const open = [...wanted];
      const pulled: Pulled[] = [];
      const work = async (): Promise<void> => {
        for (let image = open.shift(); image !== undefined; image = open.shift()) {
          context.awaiting(image.name);
          const leftMs = foundMs - (context.deps.clock.monotonic() - began);
          const limitMs = image.required || !auto ? image.limitMs : Math.max(1, Math.ceil(leftMs));
          const one = await have(context, docker, { ...image, limitMs }, users.env, !auto);
          if (one !== undefined) pulled.push(one);
        }
      };
      await Promise.all(Array.from({ length: atOnce }, work));
      return pulled;
    },
  };
  const deliver: PreloadTasks['deliver'] = {
    id: deliverId,
    phase: 'images',
    title: 'bring the images that are found to the nodes',
    needs: [tools, nodes, held, pull],
    limitMs: deliverMs + 90_000,
    async run(context) {
      const images = context.output(pull);
      const { docker } = context.output(tools);
      const { nodes: all } = context.output(nodes);
      const ids = idsOf(images);
      const one = async (image: Pulled): Promise<readonly string[]> => {
        try {
          // By its digest a node gets a name of ket's own first, and then that name is looked for on all.
          const where = image.also.length > 0 ? all : nodesOf(image.name, context);
          const delivery = await bring(image, where, context);
          tellDelivered(context, deliverId, image, delivery, image.also.at(-1));
          await nameOnNodes(context, docker, all, image);
          return delivery.changed;
        } catch (error) {
          // What the plan asks for by name must be there; the rest the nodes can pull themselves.
          if (context.signal.aborted || !(error instanceof KetError) || image.required) throw error;
          const text = `image ${image.also.at(-1) ?? image.name} could not be brought to the nodes, which pull it themselves: ${messageOf(error)}`;
          context.emit({ type: 'notice', level: 'warning', text });
          return [];
        }
      };
      try {
        await lookAt(context, docker, all, images, context.output(held));
        context.awaiting('a delivery that is under way');
        const changed = await Promise.all(images.map(one));
        return { ids, changed: changed.flat() };
      } finally {
        await forgetTags(context.deps, docker, images);
      }
    },
  };
  return { pull, deliver };
}

/** By each of their names: Docker's id. */
const idsOf = (images: readonly Pulled[]): Readonly<Record<string, string>> =>
  Object.fromEntries(images.flatMap(({ name, also, id }) => [name, ...also].map((one) => [one, id])));

/** Adds to what is known of the nodes which of these images they have. */
async function lookAt(
  { deps, signal }: TaskContext,
  docker: string,
  nodes: readonly string[],
  images: readonly Pulled[],
  held: Held,
): Promise<void> {
  if (images.length === 0) return;
  const names = images.map(({ name }) => name);
  for (const [node, has] of await heldBy(deps, docker, nodes, names, signal))
    held.set(node, new Map([...(held.get(node) ?? []), ...has]));
}

/** The image here; undefined, and said, for one that cannot be had and that nodes may have. */
async function have(
  context: TaskContext,
  docker: string,
  image: Wanted,
  env: Readonly<Record<string, string>>,
  listed: boolean,
): Promise<Pulled | undefined> {
  const { deps, signal } = context;
  const { required } = image;
  try {
    const byDigest =
      image.digest === undefined ? digestOf(image.name) : { name: bare(image.name), digest: image.digest };
    if (byDigest === undefined)
      return { ...(await pullImage(deps, { docker, image, env, signal })), also: [], required };
    const name = `${byDigest.name}@${byDigest.digest}`;
    const built = await pullImage(deps, { docker, image: { ...image, name }, env, signal });
    const tag = tagOf(byDigest.digest);
    await ask(deps, [docker, 'tag', built.id, tag], signal);
    const also = image.name.includes('@') ? [name] : [name, image.name];
    return { ...built, name: tag, also, required };
  } catch (error) {
    if (signal.aborted || required || !(error instanceof KetError)) throw error;
    const [why = ''] = [...error.details].reverse();
    const text = `image ${image.name} could not be pulled here, so nodes that lack it pull it themselves${why === '' ? '' : `: ${why}`}`;
    context.emit({ type: 'notice', level: listed ? 'warning' : 'info', text });
    return undefined;
  }
}

/** The name without its tag. */
const bare = (name: string): string => name.replace(/:[\w][\w.-]*$/, '');

/** `docker save` keeps tags alone; this one is Docker's only as long as the delivery takes. */
const tagOf = (digest: string): string => `ket.local/by-digest:${digest.slice('sha256:'.length, 40)}`;

/** Gives an image its other names on every node. The content is the one that Docker has verified by the digest. */
async function nameOnNodes(
  { deps, signal }: TaskContext,
  docker: string,
  nodes: readonly string[],
  { name, also }: Pulled,
): Promise<void> {
  if (also.length === 0) return;
  const names = [name, ...also.map(imageKey)];
  await Promise.all(
    nodes.map((node) => ask(deps, ctrArgv(docker, node, 'images', 'tag', '--force', ...names), signal)),
  );
}

async function forgetTags(deps: Deps, docker: string, images: readonly Pulled[]): Promise<void> {
  const tags = images.filter(({ also }) => also.length > 0).map(({ name }) => name);
  if (tags.length === 0) return;
  // One that is left costs nothing, and the next run takes it.
  await deps.exec({ argv: [docker, 'rmi', '--no-prune', ...tags], limitMs: askMs }).catch(() => undefined);
}

async function ask(deps: Deps, argv: readonly string[], signal: AbortSignal): Promise<void> {
  const result = await deps.exec({ argv, limitMs: askMs, signal });
  if (result.code === 0) return;
  throw new KetError('KET_IMAGE_DELIVERY', `${argv.slice(-3).join(' ')} failed`, {
    details: result.stderr.trim().split('\n').slice(-5),
    next: 'see docker images, and docker logs of the node',
  });
}
