import type { BuildPlan, ImagePlan, Plan, PullPlan } from '../model/plan.ts';
import type { StartedNodes, Tools } from '../model/run.ts';
import type { StateFile } from '../model/state.ts';
import type { Task, TaskContext } from '../model/task.ts';
import { buildImage, type BuiltImage } from './build.ts';
import { lookAtBuild, recordBuild } from './build-record.ts';
import { pullImage } from './pull.ts';
import { deliverImages, heldBy, isHeld, type Delivery, type DeliverOptions, type Held } from './deliver.ts';
import { tellDelivered } from './delivered.ts';
import { deliveryQueue } from './delivery-queue.ts';
import { nodesFor } from './nodes-for.ts';
import { ownRegistry, registryNames, type OwnRegistry } from './own-registry.ts';
import { isPinned, preloadTasks, type PreloadTasks } from './preload.ts';
import { mayUse, usageOf, type Usage } from './usage.ts';

export interface ImageTasks {
  /** One for each image of the plan; none in production mode. */
  readonly build: readonly Task[];
  /** Done when every node that needs the image has it: one for each of the plan, and that of the images that are found. */
  readonly deliver: readonly Task<Pick<Delivery, 'changed' | 'ids'>>[];
  /** Of the images that are found. */
  readonly preload?: PreloadTasks;
  readonly all: readonly Task[];
}

/** What the delivery has to know of the cluster's tasks. */
export interface ClusterNodes {
  readonly tools: Task<Tools>;
  readonly nodes: Task<StartedNodes>;
}

/** What uses images, so that they are found, and go only where that may run. */
export interface ImageUsers {
  /** Of the suites and checks. */
  readonly usage: Usage;
  /** Objects with pods that are known from the plan: those of suites. */
  readonly pods: readonly unknown[];
  /** After these is known what the releases are made of, as far as it can be. */
  readonly rendered: readonly Task[];
  /** The objects of each release; undefined where they are not known before it is installed. */
  readonly releases: () => readonly (readonly unknown[] | undefined)[];
  /** Images of suites in a cluster whose releases wait for no others than theirs: they go last, unless a release names them. */
  readonly last: readonly string[];
  /** Added to the environment of Docker: its logins. */
  readonly env: Env;
}

/** For a registry that large images go by. */
export interface RegistryMaker {
  readonly state: StateFile;
  readonly runId: string;
  /** The cluster was there before the run, and stays. */
  readonly there: boolean;
  /** The cluster stays for later runs. */
  readonly stays: boolean;
}

type Env = Readonly<Record<string, string>>;

const deliverMs = 10 * 60_000;

/** Images are built while the node containers start, and brought to them while Kubernetes starts in them. */
export function imageTasks(
  plan: Plan,
  cluster: ClusterNodes,
  users: ImageUsers,
  made?: RegistryMaker,
): ImageTasks {
  if (plan.production || (plan.images.length === 0 && plan.preload === 'off'))
    return { build: [], deliver: [], all: [] };
  const held = heldTask(plan, cluster);
  const registry = registryOfRun(plan, cluster, users.env, made);
  const queue = deliveryQueue((batch: readonly DeliveryRequest[]) =>
    deliverBatch(batch, cluster, held, registry),
  );
  const nodesOf: NodesOf = (name, context) => {
    const { facts, nodes } = context.output(cluster.nodes);
    // On one node there is nothing to choose.
    if (nodes.length < 2) return nodes;
    const usages = users.releases().map((objects) => (objects === undefined ? undefined : usageOf(objects)));
    return nodesFor(name, [users.usage, ...usages], facts);
  };
  const preload =
    plan.preload === 'off' && !plan.images.some(isPinned)
      ? undefined
      : preloadTasks({
          ...{ plan, tools: cluster.tools, nodes: cluster.nodes, held, users },
          bring: (image, nodes, context) => queue({ image, nodes, context }),
          nodesOf,
        });
  const severalNodes = (plan.cluster?.nodes.length ?? 0) > 1;
  const canWait = (name: string): boolean =>
    users.last.includes(name) && !users.releases().some((objects) => mayUse(objects, name));
  const pairs = plan.images.map((image) => {
    if (preload !== undefined && isPinned(image))
      return { image, build: preload.pull, delivery: () => preload.deliver };
    const build =
      'context' in image
        ? buildTask(image, cluster.tools, users.env)
        : pullTask(image, cluster.tools, users.env);
    const bring = (request: DeliveryRequest): Promise<Delivery> => queue(request, canWait(image.name));
    const delivery = (after: readonly Task[]): Task<Delivery> =>
      deliverTask(image, build, { ...cluster, held, after }, nodesOf, bring);
    return { image, build, delivery };
  });
  const build = pairs.map((pair) => pair.build);
  const isLast = ({ name }: ImagePlan): boolean => users.last.includes(name);
  const firsts = pairs.flatMap((pair) => (isLast(pair.image) ? [] : pair.build));
  const afterFirsts = [...users.rendered, ...firsts, ...(preload === undefined ? [] : [preload.pull])];
  const after = severalNodes ? users.rendered : [];
  const deliver = [
    ...pairs.map(({ image, delivery }) => delivery(isLast(image) ? afterFirsts : after)),
    ...(preload === undefined ? [] : [preload.deliver]),
  ];
  return {
    build,
    deliver,
    ...(preload === undefined ? {} : { preload }),
    all: [...new Set<Task>([...build, ...(preload === undefined ? [] : [preload.pull]), held, ...deliver])],
  };
}

