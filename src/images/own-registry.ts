import { createHash } from 'node:crypto';
import type { Deps, ExecResult } from '../model/deps.ts';
import { KetError } from '../model/errors.ts';
import { formatMs } from '../model/format.ts';
import type { StateFile } from '../model/state.ts';
import type { BuiltImage } from './build.ts';
import { localImages } from './local.ts';
import { pullImage } from './pull.ts';

/** A registry container on the network of the nodes, for images that ket brings to them. */
export interface OwnRegistry {
  /** Whether it was started already, here or with its cluster. */
  runs(signal: AbortSignal): Promise<boolean>;
  /**
   * Pushes images; Docker sends only layers that it lacks. Gives where nodes find it, and by name under which reference
   * each image is there. Rejects with a KetError when it cannot be had or does not take them; then it is not to be used
   * again.
   */
  push(
    images: readonly BuiltImage[],
    options: { readonly node: string; readonly limitMs: number; readonly signal: AbortSignal },
  ): Promise<Pushed>;
  /** Removes it, if it was started here. */
  close(): Promise<void>;
}

export interface Pushed {
  /** `http://172.18.0.5:5000`: by its address, which kind excepts from proxies, and not by its name. */
  readonly url: string;
  /** By name of an image: repository and tag. */
  readonly references: ReadonlyMap<string, string>;
}

export interface OwnRegistryOptions {
  readonly docker: string;
  /** Image of the registry. */
  readonly image: string;
  /** Added to the environment of Docker where it pulls that. */
  readonly env: Readonly<Record<string, string>>;
  /** Of the container. */
  readonly name: string;
  /** One that stands with the cluster, and is used where it runs. */
  readonly there?: string;
  readonly state: StateFile;
}

const port = '5000/tcp';
const askMs = 30_000;
/** A registry's image has some MB; in this time the stream would have brought much already. */
const pullMs = 20_000;
/** From its start until it takes connections. */
const upMs = 10_000;
const betweenMs = 100;

/** Started with the first push. */
export function ownRegistry(deps: Deps, options: OwnRegistryOptions): OwnRegistry {
  const { docker, name, state } = options;
  let place: (Named & { readonly since: number }) | undefined;
  let made = false;
  const ask = async (argv: readonly string[], signal?: AbortSignal): Promise<ExecResult> =>
    deps.exec({ argv: [docker, ...argv], limitMs: askMs, ...(signal === undefined ? {} : { signal }) });
  const must = async (what: string, argv: readonly string[], signal: AbortSignal): Promise<string> => {
    const result = await ask(argv, signal);
    if (result.code === 0) return result.stdout;
    throw refused(what, result);
  };
  const find = async (
    container: string,
    network: string,
    signal: AbortSignal,
  ): Promise<Named | undefined> => {
    const format = '{{json .State.Running}}\t{{json .NetworkSettings}}';
    const { code, stdout } = await ask(['container', 'inspect', '--format', format, container], signal);
    const found = code === 0 ? placeIn(stdout, network) : undefined;
    return found === undefined ? undefined : { ...found, name: container };
  };
  const start = async (node: string, signal: AbortSignal): Promise<Named> => {
    const networks = ['container', 'inspect', '--format', '{{json .NetworkSettings.Networks}}', node];
    const network = Object.keys(
      JSON.parse(await must('look at the network of the nodes', networks, signal)) as object,
    )[0];
    if (network === undefined) throw new KetError('KET_IMAGE_DELIVERY', `node ${node} is in no network`);
    const there = options.there === undefined ? undefined : await find(options.there, network, signal);
    if (there !== undefined) return there;
    const image = await imageHere(deps, options, signal);
    await state.add({ type: 'container', name });
    made = true;
    const how = ['--detach', '--name', name, '--network', network, '--publish', '127.0.0.1::5000'];
    await must('start a registry', ['run', ...how, '--env', 'REGISTRY_HTTP_ADDR=:5000', image], signal);
    const started = await find(name, network, signal);
    if (started === undefined)
      throw new KetError('KET_IMAGE_DELIVERY', `registry ${name} ended right after its start`, {
        next: `see docker logs ${name}`,
      });
    return started;
  };
  return {
    async runs(signal) {
      if (place !== undefined || options.there === undefined) return place !== undefined;
      const argv = ['container', 'inspect', '--format', '{{.State.Running}}', options.there];
      const { code, stdout } = await ask(argv, signal);
      return code === 0 && stdout.trim() === 'true';
    },
    async push(images, { node, limitMs, signal }) {
      place ??= { ...(await start(node, signal)), since: deps.clock.monotonic() };
      const { since, hostPort, url } = place;
      const references = new Map(
        images.map((image) => [image.name, `${place?.name ?? name}:${tagOf(image)}`]),
      );
      const tags = [...new Set(references.values())].map((one) => `127.0.0.1:${hostPort}/${one}`);
      try {
        for (const image of images) {
          const tag = `127.0.0.1:${hostPort}/${references.get(image.name) ?? ''}`;
          await must(`tag ${image.name}`, ['tag', image.name, tag], signal);
        }
        // Docker itself sends a layer once that several of them have.
        await Promise.all(tags.map((tag) => pushOne(deps, docker, tag, { since, limitMs, signal })));
      } finally {
        await ask(['rmi', '--no-prune', ...tags]).catch(() => undefined);
      }
      return { url, references };
    },
    async close() {
      place = undefined;
      if (!made) return;
      await removeRegistry(deps, docker, name);
      await state.remove({ type: 'container', name });
      made = false;
    },
  };
}

