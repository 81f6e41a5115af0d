import { createHash } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import type { Deps } from '../model/deps.ts';
import type { BuildPlan } from '../model/plan.ts';
import { cacheHome, writeByRename } from '../tools/cache.ts';
import type { BuiltImage } from './build.ts';
import { snapshotOf, type ContextSnapshot } from './context.ts';
import { outsideOf } from './dockerfile.ts';
import { ignoreOf } from './ignore.ts';
import { localImages } from './local.ts';

/** From what an image was built, and what came of it; in ket's cache. */
interface BuildRecord {
  readonly v: 1;
  /** Of the Dockerfile, arguments, target and the images that it builds on. */
  readonly settings: string;
  /** Hash of the context by names and times; absent where something in it was too young to trust its time. */
  readonly stat?: string;
  /** Hash of the context by contents. */
  readonly content: string;
  readonly id: string;
}

/** What a build would be made of, looked at before it begins. */
export interface BuildInputs {
  readonly settings: string;
  readonly context: ContextSnapshot;
  readonly lookedAtMs: number;
}

export interface Looked {
  /** Absent where it cannot be told whether something changed: then it is built. */
  readonly inputs?: BuildInputs;
  /** The image is there, made from exactly these inputs. */
  readonly unchanged?: BuiltImage;
}

interface Where {
  readonly docker: string;
  readonly image: BuildPlan;
  readonly signal: AbortSignal;
}

/** File systems tell times in steps of up to two seconds: what changed within one may look untouched. */
const doubtMs = 2500;

/** What of the environment decides where and for what is built. */
const settingsOfDocker = ['DOCKER_HOST', 'DOCKER_CONTEXT', 'DOCKER_DEFAULT_PLATFORM', 'BUILDX_BUILDER'];

/**
 * Looks whether an image must be built: not when Docker has it under this name with the id that came of a build from
 * the same Dockerfile, arguments, target, base images and context (without what `.dockerignore` leaves out). Never
 * rejects for what it cannot read: the build says that better.
 */
export async function lookAtBuild(deps: Deps, { docker, image, signal }: Where): Promise<Looked> {
  try {
    const text = fs.readFileSync(image.dockerfile, 'utf8');
    const ignored = ignoreText(image);
    const outside = outsideOf(text, image.args);
    if (outside.unknown !== undefined) return {};
    const lookedAtMs = deps.clock.now();
    const [local, context] = await Promise.all([
      localImages(deps, docker, [image.name, ...outside.images], signal),
      snapshotOf(image.context, ignoreOf(ignored)),
    ]);
    const settings = hashOf([
      text,
      ignored,
      image.target ?? null,
      image.args,
      outside.images.map((name) => [name, local.get(name)?.id ?? null]),
      settingsOfDocker.map((name) => deps.env[name] ?? null),
    ]);
    const inputs = { settings, context, lookedAtMs };
    const record = readRecord(fileOf(deps, image));
    const there = local.get(image.name);
    if (record === undefined || there === undefined || record.id !== there.id || record.settings !== settings)
      return { inputs };
    if (record.stat !== context.stat) {
      const content = await context.content(signal);
      if (content !== record.content) return { inputs };
      await write(deps, image, { ...record, ...statOf(inputs) });
    }
    return { inputs, unchanged: { name: image.name, ...there } };
  } catch (error) {
    signal.throwIfAborted();
    // A file that is gone, or not to be read.
    if ((error as NodeJS.ErrnoException).errno !== undefined) return {};
    throw error;
  }
}

/** Writes down what came of a build, unless its context changed while it ran. */
export async function recordBuild(
  deps: Deps,
  image: BuildPlan,
  inputs: BuildInputs,
  built: BuiltImage,
): Promise<void> {
  const content = await inputs.context.content();
  const after = await snapshotOf(image.context, ignoreOf(ignoreText(image)));
  if (after.stat !== inputs.context.stat) return;
  const { settings } = inputs;
  await write(deps, image, { v: 1, settings, content, id: built.id, ...statOf(inputs) });
}

const statOf = ({ context, lookedAtMs }: BuildInputs): { readonly stat?: string } =>
  context.youngestMs + doubtMs < lookedAtMs ? { stat: context.stat } : {};

/** BuildKit takes the one beside the Dockerfile before that of the context. */
function ignoreText({ dockerfile, context }: BuildPlan): string {
  for (const file of [`${dockerfile}.dockerignore`, path.join(context, '.dockerignore')])
    if (fs.existsSync(file)) return fs.readFileSync(file, 'utf8');
  return '';
}

const hashOf = (value: unknown): string => createHash('sha256').update(JSON.stringify(value)).digest('hex');

/** One for each image of each folder. */
const fileOf = ({ env }: Pick<Deps, 'env'>, { name, context, dockerfile, target }: BuildPlan): string =>
  path.join(cacheHome(env), 'builds', `${hashOf([name, context, dockerfile, target ?? null])}.json`);

function readRecord(file: string): BuildRecord | undefined {
  try {
    const record = JSON.parse(fs.readFileSync(file, 'utf8')) as Partial<BuildRecord>;
    return record.v === 1 && typeof record.id === 'string' ? (record as BuildRecord) : undefined;
  } catch {
    return undefined;
  }
}

async function write(deps: Deps, image: BuildPlan, record: BuildRecord): Promise<void> {
  const file = fileOf(deps, image);
  await fs.promises.mkdir(path.dirname(file), { recursive: true });
  await writeByRename(file, JSON.stringify(record));
}