/** The nodes that are to have an image. */
type NodesOf = (name: string, context: TaskContext) => readonly string[];

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

function buildTask(image: BuildPlan, tools: Task<Tools>, env: Env): Task<BuiltImage> {
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
        ...{ docker, image, env, signal },
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
  readonly nodes: readonly string[];
  readonly context: TaskContext;
}

type ForDelivery = NonNullable<DeliverOptions['registry']>;

/** One for all deliveries of a run; none where it is not wanted, or has failed. */
function registryOfRun(
  { delivery: { by, registry: image } }: Plan,
  { tools, nodes }: ClusterNodes,
  env: Env,
  made: RegistryMaker | undefined,
): (context: TaskContext) => ForDelivery | undefined {
  let own: OwnRegistry | undefined;
  let hasFailed = false;
  return (context) => {
    if (made === undefined || by === 'stream' || hasFailed) return undefined;
    const { docker } = context.output(tools);
    const { state, runId, there, stays } = made;
    own ??= ownRegistry(context.deps, {
      ...{ docker, image, env, state },
      ...registryNames(context.output(nodes).name, there ? runId : undefined),
    });
    return {
      ...{ by, own, brief: there, stays: stays && !there },
      failed(why) {
        hasFailed = true;
        const text = `images go to the nodes without a registry of the run: ${why}`;
        context.emit({ type: 'notice', level: by === 'auto' ? 'info' : 'warning', text });
      },
    };
  };
}

/** One delivery for all: it ends when any of their tasks is ended. */
async function deliverBatch(
  batch: readonly DeliveryRequest[],
  cluster: ClusterNodes,
  held: Task<Held>,
  registryFor: ReturnType<typeof registryOfRun>,
): Promise<Delivery> {
  const [first] = batch;
  if (first === undefined) throw new Error('nothing to deliver');
  const { context } = first;
  const registry = registryFor(context);
  return deliverImages(context.deps, {
    docker: context.output(cluster.tools).docker,
    images: batch.map(({ image, nodes }) => ({ image, nodes })),
    held: context.output(held),
    limitMs: deliverMs,
    signal: AbortSignal.any(batch.map((request) => request.context.signal)),
    awaiting: (what) => batch.forEach((request) => request.context.awaiting(what)),
    ...(registry === undefined ? {} : { registry }),
  });
}

function deliverTask(
  image: ImagePlan,
  build: Task<BuiltImage>,
  cluster: ClusterNodes & { readonly held: Task<Held>; readonly after: readonly Task[] },
  nodesOf: NodesOf,
  queue: (request: DeliveryRequest) => Promise<Delivery>,
): Task<Delivery> {
  const id = `deliver ${image.name}`;
  return {
    id,
    phase: 'images',
    title: `bring image ${image.name} to the nodes`,
    needs: [cluster.tools, cluster.nodes, cluster.held, build],
    after: cluster.after,
    // It may wait for a delivery that is under way.
    limitMs: 2 * deliverMs + 90_000,
    async run(context) {
      const nodes = nodesOf(image.name, context);
      const built = context.output(build);
      if (isHeld(context.output(cluster.held), { image: built, nodes })) {
        context.emit({ type: 'unchanged', task: id, what: `image ${image.name}`, not: 'delivered' });
        return { images: [image.name], ids: { [image.name]: built.id }, changed: [], streams: [] };
      }
      context.awaiting('a delivery that is under way');
      const delivery = await queue({ image: built, nodes, context });
      tellDelivered(context, id, built, delivery);
      return delivery;
    },
  };
}
