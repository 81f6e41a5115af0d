import crypto from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { deliverImages, heldBy } from '../src/images/deliver.ts';
import { localImages } from '../src/images/local.ts';
import { ownRegistry, type OwnRegistry } from '../src/images/own-registry.ts';
import { nodesFor } from '../src/images/nodes-for.ts';
import { usageOf } from '../src/images/usage.ts';
import { factsOfPlan } from '../src/cluster/node-facts.ts';
import { realClock } from '../src/tools/clock.ts';
import { exec } from '../src/tools/exec.ts';
import type { Commands } from './commands.ts';
import { registryFloor } from './floor/delivery-registry.ts';
import { floor } from './floor/delivery.ts';

/** The ways by which an image comes to nodes. */
export const ways = ['ket', 'stream', 'registry', 'floor', 'registry-floor', 'kind-nodes', 'kind'] as const;
export type Way = (typeof ways)[number];

export const wayTitles: Record<Way, string> = {
  ket: 'ket, as it chooses: to the nodes on which it may run',
  stream: 'ket by a stream, the same nodes',
  registry: 'ket by a registry, the same nodes',
  floor: 'floor of a stream: save, tee and import, the same nodes',
  'registry-floor': 'floor of a registry: push and pull, the same nodes',
  'kind-nodes': '`kind load docker-image --nodes`, the same nodes',
  kind: '`kind load docker-image`, all three nodes',
};

export interface Place {
  readonly commands: Commands;
  readonly cluster: string;
  /** The first is the control plane. */
  readonly nodes: readonly string[];
  readonly image: string;
  /** Image of a registry; without it ket has the stream alone. */
  readonly registry: string | undefined;
  readonly signal: AbortSignal;
}

/** Ms by one of the ways; each node that is to have the image lacks it before. */
export async function deliverBy(way: Way, place: Place): Promise<number> {
  const { commands, cluster, image, nodes, signal } = place;
  const workers = nodes.slice(1);
  if (way === 'floor') return floor(image, workers, signal);
  if (way === 'registry-floor') {
    const { registry = '' } = place;
    return registryFloor({ image, fullName: `docker.io/library/${image}`, registry }, workers, signal);
  }
  const began = performance.now();
  if (way === 'kind' || way === 'kind-nodes') {
    const only = way === 'kind' ? [] : ['--nodes', workers.join(',')];
    await commands.run(['kind', 'load', 'docker-image', image, '--name', cluster, ...only]);
  } else await byKet(place, way === 'ket' ? 'auto' : way);
  return performance.now() - began;
}

/** As a run does it: a suite's pod uses the image. A registry is started for this delivery, and removed after it. */
async function byKet(place: Place, by: By): Promise<void> {
  const { image, nodes } = place;
  const roles = nodes.map((_, index) => (index === 0 ? 'control-plane' : 'worker'));
  const plan = {
    configs: [],
    kindConfig: {},
    nodes: roles,
    disableDefaultCNI: false,
    hostPorts: [],
    readyMs: 0,
    throwaway: false,
  };
  const to = nodesFor(image, [usageOf([{ containers: [{ image }] }])], factsOfPlan(plan, nodes));
  if (to.length !== nodes.length - 1) throw new Error(`ket would bring it to ${to.join(' ')}`);
  const own = registryOf(place.registry);
  try {
    await bring(place, to, by, own);
  } finally {
    await own.close();
  }
}

type By = 'auto' | 'stream' | 'registry';

/** Started by the first delivery that wants it. */
export function registryOf(image: string | undefined): OwnRegistry {
  const deps = { exec, clock: realClock, env: process.env };
  const name = `bench-registry-${crypto.randomBytes(4).toString('hex')}`;
  const state = { add: () => Promise.resolve(), remove: () => Promise.resolve(), list: () => [] };
  return ownRegistry(deps, { docker: 'docker', image: image ?? '', env: {}, name, state });
}

/** From the look at what the nodes have to the proof that they have it. */
export async function bring(
  { image, registry, signal }: Pick<Place, 'image' | 'registry' | 'signal'>,
  to: readonly string[],
  by: By,
  own: OwnRegistry,
): Promise<void> {
  const deps = { exec, clock: realClock, env: process.env };
  const [held, local] = await Promise.all([
    heldBy(deps, 'docker', to, [image], signal),
    localImages(deps, 'docker', [image], signal),
  ]);
  const found = local.get(image);
  if (found === undefined) throw new Error(`Docker has no ${image}`);
  const failed = (why: string): void => {
    throw new Error(why);
  };
  const { changed } = await deliverImages(deps, {
    docker: 'docker',
    images: [{ image: { name: image, ...found }, nodes: to }],
    held,
    limitMs: 600_000,
    signal,
    awaiting: () => undefined,
    ...(registry === undefined ? {} : { registry: { by, own, brief: false, stays: false, failed } }),
  });
  if (changed.length !== 1) throw new Error('ket brought nothing');
}

