import type { Deps } from '../model/deps.ts';
import { KetError, messageOf } from '../model/errors.ts';
import { digestOf, imageKey } from '../model/image-name.ts';
import type { Plan, PullPlan } from '../model/plan.ts';
import type { StartedNodes, Tools } from '../model/run.ts';
import type { Task, TaskContext } from '../model/task.ts';
import type { BuiltImage } from './build.ts';
import type { Delivery } from './deliver.ts';
import { imagesIn } from './found.ts';
import { ctrArgv } from './node-images.ts';
import { pullImage } from './pull.ts';

/**
 * Images that nobody builds: each is pulled once here, while the cluster starts, in place of by every node, and brought
 * to the nodes with the others.
 */

/** Where images are looked for, and how they come here. */
export interface FoundImages {
  /** The objects of the releases. */
  readonly rendered?: Task<readonly unknown[]>;
  /** Objects with pods that are known from the plan: those of suites. */
  readonly others: readonly unknown[];
  /** Added to the environment of Docker: its logins. */
  readonly env: Readonly<Record<string, string>>;
}

/** One image here, and the names under which nodes are to have it. */
export interface Pulled extends BuiltImage {
  /** Beside `name`; not by a tag, which `docker save` would need. */
  readonly also: readonly string[];
}

export interface PreloadTasks {
  readonly pull: Task<readonly Pulled[]>;
  readonly deliver: Task<{ readonly changed: readonly string[] }>;
}

export interface PreloadOptions {
  readonly plan: Pick<Plan, 'images' | 'preload'>;
  readonly tools: Task<Tools>;
  readonly nodes: Task<StartedNodes>;
  readonly found: FoundImages;
  /** Brings one of several to the nodes. */
  readonly bring: (image: BuiltImage, context: TaskContext) => Promise<Delivery>;
}

/** An image to pull; nodes can do without one that is not `required`, for they may have it or pull it themselves. */
interface Wanted extends PullPlan {
  readonly required: boolean;
}

const pullMs = 10 * 60_000;
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
  const { plan, tools, nodes, found, bring } = options;
  const { rendered } = found;
  const pull: Task<readonly Pulled[]> = {
    id: 'pull found images',
    phase: 'images',
    title: 'have the images that are found here',
    needs: [tools, ...(rendered === undefined ? [] : [rendered])],
    limitMs: 3 * pullMs,
    async run(context) {
      const objects = [...(rendered === undefined ? [] : context.output(rendered)), ...found.others];
      const wanted = wantedImages(plan, objects);
      const { docker } = context.output(tools);
      const open = [...wanted];
      const pulled: Pulled[] = [];
      const listed = plan.preload !== 'auto';
      const work = async (): Promise<void> => {
        for (let image = open.shift(); image !== undefined; image = open.shift()) {
          context.awaiting(image.name);
          const one = await have(context, docker, image, found.env, listed);
          if (one !== undefined) pulled.push(one);
        }
      };
      await Promise.all(Array.from({ length: atOnce }, work));
      return pulled;
    },
  };
  const deliver: Task<{ readonly changed: readonly string[] }> = {
    id: deliverId,
    phase: 'images',
    title: 'bring the images that are found to the nodes',
    needs: [tools, nodes, pull],
    limitMs: deliverMs + 90_000,
    async run(context) {
      const images = context.output(pull);
      const { docker } = context.output(tools);
      context.awaiting('a delivery that is under way');
      try {
        const deliveries = await Promise.all(images.map((image) => bring(image, context)));
        context.awaiting('the nodes to know them by their digests');
        await nameOnNodes(context, docker, context.output(nodes).nodes, images);
        if (images.length > 0) context.emit(step(deliver.id, images, deliveries));
        return { changed: deliveries.flatMap(({ changed }) => changed) };
      } catch (error) {
        // What the plan asks for by name must be there; the rest the nodes can pull themselves.
        if (context.signal.aborted || !(error instanceof KetError) || plan.images.some(isPinned)) throw error;
        const text = `images that were found could not be brought to the nodes, which pull them themselves: ${messageOf(error)}`;
        context.emit({ type: 'notice', level: 'warning', text });
        return { changed: [] };
      } finally {
        await forgetTags(context.deps, docker, images);
      }
    },
  };
  return { pull, deliver };
}

function step(
  task: string,
  images: readonly Pulled[],
  deliveries: readonly Delivery[],
): { readonly type: 'task-step'; readonly task: string; readonly step: string; readonly stepMs: number } {
  const lacked = new Set(deliveries.flatMap(({ changed }) => changed));
  const count = images.filter(({ name }) => lacked.has(name)).length;
  const text = `${String(images.length)} found, ${String(count)} of them brought to nodes`;
  return { type: 'task-step', task, step: text, stepMs: Math.max(0, ...deliveries.map(({ ms }) => ms)) };
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
  try {
    const byDigest =
      image.digest === undefined ? digestOf(image.name) : { name: bare(image.name), digest: image.digest };
    if (byDigest === undefined)
      return { ...(await pullImage(deps, { docker, image, env, signal })), also: [] };
    const name = `${byDigest.name}@${byDigest.digest}`;
    const built = await pullImage(deps, { docker, image: { ...image, name }, env, signal });
    const tag = tagOf(byDigest.digest);
    await ask(deps, [docker, 'tag', built.id, tag], signal);
    const also = image.name.includes('@') ? [name] : [name, image.name];
    return { ...built, name: tag, also };
  } catch (error) {
    if (signal.aborted || image.required || !(error instanceof KetError)) throw error;
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

/** Gives images their other names on every node. The content is the one that Docker has verified by the digest. */
async function nameOnNodes(
  { deps, signal }: TaskContext,
  docker: string,
  nodes: readonly string[],
  images: readonly Pulled[],
): Promise<void> {
  const named = images.filter(({ also }) => also.length > 0);
  await Promise.all(
    nodes.map(async (node) => {
      for (const { name, also } of named)
        await ask(
          deps,
          ctrArgv(docker, node, 'images', 'tag', '--force', name, ...also.map(imageKey)),
          signal,
        );
    }),
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
