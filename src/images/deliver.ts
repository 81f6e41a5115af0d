import { KetError, messageOf } from '../model/errors.ts';
import { formatMs } from '../model/format.ts';
import type { Deps } from '../model/deps.ts';
import type { BuiltImage } from './build.ts';
import { fanOut } from './fan-out.ts';
import { nodeImages, type NodeImages } from './node-images.ts';
import { fullReference } from './reference.ts';

export interface DeliverOptions {
  readonly docker: string;
  readonly images: readonly BuiltImage[];
  readonly nodes: readonly string[];
  readonly limitMs: number;
  readonly signal: AbortSignal;
  readonly awaiting: (what: string) => void;
}

export interface Delivery {
  readonly images: readonly string[];
  /** Those of them that a node lacked, or had with another content. */
  readonly changed: readonly string[];
  /** Nodes that got them now; the others had them all. */
  readonly delivered: readonly string[];
  /** Bytes of the stream, once, however many nodes it went to. */
  readonly bytes: number;
  readonly ms: number;
}

/**
 * Brings local images to all nodes that lack one of them: one `docker save` of what is lacking somewhere, in which
 * common layers stand once, streamed into every node's containerd at once, nothing on disk in between. Proved afterwards: each node lists
 * the names with the same content. Never two streams to a node at once: containerd locks a layer that is being
 * imported, so two fan-outs with common layers wait for each other across nodes for ever (seen on three nodes).
 */
export async function deliverImages(deps: Deps, options: DeliverOptions): Promise<Delivery> {
  const { images, nodes, signal } = options;
  const began = deps.clock.monotonic();
  const all = nodes.map((name) => ({ name, images: nodeImages(deps, options.docker, name) }));
  options.awaiting('containerd of the nodes');
  await Promise.all(all.map((node) => node.images.up(signal)));
  const found = await Promise.all(
    all.map(async (node) => ({ node, lacks: await lacks(node, images, signal) })),
  );
  const lacking = found.filter(({ lacks }) => lacks.length > 0).map(({ node }) => node);
  const changed = images.filter((image) => found.some(({ lacks }) => lacks.includes(image)));
  let bytes = 0;
  if (lacking.length > 0) {
    options.awaiting(`the import by ${lacking.map((node) => node.name).join(', ')}`);
    bytes = await stream(deps, { ...options, images: changed }, lacking);
    options.awaiting('the nodes to list what they got');
    await Promise.all(
      lacking.map(async (node) => {
        const [missing] = await lacks(node, changed, signal);
        if (missing !== undefined) throw notListed(node.name, missing.name);
      }),
    );
  }
  const ms = deps.clock.monotonic() - began;
  return {
    images: images.map((image) => image.name),
    changed: changed.map((image) => image.name),
    delivered: lacking.map((node) => node.name),
    bytes,
    ms,
  };
}

function notListed(node: string, name: string): KetError {
  const reference = fullReference(name);
  return new KetError('KET_IMAGE_DELIVERY', `node ${node} does not list ${reference} after its import`, {
    next: name.includes('@')
      ? 'docker save does not keep digests: name the image by a tag, or leave it out so that the nodes pull it'
      : `see docker exec ${node} ctr --namespace=k8s.io images list`,
  });
}

/** The images that the node does not have with this content. */
async function lacks(
  node: Target,
  images: readonly BuiltImage[],
  signal: AbortSignal,
): Promise<BuiltImage[]> {
  const missing: BuiltImage[] = [];
  for (const image of images)
    if (!(await has(node.images, fullReference(image.name), image, signal))) missing.push(image);
  return missing;
}

async function has(
  node: NodeImages,
  reference: string,
  image: BuiltImage,
  signal: AbortSignal,
): Promise<boolean> {
  return (await node.digests(reference, signal)).includes(image.id);
}

interface Target {
  readonly name: string;
  readonly images: NodeImages;
}

/** Resolves with the bytes that were sent; rejects with what each failing node said. */
async function stream(deps: Deps, options: DeliverOptions, targets: readonly Target[]): Promise<number> {
  const { docker, images, limitMs, signal } = options;
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
