import crypto from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { deliverImages, heldBy } from '../src/images/deliver.ts';
import { localImages } from '../src/images/local.ts';
import { nodesFor } from '../src/images/nodes-for.ts';
import { usageOf } from '../src/images/usage.ts';
import { factsOfPlan } from '../src/cluster/node-facts.ts';
import { realClock } from '../src/tools/clock.ts';
import { exec } from '../src/tools/exec.ts';
import type { Commands } from './commands.ts';
import { floor } from './floor/delivery.ts';

/** The ways by which an image comes to nodes. */
export const ways = ['ket', 'floor', 'registry', 'kind-nodes', 'kind'] as const;
export type Way = (typeof ways)[number];

export const wayTitles: Record<Way, string> = {
  ket: 'ket: to the nodes on which it may run',
  floor: 'the floor: save, tee and import, the same nodes',
  registry: 'a registry of its own: push, then pull by the same nodes',
  'kind-nodes': '`kind load docker-image --nodes`, the same nodes',
  kind: '`kind load docker-image`, all three nodes',
};

export interface Place {
  readonly commands: Commands;
  readonly cluster: string;
  /** The first is the control plane. */
  readonly nodes: readonly string[];
  readonly image: string;
  /** Image of a registry, for that way. */
  readonly registry: string | undefined;
  readonly signal: AbortSignal;
}

/** Ms by one of the ways; each node that is to have the image lacks it before. */
export async function deliverBy(way: Way, place: Place): Promise<number> {
  const { commands, cluster, image, nodes, signal } = place;
  const workers = nodes.slice(1);
  if (way === 'floor') return floor(image, workers, signal);
  const began = performance.now();
  if (way === 'ket') await byKet(place);
  else if (way === 'registry') await byRegistry(place, workers);
  else {
    const only = way === 'kind' ? [] : ['--nodes', workers.join(',')];
    await commands.run(['kind', 'load', 'docker-image', image, '--name', cluster, ...only]);
  }
  return performance.now() - began;
}

/** As a run does it: a suite's pod uses the image. */
async function byKet({ image, nodes, signal }: Place): Promise<void> {
  const deps = { exec, clock: realClock, env: process.env };
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
  const [held, local] = await Promise.all([
    heldBy(deps, 'docker', to, [image], signal),
    localImages(deps, 'docker', [image], signal),
  ]);
  const found = local.get(image);
  if (found === undefined) throw new Error(`Docker has no ${image}`);
  const { changed } = await deliverImages(deps, {
    docker: 'docker',
    images: [{ image: { name: image, ...found }, nodes: to }],
    held,
    limitMs: 600_000,
    signal,
    awaiting: () => undefined,
  });
  if (changed.length !== 1 || to.length !== nodes.length - 1)
    throw new Error(`ket brought nothing: ${to.join(' ')}`);
}

/** A registry container for this one delivery; what runs in nodes is found under the image's own name afterwards. */
async function byRegistry({ commands, image, registry }: Place, workers: readonly string[]): Promise<void> {
  if (registry === undefined) throw new Error('no image of a registry');
  const name = `bench-registry-${crypto.randomBytes(4).toString('hex')}`;
  const here = ['--detach', '--name', name, '--network', 'kind', '--publish', '127.0.0.1::1338'];
  await commands.run(['docker', 'run', ...here, '--env', 'PORT=1338', registry, 'serve']);
  let pushed = '';
  try {
    const port = (await commands.run(['docker', 'port', name, '1338/tcp'])).trim().split(':').at(-1) ?? '';
    await answers(`http://127.0.0.1:${port}/v2/`);
    pushed = `127.0.0.1:${port}/${image}`;
    await commands.run(['docker', 'tag', image, pushed]);
    await commands.run(['docker', 'push', '--quiet', pushed]);
    const pulled = `${name}:1338/${image}`;
    await Promise.all(
      workers.map(async (node) => {
        const ctr = ['docker', 'exec', node, 'ctr', '--namespace=k8s.io', 'images'];
        await commands.run([...ctr, 'pull', '--plain-http', pulled]);
        await commands.run([...ctr, 'tag', '--force', pulled, `docker.io/library/${image}`]);
        await commands.run([...ctr, 'rm', pulled]);
      }),
    );
  } finally {
    await commands.uninterrupted().attempt(['docker', 'image', 'rm', pushed]);
    await commands.uninterrupted().run(['docker', 'rm', '--force', name]);
  }
}

async function answers(url: string): Promise<void> {
  for (let i = 0; ; i++) {
    const response = await fetch(url).catch(() => undefined);
    if (response?.ok === true) return;
    if (i > 400) throw new Error(`${url} does not answer`);
    await sleep(25);
  }
}

/** Leaves nothing of the image on any node; throws when one did not have it that should. */
export async function forget({ commands, nodes, image }: Place, way: Way): Promise<void> {
  const reference = `docker.io/library/${image}`;
  await Promise.all(
    nodes.map(async (node, index) => {
      const ctr = ['docker', 'exec', node, 'ctr', '--namespace=k8s.io', 'images'];
      const there = (await commands.run([...ctr, 'list', '-q', `name==${reference}`])).trim() === reference;
      if (there !== (way === 'kind' || index > 0))
        throw new Error(`${way}: ${node} has it: ${String(there)}`);
      if (there) await commands.run([...ctr, 'rm', '--sync', reference]);
    }),
  );
}

/** An image of so many MB in four layers, half of which cannot be compressed. */
export async function makeImage(commands: Commands, folder: string, megabytes: number): Promise<string> {
  const layers = 4;
  const chunk = Buffer.alloc(1_000_000, 'what is in images is often alike. ');
  fs.mkdirSync(folder, { recursive: true });
  for (let layer = 0; layer < layers; layer++) {
    const fd = fs.openSync(path.join(folder, `layer-${String(layer)}`), 'w');
    for (let i = 0; i < megabytes / layers; i++)
      fs.writeSync(fd, i % 2 === 0 ? crypto.randomBytes(chunk.length) : chunk);
    fs.closeSync(fd);
  }
  const copies = Array.from({ length: layers }, (_, layer) => `COPY layer-${String(layer)} /`);
  fs.writeFileSync(path.join(folder, 'Dockerfile'), ['FROM busybox:1.36', ...copies, ''].join('\n'));
  const image = `bench-delivery-${crypto.randomBytes(4).toString('hex')}:dev`;
  await commands.run(['docker', 'build', '--quiet', '--tag', image, folder]);
  fs.rmSync(folder, { recursive: true });
  return image;
}

/** The image of a small registry, built from its Go module; it keeps what it gets in memory. */
export async function makeRegistry(commands: Commands, folder: string): Promise<string> {
  fs.mkdirSync(folder, { recursive: true });
  const module = 'github.com/google/go-containerregistry/cmd/registry@v0.20.6';
  await commands.run([
    'env',
    'CGO_ENABLED=0',
    `GOBIN=${folder}`,
    'GOFLAGS=-trimpath',
    'go',
    'install',
    module,
  ]);
  fs.writeFileSync(
    path.join(folder, 'Dockerfile'),
    'FROM scratch\nCOPY registry /registry\nENTRYPOINT ["/registry"]\n',
  );
  await commands.run(['docker', 'build', '--quiet', '--tag', 'bench-registry:dev', folder]);
  return 'bench-registry:dev';
}
