import { formatBytes, formatMs } from '../model/format.ts';
import type { BuildPlan, ImagePlan, Plan, PullPlan } from '../model/plan.ts';
import type { StartedNodes, Tools } from '../model/run.ts';
import type { Task } from '../model/task.ts';
import { buildImage, type BuiltImage } from './build.ts';
import { pullImage } from './pull.ts';
import { deliverImage, type Delivery } from './deliver.ts';

export interface ImageTasks {
  readonly build: readonly Task<BuiltImage>[];
  /** Done when every node has the image. */
  readonly deliver: readonly Task<Delivery>[];
  readonly all: readonly Task[];
}

/** What the delivery has to know of the cluster's tasks. */
export interface ClusterNodes {
  readonly tools: Task<Tools>;
  readonly nodes: Task<StartedNodes>;
}

const deliverMs = 10 * 60_000;

/** Images are built while the node containers start, and brought to them while Kubernetes starts in them. */
export function imageTasks(plan: Plan, cluster: ClusterNodes): ImageTasks {
  const build = plan.images.map((image) =>
    'context' in image ? buildTask(image, cluster.tools) : pullTask(image, cluster.tools),
  );
  const deliver = plan.images.map((image, index) => deliverTask(image, build[index], cluster));
  return { build, deliver, all: [...build, ...deliver] };
}

function buildTask(image: BuildPlan, tools: Task<Tools>): Task<BuiltImage> {
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
        image,
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

function deliverTask(
  image: ImagePlan,
  build: Task<BuiltImage> | undefined,
  cluster: ClusterNodes,
): Task<Delivery> {
  if (build === undefined) throw new Error(`no build of ${image.name}`);
  const id = `deliver ${image.name}`;
  return {
    id,
    phase: 'images',
    title: `bring image ${image.name} to the nodes`,
    needs: [cluster.tools, cluster.nodes, build],
    limitMs: deliverMs + 90_000,
    async run(context) {
      const delivery = await deliverImage(context.deps, {
        docker: context.output(cluster.tools).docker,
        image: context.output(build),
        nodes: context.output(cluster.nodes).nodes,
        limitMs: deliverMs,
        signal: context.signal,
        awaiting: (what) => context.awaiting(what),
      });
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
  return `${formatBytes(delivery.bytes)} to ${nodes} in ${formatMs(delivery.ms)}${speed}`;
}
