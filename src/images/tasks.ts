import { formatBytes, formatMs } from '../model/format.ts';
import type { BuildPlan, ImagePlan, Plan, PullPlan } from '../model/plan.ts';
import type { StartedNodes, Tools } from '../model/run.ts';
import type { Task, TaskContext } from '../model/task.ts';
import { buildImage, type BuiltImage } from './build.ts';
import { pullImage } from './pull.ts';
import { deliverImages, type Delivery } from './deliver.ts';
import { deliveryQueue } from './delivery-queue.ts';
import { isPinned, preloadTasks, type FoundImages, type PreloadTasks } from './preload.ts';

export interface ImageTasks {
  /** One for each image of the plan; none in production mode. */
  readonly build: readonly Task[];
  /** Done when every node has the image: one for each of the plan, and that of the images that are found. */
  readonly deliver: readonly Task<{ readonly changed: readonly string[] }>[];
  /** Of the images that are found. */
  readonly preload?: PreloadTasks;
  readonly all: readonly Task[];
}

/** What the delivery has to know of the cluster's tasks. */
export interface ClusterNodes {
  readonly tools: Task<Tools>;
  readonly nodes: Task<StartedNodes>;
}

const deliverMs = 10 * 60_000;

/** Images are built while the node containers start, and brought to them while Kubernetes starts in them. */
export function imageTasks(
  plan: Plan,
  cluster: ClusterNodes,
  found: FoundImages = { others: [], env: {} },
): ImageTasks {
  if (plan.production) return { build: [], deliver: [], all: [] };
  const queue = deliveryQueue((batch: readonly DeliveryRequest[]) => deliverBatch(batch, cluster));
  const preload =
    plan.preload === 'off' && !plan.images.some(isPinned)
      ? undefined
      : preloadTasks({
          ...{ plan, tools: cluster.tools, nodes: cluster.nodes, found },
          bring: (image, context) => queue({ image, context }),
        });
  const { env } = found;
  const pairs = plan.images.map((image) => {
    if (preload !== undefined && isPinned(image)) return { build: preload.pull, deliver: preload.deliver };
    const build =
      'context' in image ? buildTask(image, cluster.tools, env) : pullTask(image, cluster.tools, env);
    return { build, deliver: deliverTask(image, build, cluster, queue) };
  });
  const build = pairs.map((pair) => pair.build);
  const deliver = [...pairs.map((pair) => pair.deliver), ...(preload === undefined ? [] : [preload.deliver])];
  const pull = preload === undefined ? [] : [preload.pull];
  return {
    build,
    deliver,
    ...(preload === undefined ? {} : { preload }),
    all: [...new Set<Task>([...build, ...pull, ...deliver])],
  };
}

type Env = Readonly<Record<string, string>>;

function buildTask(image: BuildPlan, tools: Task<Tools>, env: Env): Task<BuiltImage> {
  const id = `build ${image.name}`;
  return {
    id,
    phase: 'images',
    title: `build image ${image.name}`,
    needs: [tools],
    limitMs: image.limitMs + 10_000,
    run: (context) =>
      buildImage(context.deps, {
        docker: context.output(tools).docker,
        ...{ image, env },
        signal: context.signal,
        onStep: (step) =>
          context.emit({
            type: 'task-step',
            task: id,
            step: step.cached ? `${step.name} (cached)` : step.name,
            stepMs: step.ms,
          }),
        onBegin: (name) => context.awaiting(name),
      }),
  };
}

function pullTask(image: PullPlan, tools: Task<Tools>, env: Env): Task<BuiltImage> {
  return {
    id: `pull ${image.name}`,
    phase: 'images',
    title: `have image ${image.name} here`,
    needs: [tools],
    limitMs: image.limitMs + 70_000,
    run: (context) =>
      pullImage(context.deps, {
        ...{ docker: context.output(tools).docker, image, env },
        signal: context.signal,
      }),
  };
}

interface DeliveryRequest {
  readonly image: BuiltImage;
  readonly context: TaskContext;
}

/** One stream for all: it ends when any of their tasks is ended. */
async function deliverBatch(batch: readonly DeliveryRequest[], cluster: ClusterNodes): Promise<Delivery> {
  const [first] = batch;
  if (first === undefined) throw new Error('nothing to deliver');
  const { context } = first;
  return deliverImages(context.deps, {
    docker: context.output(cluster.tools).docker,
    images: batch.map(({ image }) => image),
    nodes: context.output(cluster.nodes).nodes,
    limitMs: deliverMs,
    signal: AbortSignal.any(batch.map((request) => request.context.signal)),
    awaiting: (what) => batch.forEach((request) => request.context.awaiting(what)),
  });
}

function deliverTask(
  image: ImagePlan,
  build: Task<BuiltImage>,
  cluster: ClusterNodes,
  queue: (request: DeliveryRequest) => Promise<Delivery>,
): Task<Delivery> {
  const id = `deliver ${image.name}`;
  return {
    id,
    phase: 'images',
    title: `bring image ${image.name} to the nodes`,
    needs: [cluster.tools, cluster.nodes, build],
    // It may wait for a delivery that is under way.
    limitMs: 2 * deliverMs + 90_000,
    async run(context) {
      context.awaiting('a delivery that is under way');
      const delivery = await queue({ image: context.output(build), context });
      // Told once, by the first of those that went together.
      if (delivery.images[0] === image.name)
        context.emit({ type: 'task-step', task: id, step: deliveryText(delivery), stepMs: delivery.ms });
      return delivery;
    },
  };
}

/** What was sent, how fast, and to how many. */
export function deliveryText(delivery: Delivery): string {
  if (delivery.delivered.length === 0) return 'every node has it already';
  const speed = delivery.ms > 0 ? `, ${formatBytes((delivery.bytes / delivery.ms) * 1000)}/s to each` : '';
  const nodes = `${String(delivery.delivered.length)} node${delivery.delivered.length === 1 ? '' : 's'}`;
  const together = delivery.changed.length === 1 ? '' : `${String(delivery.changed.length)} images, `;
  return `${together}${formatBytes(delivery.bytes)} to ${nodes} in ${formatMs(delivery.ms)}${speed}`;
}