/** What a node has, to see that nothing of an image stays: by names alone that is not seen. */
interface Contents {
  readonly names: ReadonlySet<string>;
  readonly snapshots: number;
  readonly contents: number;
}
export type Before = ReadonlyMap<string, Contents>;

/** What nodes have before any way; once their pods run, so that nothing more comes by itself. */
export async function contentsOf({ commands, nodes }: Pick<Place, 'commands' | 'nodes'>): Promise<Before> {
  return new Map(
    await Promise.all(nodes.map(async (node) => [node, await lookInto(commands, node)] as const)),
  );
}

const ctr = (node: string, ...args: readonly string[]): string[] => [
  ...['docker', 'exec', node, 'ctr', '--namespace=k8s.io'],
  ...args,
];

async function lookInto(commands: Commands, node: string): Promise<Contents> {
  const lines = async (...args: readonly string[]): Promise<string[]> =>
    (await commands.run(ctr(node, ...args))).split('\n').filter((line) => line !== '');
  return {
    names: new Set(await lines('images', 'list', '-q')),
    snapshots: (await lines('snapshots', 'list')).length,
    contents: (await lines('content', 'list', '-q')).length,
  };
}

/**
 * Leaves nothing of the image on any node; throws when one did not have it that should. An import and the kubelet's
 * interface give an image names of their own, by which its layers would stay and make the next way fast.
 */
export async function forget(
  { commands, nodes, image }: Pick<Place, 'commands' | 'nodes' | 'image'>,
  way: Way,
  before: Before,
  had = way === 'kind' ? nodes : nodes.slice(1),
): Promise<void> {
  const reference = `docker.io/library/${image}`;
  await Promise.all(
    nodes.map(async (node) => {
      const was = before.get(node);
      let now = await lookInto(commands, node);
      const there = now.names.has(reference);
      if (was === undefined || there !== had.includes(node))
        throw new Error(`${way}: ${node} has it: ${String(there)}`);
      for (let tries = 0; !isAs(was, now); tries++) {
        if (tries > 20) throw new Error(`${way}: ${node} keeps something of it`);
        for (const name of now.names)
          if (!was.names.has(name)) await commands.attempt(ctr(node, 'images', 'rm', '--sync', name));
        await sleep(400);
        now = await lookInto(commands, node);
      }
    }),
  );
}

const isAs = (was: Contents, now: Contents): boolean =>
  now.names.size <= was.names.size && now.snapshots <= was.snapshots && now.contents <= was.contents;

/** An image of so many MB in four layers, half of which cannot be compressed. */
export async function makeImage(
  commands: Commands,
  folder: string,
  megabytes: number,
  from = 'busybox:1.36',
  layers = 4,
): Promise<string> {
  const chunk = Buffer.alloc(1_000_000, 'what is in images is often alike. ');
  fs.mkdirSync(folder, { recursive: true });
  for (let layer = 0; layer < layers; layer++) {
    const fd = fs.openSync(path.join(folder, `layer-${String(layer)}`), 'w');
    for (let i = 0; i < megabytes / layers; i++)
      fs.writeSync(fd, i % 2 === 0 ? crypto.randomBytes(chunk.length) : chunk);
    fs.closeSync(fd);
  }
  const copies = Array.from(
    { length: layers },
    (_, layer) => `COPY layer-${String(layer)} /of-${String(megabytes)}/`,
  );
  fs.writeFileSync(path.join(folder, 'Dockerfile'), [`FROM ${from}`, ...copies, ''].join('\n'));
  const image = `bench-delivery-${crypto.randomBytes(4).toString('hex')}:dev`;
  await commands.run(['docker', 'build', '--quiet', '--tag', image, folder]);
  fs.rmSync(folder, { recursive: true });
  return image;
}

/** The image of a registry: Debian's. */
export async function makeRegistry(commands: Commands, folder: string): Promise<string> {
  fs.mkdirSync(folder, { recursive: true });
  const config = { version: 0.1, storage: { filesystem: { rootdirectory: '/var/lib/registry' } }, http: {} };
  fs.writeFileSync(path.join(folder, 'config.yml'), JSON.stringify(config));
  const lines = [
    'FROM debian:bookworm-slim',
    'RUN apt-get update && apt-get install -y --no-install-recommends docker-registry',
    'COPY config.yml /config.yml',
    'VOLUME /var/lib/registry',
    'CMD ["docker-registry", "serve", "/config.yml"]',
  ];
  fs.writeFileSync(path.join(folder, 'Dockerfile'), `${lines.join('\n')}\n`);
  const image = `bench-registry-${crypto.randomBytes(4).toString('hex')}:dev`;
  await commands.run(['docker', 'build', '--quiet', '--tag', image, folder]);
  return image;
}