/**
 * A registry stands with its cluster; of a cluster that was there before the run (`run`) one that does is used, and
 * else the run has one of its own. A cluster's name has 50 characters at most, a name in Docker's DNS 63.
 */
export function registryNames(cluster: string, run: string | undefined): { name: string; there?: string } {
  const standing = `${cluster}-registry`;
  if (run === undefined) return { name: standing };
  const hash = createHash('sha256').update(run).digest('hex').slice(0, 12);
  return { name: `ket-registry-${hash}`, there: standing };
}

/** The name by which Docker has the image: by its tag as well, where it was loaded without a digest. */
async function imageHere(
  deps: Deps,
  { docker, image, env }: OwnRegistryOptions,
  signal: AbortSignal,
): Promise<string> {
  const byTag = image.replace(/(:[^:/@]+)@.*$/, '$1');
  if ((await localImages(deps, docker, [byTag], signal)).size > 0) return byTag;
  await pullImage(deps, { ...{ docker, env, signal }, image: { name: image, limitMs: pullMs } });
  return image;
}

/** The same content has the same tag. */
const tagOf = ({ id }: BuiltImage): string => id.replace(/^sha256:/, '').slice(0, 32);

/**
 * Docker tries an upload five times, for a minute in all. On this machine nothing passes by itself that makes it
 * fail, so the first attempt counts.
 */
async function pushOne(
  deps: Deps,
  docker: string,
  tag: string,
  options: { readonly since: number; readonly limitMs: number; readonly signal: AbortSignal },
): Promise<void> {
  const { since, limitMs, signal } = options;
  for (;;) {
    const again = new AbortController();
    const lost = new KetError('KET_IMAGE_DELIVERY', 'the registry does not take what Docker sends', {
      next: 'docker system df shows whether the disk of Docker is full',
    });
    const result = await deps.exec({
      argv: [docker, 'push', tag],
      limitMs,
      signal: AbortSignal.any([signal, again.signal]),
      onLine: (line) => {
        if (/: Retrying in \d+ second/.test(line)) again.abort(lost);
      },
    });
    if (result.code === 0) return;
    const starting = /connection refused|connection reset|EOF/.test(result.stderr);
    if (result.timedOut || !starting || deps.clock.monotonic() > since + upMs)
      throw result.timedOut
        ? new KetError('KET_IMAGE_DELIVERY', `a push was not done within ${formatMs(limitMs)}`)
        : refused('push', result);
    await deps.clock.sleep(betweenMs, signal);
  }
}

function refused(what: string, { stderr }: ExecResult): KetError {
  const details = stderr.trim().split('\n').slice(-5);
  return new KetError('KET_IMAGE_DELIVERY', `docker could not ${what}: ${details.at(-1) ?? ''}`, { details });
}

/** The container and what it stored; and names that a push gave to images here, of which a killed ket may leave some. */
export async function removeRegistry(deps: Pick<Deps, 'exec'>, docker: string, name: string): Promise<void> {
  const argv = [docker, 'rm', '--force', '--volumes', name];
  const removed = await deps.exec({ argv, limitMs: 60_000 });
  if (removed.code !== 0 && !/no such container/i.test(removed.stderr))
    throw new KetError('KET_STATE', `container ${name} could not be removed`, {
      details: removed.stderr.trim().split('\n').slice(-5),
      next: argv.join(' '),
    });
  const listed = await deps.exec({
    argv: [docker, 'image', 'ls', '--format', '{{.Repository}}:{{.Tag}}'],
    limitMs: askMs,
  });
  const left = listed.stdout.split('\n').filter((line) => tagsOf(name).test(line));
  if (left.length > 0)
    await deps.exec({ argv: [docker, 'rmi', '--no-prune', ...left], limitMs: askMs }).catch(() => undefined);
}

const tagsOf = (name: string): RegExp => new RegExp(`^127\\.0\\.0\\.1:\\d+/${name}:[0-9a-f]+$`);

type Named = Place & { readonly name: string };

/** Where a registry is. */
export interface Place {
  /** On the loopback of the machine that Docker runs on. */
  readonly hostPort: string;
  readonly url: string;
}

/** In what Docker says of the container; undefined when it does not run, or not in this network. */
export function placeIn(inspected: string, network: string): Place | undefined {
  const [running, settings = 'null'] = inspected.trim().split('\t');
  if (running !== 'true') return undefined;
  const { Ports, Networks } = JSON.parse(settings) as Settings;
  const hostPort = Ports?.[port]?.[0]?.HostPort;
  const found = Networks?.[network];
  const address =
    found?.IPAddress !== undefined && found.IPAddress !== ''
      ? found.IPAddress
      : found?.GlobalIPv6Address !== undefined && found.GlobalIPv6Address !== ''
        ? `[${found.GlobalIPv6Address}]`
        : undefined;
  if (hostPort === undefined || address === undefined) return undefined;
  return { hostPort, url: `http://${address}:5000` };
}

interface Settings {
  readonly Ports?: Readonly<Record<string, readonly { readonly HostPort: string }[] | null>>;
  readonly Networks?: Readonly<
    Record<string, { readonly IPAddress?: string; readonly GlobalIPv6Address?: string }>
  >;
}
