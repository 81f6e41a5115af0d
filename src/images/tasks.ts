import type { BuildPlan, ImagePlan, Plan, PullPlan } from '../model/plan.ts';
import type { StartedNodes, Tools } from '../model/run.ts';
import type { Task, TaskContext } from '../model/task.ts';
import { buildImage, type BuiltImage } from './build.ts';
import { lookAtBuild, recordBuild } from './build-record.ts';
import { pullImage } from './pull.ts';
import { deliverImages, heldBy, isHeld, type Delivery, type Held } from './deliver.ts';
import { deliveryQueue } from './delivery-queue.ts';
import { nodesFor } from './nodes-for.ts';
import { usageOf, type Usage } from './usage.ts';

export interface ImageTasks {
  readonly build: readonly Task<BuiltImage>[];
  /** Done when every node that needs the image has it. */
  readonly deliver: readonly Task<Delivery>[];
  readonly all: readonly Task[];
}

/** What the delivery has to know of the cluster's tasks. */
export interface ClusterNodes {
  readonly tools: Task<Tools>;
  readonly nodes: Task<StartedNodes>;
}

interface Rendered {
  readonly objects?: readonly unknown[];
}

/** What uses images, so that they go only where that may run. */
export interface ImageUsers {
  /** Of the suites and checks. */
  readonly usage: Usage;
  /** The rendered objects of each release; absent where they cannot be known before it is installed. */
  readonly releases: readonly Task<Rendered>[];
}

const deliverMs = 10 * 60_000;

/** Images are built while the node containers start, and brought to them while Kubernetes starts in them. */
export function imageTasks(plan: Plan, cluster: ClusterNodes, users: ImageUsers): ImageTasks {
  const build = plan.images.map((image) =>
    'context' in image ? buildTask(image, cluster.tools) : pullTask(image, cluster.tools),
  );
  const held = heldTask(plan, cluster);
  const queue = deliveryQueue((batch: readonly DeliveryRequest[]) => deliverBatch(batch, cluster, held));
  const deliver = plan.images.map((image, index) =>
    deliverTask(image, build[index], { ...cluster, held }, users, queue),
  );
  return { build, deliver, all: [...build, ...(deliver.length === 0 ? [] : [held]), ...deliver] };
}

/** Asked once for all images, while they are built. */
function heldTask(plan: Plan, { tools, nodes }: ClusterNodes): Task<Held> {
  return {
    id: 'images on nodes',
    phase: 'images',
    title: 'see which images the nodes have',
    needs: [tools, nodes],
    limitMs: 90_000,
    run(context) {
      context.awaiting('containerd of the nodes');
      const names = plan.images.map(({ name }) => name);
      const { docker } = context.output(tools);
      return heldBy(context.deps, docker, context.output(nodes).nodes, names, context.signal);
    },
  };
}

function buildTask(image: BuildPlan, tools: Task<Tools>): Task<BuiltImage> {
  const id = `build ${image.name}`;
  return {
    id,
    phase: 'images',
    title: `build image ${image.name}`,
    needs: [tools],
    limitMs: image.limitMs + 10_000,
    async run(context) {
      const { deps, signal } = context;
      const { docker } = context.output(tools);
      const { inputs, unchanged } = await lookAtBuild(deps, { docker, image, signal });
      if (unchanged !== undefined) {
        context.emit({ type: 'unchanged', task: id, what: `image ${image.name}`, not: 'built' });
        return unchanged;
      }
      const built = await buildImage(deps, {
        docker,
        image,
        signal,
        onStep: (step) =>
          context.emit({
            type: 'task-step',
            task: id,
            step: step.cached ? `${step.name} (cached)` : step.name,
            stepMs: step.ms,
          }),
        onBegin: (name) => context.awaiting(name),
      });
      // Nobody waits for it: without a record the next run builds again.
      if (inputs !== undefined) void recordBuild(deps, image, inputs, built).catch(() => undefined);
      return built;
    },
  };
}

function pullTask(image: PullPlan, tools: Task<Tools>): Task<BuiltImage> {
  return {
    id: `pull ${image.name}`,
    phase: 'images',
    title: `have image ${image.name} here`,
    needs: [tools],
    limitMs: image.limitMs + 70_000,
    run: (context) =>
      pullImage(context.deps, { docker: context.output(tools).docker, image, signal: context.signal }),
  };
}

const usageIn = ({ objects }: Rendered): Usage | undefined =>
  objects === undefined ? undefined : usageOf(objects);

interface DeliveryRequest {
  readonly image: BuiltImage;
  readonly nodes: readonly string[];
  readonly context: TaskContext;
}

/** One delivery for all: it ends when any of their tasks is ended. */
async function deliverBatch(
  batch: readonly DeliveryRequest[],
  cluster: ClusterNodes,
  held: Task<Held>,
): Promise<Delivery> {
  const [first] = batch;
  if (first === undefined) throw new Error('nothing to deliver');
  const { context } = first;
  return deliverImages(context.deps, {
    docker: context.output(cluster.tools).docker,
    images: batch.map(({ image, nodes }) => ({ image, nodes })),
    held: context.output(held),
    limitMs: deliverMs,
    signal: AbortSignal.any(batch.map((request) => request.context.signal)),
    awaiting: (what) => batch.forEach((request) => request.context.awaiting(what)),
  });
}

function deliverTask(
  image: ImagePlan,
  build: Task<BuiltImage> | undefined,
  cluster: ClusterNodes & { readonly held: Task<Held> },
  users: ImageUsers,
  queue: (request: DeliveryRequest) => Promise<Delivery>,
): Task<Delivery> {
  if (build === undefined) throw new Error(`no build of ${image.name}`);
  const id = `deliver ${image.name}`;
  return {
    id,
    phase: 'images',
    title: `bring image ${image.name} to the nodes`,
    needs: [cluster.tools, cluster.nodes, cluster.held, build, ...users.releases],
    // It may wait for a delivery that is under way.
    limitMs: 2 * deliverMs + 90_000,
    async run(context) {
      const usages = [users.usage, ...users.releases.map((task) => usageIn(context.output(task)))];
      const nodes = nodesFor(image.name, usages, context.output(cluster.nodes).facts);
      const built = context.output(build);
      if (isHeld(context.output(cluster.held), { image: built, nodes })) {
        context.emit({ type: 'unchanged', task: id, what: `image ${image.name}`, not: 'delivered' });
        return { images: [image.name], ids: { [image.name]: built.id }, changed: [], streams: [] };
      }
      context.awaiting('a delivery that is under way');
      const delivery = await queue({ image: built, nodes, context });
      const stream = delivery.streams.find(({ images }) => images.includes(image.name));
      if (stream !== undefined)
        context.emit({
          type: 'delivered',
          task: id,
          image: image.name,
          bytes: built.bytes,
          streamBytes: stream.bytes,
          streamMs: Math.round(stream.ms),
          together: stream.images.length,
          nodes: stream.nodes,
        });
      return delivery;
    },
  };
}
