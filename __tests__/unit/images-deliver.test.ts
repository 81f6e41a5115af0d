import { Readable, Writable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';
import { describe, expect, test } from '@jest/globals';
import type { BuiltImage } from '../../src/images/build.ts';
import { deliverImages, heldBy, isHeld } from '../../src/images/deliver.ts';
import { deliveryQueue } from '../../src/images/delivery-queue.ts';
import { fanOut } from '../../src/images/fan-out.ts';
import { configDigest, ctrArgv, manifestDigest } from '../../src/images/node-images.ts';
import { imageTasks } from '../../src/images/tasks.ts';
import { deliveredText } from '../../src/report/images.ts';
import type { ExecRequest, ExecResult } from '../../src/model/deps.ts';
import type { Task } from '../../src/model/task.ts';
import { clusterNodes, noUsers } from './support/image-users.ts';
import { aPlan, failedWith, fakeDeps, ok, said, type FakeDeps } from './support/phases.ts';

const id = 'sha256:1111';
const manifest = 'sha256:2222';
const listed = (reference: string, digest: string): string =>
  `REF TYPE DIGEST SIZE PLATFORMS LABELS\n${reference} application/vnd.docker.distribution.manifest.v2+json ${digest} 10.0 MiB linux/amd64 io.cri-containerd.image=managed\n`;

interface Node {
  /** Config digest of what it has. */
  has?: string;
  received?: string;
  refuses?: string;
  /** The import says ok, and nothing is there. */
  lies?: boolean;
}

/** Docker with an image, and nodes with a containerd each. */
function world(
  nodes: Record<string, Node>,
  save: (request: ExecRequest) => Promise<ExecResult> = sendBytes,
): FakeDeps {
  const nodeOf = (request: ExecRequest): Node =>
    nodes[request.argv.find((word) => word in nodes) ?? ''] ?? {};
  return fakeDeps([
    ['docker save', save],
    ['cat /etc/containerd/config.toml', said('[plugins]\n  snapshotter = "native"\n')],
    [
      'images list',
      (r) => {
        const { has, received } = nodeOf(r);
        return said(
          (has === undefined ? 'REF\n' : listed('docker.io/library/shop:dev', manifest)) +
            (received === undefined ? '' : listed('docker.io/library/other:1', 'sha256:other')),
        );
      },
    ],
    [
      'content get',
      (r) =>
        said(
          r.argv
            .filter((word) => word.startsWith('sha256:'))
            .map((digest) =>
              digest === manifest ? JSON.stringify({ config: { digest: nodeOf(r).has } }) : '{}',
            )
            .map((text) => `${text}\n==\n`)
            .join(''),
        ),
    ],
    [
      'images import',
      async (request) => {
        const node = nodeOf(request);
        if (node.refuses !== undefined) return failedWith(node.refuses);
        node.received = (await buffer(request.stdin as Readable)).toString();
        if (node.received === '') return failedWith('unexpected EOF');
        if (node.lies !== true) node.has = id;
        return ok;
      },
    ],
  ]);
}
async function sendBytes(request: ExecRequest): Promise<ExecResult> {
  await pipeline(Readable.from([Buffer.from('one '), Buffer.from('two')]), request.stdout as Writable);
  return ok;
}
const shop: BuiltImage = { name: 'shop:dev', id, bytes: 7 };
const deliver = async (
  deps: FakeDeps,
  nodes: readonly string[],
  signal = new AbortController().signal,
  more: readonly BuiltImage[] = [],
) => {
  const images = [shop, ...more];
  const names = images.map(({ name }) => name);
  return deliverImages(deps, {
    docker: 'docker',
    images: images.map((image) => ({ image, nodes })),
    held: await heldBy(deps, 'docker', nodes, names, signal),
    limitMs: 5000,
    signal,
    awaiting: () => undefined,
  });
};

describe('delivery', () => {
  test('one save, all nodes at once, proved afterwards', async () => {
    const nodes = { n1: {}, n2: {}, n3: {} } as Record<string, Node>;
    const deps = world(nodes);
    await expect(deliver(deps, ['n1', 'n2', 'n3'])).resolves.toMatchObject({
      ids: { 'shop:dev': id },
      changed: ['shop:dev'],
      streams: [{ images: ['shop:dev'], nodes: ['n1', 'n2', 'n3'], bytes: 7 }],
    });
    expect(Object.values(nodes).map((node) => node.received)).toEqual(['one two', 'one two', 'one two']);
    expect(deps.commands.filter((line) => line.startsWith('docker save'))).toEqual(['docker save shop:dev']);
    expect(deps.commands).toContain(
      'docker exec --interactive n2 ctr --namespace=k8s.io images import --digests --snapshotter=native -',
    );
  });

  test('a node that has this content is left out; one with other content under the name is not', async () => {
    const nodes = { n1: { has: id }, n2: { has: 'sha256:old' } } as Record<string, Node>;
    await expect(deliver(world(nodes), ['n1', 'n2'])).resolves.toMatchObject({
      streams: [{ nodes: ['n2'] }],
    });
    expect(nodes['n1']?.received).toBeUndefined();
  });

  test('of several images only those are sent that a node lacks', async () => {
    const other = { name: 'other:1', id: 'sha256:other', bytes: 1 };
    const nodes = { n1: { has: id }, n2: { has: id } } as Record<string, Node>;
    const deps = world(nodes);
    await expect(deliver(deps, ['n1', 'n2'], undefined, [other])).resolves.toMatchObject({
      images: ['shop:dev', 'other:1'],
      changed: ['other:1'],
      streams: [{ images: ['other:1'], nodes: ['n1', 'n2'] }],
    });
    expect(deps.commands.filter((line) => line.includes('save'))).toEqual(['docker save other:1']);
  });

  test('nothing is saved when every node has it', async () => {
    const deps = world({ n1: { has: id } });
    await expect(deliver(deps, ['n1'])).resolves.toMatchObject({ changed: [], streams: [] });
    expect(deps.commands.some((line) => line.includes('save'))).toBe(false);
  });

  test("with Docker's containerd store the id is the manifest's", async () => {
    const deps = world({ n1: { has: 'sha256:config' } });
    const image = { name: 'shop:dev', id: manifest, bytes: 1 };
    const signal = new AbortController().signal;
    const options = {
      docker: 'docker',
      images: [{ image, nodes: ['n1'] }],
      held: await heldBy(deps, 'docker', ['n1'], ['shop:dev'], signal),
      limitMs: 1000,
      signal,
      awaiting: () => undefined,
    };
    await expect(deliverImages(deps, options)).resolves.toMatchObject({ streams: [] });
  });

  test('images go only to their own nodes, those with the same nodes together, never two streams at once', async () => {
    const nodes = { n1: {}, n2: {}, n3: {} } as Record<string, Node>;
    let underWay = 0;
    const deps = world(nodes, async (request) => {
      underWay++;
      expect(underWay).toBe(1);
      await sendBytes(request);
      underWay--;
      return ok;
    });
    const signal = new AbortController().signal;
    const other = { name: 'other:1', id: 'sha256:other', bytes: 1 };
    const options = {
      docker: 'docker',
      images: [
        { image: shop, nodes: ['n1', 'n2'] },
        { image: other, nodes: ['n3'] },
        { image: { ...shop, name: 'docker.io/library/shop:dev' }, nodes: ['n2', 'n1'] },
      ],
      held: await heldBy(deps, 'docker', ['n1', 'n2', 'n3'], ['shop:dev', 'other:1'], signal),
      limitMs: 1000,
      signal,
      awaiting: () => undefined,
    };
    await expect(deliverImages(deps, options)).resolves.toMatchObject({
      streams: [
        { images: ['shop:dev', 'docker.io/library/shop:dev'], nodes: ['n1', 'n2'] },
        { images: ['other:1'], nodes: ['n3'] },
      ],
    });
    expect(deps.commands.filter((line) => line.startsWith('docker save'))).toEqual([
      'docker save shop:dev docker.io/library/shop:dev',
      'docker save other:1',
    ]);
  });

  test('one node that fails does not stop the others, and is named with what it said', async () => {
    const nodes = { n1: { refuses: 'ctr: failed to ingest: no space left on device' }, n2: {} } as Record<
      string,
      Node
    >;
    await expect(deliver(world(nodes), ['n1', 'n2'])).rejects.toMatchObject({
      code: 'KET_IMAGE_DELIVERY',
      details: ['n1: ctr: failed to ingest: no space left on device'],
      next: expect.stringContaining('disk'),
    });
    expect(nodes['n2']?.received).toBe('one two');
  });

  test('a failed save is the cause, not the broken imports', () =>
    expect(
      deliver(
        world({ n1: {}, n2: {} }, () => Promise.resolve(failedWith('No such image: shop:dev'))),
        ['n1'],
      ),
    ).rejects.toMatchObject({ details: expect.arrayContaining([expect.stringContaining('No such image')]) }));

  test('an import that left nothing is no delivery', () =>
    expect(deliver(world({ n1: { lies: true } }), ['n1'])).rejects.toThrow(
      'does not list docker.io/library/shop:dev',
    ));

  test('containerd that never answers is named, within a limit', async () => {
    const deps = fakeDeps([['images list', failedWith('connection refused')]]);
    await expect(deliver(deps, ['n1'])).rejects.toMatchObject({
      message: 'containerd of node n1 does not answer',
      details: ['connection refused'],
    });
  });

  test('a cancel is a cancel', async () => {
    const abort = new AbortController();
    const deps = world({ n1: {} }, () => {
      abort.abort(new Error('stop'));
      return Promise.reject(new Error('stop'));
    });
    await expect(deliver(deps, ['n1'], abort.signal)).rejects.toThrow('stop');
  });
});

test('an image is there when each of its nodes has this content', () => {
  const reference = 'docker.io/library/shop:dev';
  const held = new Map([
    ['a', new Map([[reference, [manifest, id]]])],
    ['b', new Map([[reference, ['sha256:older']]])],
    ['c', new Map<string, string[]>()],
  ]);
  const on = (...nodes: string[]): boolean => isHeld(held, { image: shop, nodes });
  expect([on('a'), on('a', 'b'), on('a', 'c'), on('a', 'unknown'), on()]).toEqual([
    ...[true, false, false, false, true],
  ]);
});

describe('one stream to several readers', () => {
  test('a slow reader slows the source, not the content', async () => {
    const fan = fanOut(2);
    const slow = new Promise<number>((resolve) => {
      let bytes = 0;
      const sink = new Writable({
        highWaterMark: 1000,
        write(chunk: Buffer, _encoding, callback) {
          bytes += chunk.length;
          setTimeout(callback, 1);
        },
        final(callback) {
          resolve(bytes);
          callback();
        },
      });
      fan.outputs[1]?.pipe(sink);
    });
    const fast = buffer(fan.outputs[0] as Readable);
    const chunks = Array.from({ length: 100 }, (_, i) => Buffer.alloc(50_000, i));
    await pipeline(Readable.from(chunks), fan.input);
    expect((await fast).equals(Buffer.concat(chunks))).toBe(true);
    expect(await slow).toBe(5_000_000);
    expect(fan.bytes()).toBe(5_000_000);
  });
  test('a reader that goes does not hold the others', async () => {
    const fan = fanOut(2);
    const rest = buffer(fan.outputs[1] as Readable);
    fan.outputs[0]?.destroy();
    await pipeline(Readable.from([Buffer.alloc(3_000_000)]), fan.input);
    expect((await rest).length).toBe(3_000_000);
  });
  test('when all are gone, the source is told', async () => {
    const fan = fanOut(1);
    fan.outputs[0]?.destroy();
    await expect(pipeline(Readable.from([Buffer.alloc(10)]), fan.input)).rejects.toThrow('nobody reads');
  });
});

describe("containerd's answers", () => {
  test('the digest of exactly this reference', () => {
    const text = `${listed('docker.io/library/shop:dev2', 'sha256:no')}${listed('docker.io/library/shop:dev', 'sha256:yes')}`;
    expect(manifestDigest(text, 'docker.io/library/shop:dev')).toBe('sha256:yes');
    expect(manifestDigest('', 'x')).toBeUndefined();
  });
  test("the config's digest of a manifest, none of an index", () => {
    expect(configDigest('{"config":{"digest":"sha256:c"}}')).toBe('sha256:c');
    expect(configDigest('{"manifests":[]}')).toBeUndefined();
    expect(configDigest('cut off {')).toBeUndefined();
  });
  test('stdin only where it is used', () => {
    expect(ctrArgv('docker', 'n', 'images', 'list')).not.toContain('--interactive');
    expect(ctrArgv('docker', 'n', 'images', 'import', '-')).toContain('--interactive');
  });
});

test('one delivery at a time: what comes meanwhile goes together afterwards', async () => {
  const batches: (readonly string[])[] = [];
  let underWay = 0;
  const queue = deliveryQueue(async (batch: readonly string[]) => {
    underWay++;
    expect(underWay).toBe(1);
    batches.push(batch);
    await new Promise((resolve) => setTimeout(resolve, 120));
    underWay--;
    if (batch.includes('bad')) throw new Error('no room');
    return { images: batch, ids: {}, changed: batch, streams: [] };
  });
  const first = queue('a');
  await new Promise((resolve) => setTimeout(resolve, 90));
  const others = [queue('b'), queue('c')];
  await expect(first).resolves.toMatchObject({ images: ['a'] });
  for (const other of others) await expect(other).resolves.toMatchObject({ images: ['b', 'c'] });
  await expect(queue('bad')).rejects.toThrow('no room');
  await expect(queue('d')).resolves.toMatchObject({ images: ['d'] });
  expect(batches).toEqual([['a'], ['b', 'c'], ['bad'], ['d']]);
  // One that cannot be brought keeps no other here.
  const [good, bad] = [queue('e'), queue('bad')];
  await expect(good).resolves.toMatchObject({ images: ['e'] });
  await expect(bad).rejects.toThrow('no room');
  expect(batches.slice(4)).toEqual([['e', 'bad'], ['e'], ['bad']]);
});

test('what can wait goes after all others, also after one that comes later', async () => {
  const batches: (readonly string[])[] = [];
  const queue = deliveryQueue(async (batch: readonly string[]) => {
    batches.push(batch);
    await new Promise((resolve) => setTimeout(resolve, 120));
    return { images: batch, ids: {}, changed: batch, streams: [] };
  });
  const all = [queue('last', true), queue('a')];
  await new Promise((resolve) => setTimeout(resolve, 90));
  all.push(queue('b'));
  await Promise.all(all);
  expect(batches).toEqual([['a'], ['b'], ['last']]);
});

test('images of suites go last: after those of releases are here, unless a release names them', () => {
  const rendered = { id: 'prepare shop' } as unknown as Task;
  const built = (name: string) => ({ name, context: '/', dockerfile: '/Dockerfile', args: {}, limitMs: 1 });
  const tasks = imageTasks(
    aPlan({ images: [built('tests:1'), built('shop:1')], preload: 'auto' }),
    clusterNodes,
    { ...noUsers, rendered: [rendered], last: ['tests:1'] },
  );
  const [ofTests, ofShop] = tasks.deliver;
  expect(ofTests?.after?.map(({ id }) => id)).toEqual(['prepare shop', 'build shop:1', 'pull found images']);
  expect(ofShop?.after).toEqual([]);
});

test('images are built at once, and delivered when the nodes run', () => {
  const built = { name: 'a:1', context: '/', dockerfile: '/Dockerfile', args: {}, limitMs: 1 };
  const tasks = imageTasks(
    aPlan({ images: [built, { name: 'postgres:15', limitMs: 1 }], preload: 'off' }),
    clusterNodes,
    noUsers,
  );
  expect(tasks.all.map((task) => task.id)).toEqual([
    'build a:1',
    'pull postgres:15',
    'images on nodes',
    'deliver a:1',
    'deliver postgres:15',
  ]);
  const { tools, nodes } = clusterNodes;
  expect(tasks.build[0]?.needs).toEqual([tools]);
  expect(tasks.deliver[0]?.needs).toEqual([tools, nodes, tasks.all[2], tasks.build[0]]);
});

const delivered = {
  type: 'delivered',
  task: 'deliver a',
  image: 'a',
  bytes: 3_000_000,
  streamBytes: 3_100_000,
  streamMs: 2000,
  together: 1,
  nodes: ['n'],
} as const;
test.each([
  [delivered, 'a: 3.0 MiB to 1 node in 2 s, 1.6 MB/s to each'],
  [
    { ...delivered, nodes: ['n', 'm'], together: 2 },
    'a: 2.9 MiB to 2 nodes, in one stream of 2 images, 3.0 MiB in 2 s, 1.6 MB/s to each',
  ],
])('what was delivered: %j', (event, text) => expect(deliveredText(event)).toBe(text));
