import { Readable, type Writable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';
import { describe, expect, test } from '@jest/globals';
import type { BuiltImage } from '../../src/images/build.ts';
import { deliverImages, heldBy, type Delivery } from '../../src/images/deliver.ts';
import { layersIn } from '../../src/images/node-images.ts';
import { ownRegistry, placeIn, registryNames, removeRegistry } from '../../src/images/own-registry.ts';
import { registryFrom, wayOf } from '../../src/images/way.ts';
import { deliveredText } from '../../src/report/images.ts';
import type { ExecRequest } from '../../src/model/deps.ts';
import type { Made } from '../../src/model/state.ts';
import { failedWith, fakeDeps, ok, said, type Answer, type FakeDeps } from './support/phases.ts';

const large = registryFrom.new;
const id = `sha256:${'1'.repeat(64)}`;
const shop: BuiltImage = { name: 'shop:dev', id, bytes: large };
const there = `ket-x-registry:${'1'.repeat(32)}`;

test.each([
  ['auto', [large], 2, 'new', 'registry'],
  ['auto', [large - 1], 3, 'new', 'stream'],
  ['auto', [large - 2, 1], 2, 'new', 'stream'],
  ['auto', [large - 1, 1], 2, 'new', 'registry'],
  ['auto', [1e12], 1, 'new', 'stream'],
  ['auto', [registryFrom.stays], 1, 'stays', 'registry'],
  ['auto', [registryFrom.stays - 1], 3, 'stays', 'stream'],
  ['auto', [registryFrom.runs], 1, 'runs', 'registry'],
  ['auto', [registryFrom.runs - 1], 3, 'runs', 'stream'],
  ['registry', [1], 1, 'new', 'registry'],
  ['stream', [1e12], 3, 'runs', 'stream'],
] as const)('%s, %j to %i nodes, the registry is %s: %s', (by, bytes, nodes, registry, way) =>
  expect(wayOf(by, { bytes, nodes, registry })).toBe(way),
);

describe('where a registry is', () => {
  const inspected = (ports: unknown, network: object): string =>
    `true\t${JSON.stringify({ Ports: ports, Networks: { kind: network } })}\n`;
  const ports = { '5000/tcp': [{ HostIp: '127.0.0.1', HostPort: '32768' }] };
  test.each([
    [inspected(ports, { IPAddress: '172.18.0.5' }), { hostPort: '32768', url: 'http://172.18.0.5:5000' }],
    [
      inspected(ports, { IPAddress: '', GlobalIPv6Address: 'fc00::5' }),
      { hostPort: '32768', url: 'http://[fc00::5]:5000' },
    ],
    [inspected(ports, { IPAddress: '' }), undefined],
    [inspected({ '5000/tcp': null }, { IPAddress: '172.18.0.5' }), undefined],
    [inspected(ports, { IPAddress: '172.18.0.5' }).replace('true', 'false'), undefined],
  ])('%j', (text, place) => expect(placeIn(text, 'kind')).toEqual(place));
  test('not in the network of the nodes', () =>
    expect(placeIn(inspected(ports, { IPAddress: '172.18.0.5' }), 'other')).toBeUndefined());
});

test('a registry stands with its cluster; beside one that was there it has a name of its own', () => {
  expect(registryNames('ket-e2e-1', undefined)).toEqual({ name: 'ket-e2e-1-registry' });
  const beside = registryNames('c'.repeat(50), 'run-1');
  expect(beside.there).toBe(`${'c'.repeat(50)}-registry`);
  expect(beside.name).toMatch(/^ket-registry-[0-9a-f]{12}$/);
  expect(registryNames('c', 'run-2').name).not.toBe(beside.name);
});

test('the layers of a manifest, none of an index', () => {
  expect(layersIn('{"layers":[{"digest":"sha256:a","size":3}]}')).toEqual([{ digest: 'sha256:a', size: 3 }]);
  expect(layersIn('{"manifests":[]}')).toBeUndefined();
  expect(layersIn('cut off {')).toBeUndefined();
});

interface World {
  readonly deps: FakeDeps;
  readonly made: Made[];
  readonly notices: string[];
  /** What each node has, and how it came. */
  readonly nodes: Map<string, 'pull' | 'import'>;
}

/** Docker with an image, and nodes; `over` goes before what else commands answer. */
function world(over: readonly (readonly [string, Answer])[] = [], standing = false): World {
  const nodes = new Map<string, 'pull' | 'import'>();
  const made: Made[] = [];
  let runs = standing;
  const nodeOf = ({ argv }: ExecRequest): string => argv.find((word) => /^n\d$/.test(word)) ?? '';
  const settings = {
    Ports: { '5000/tcp': [{ HostPort: '4000' }] },
    Networks: { kind: { IPAddress: '172.18.0.9' } },
  };
  const deps = fakeDeps([
    ...over,
    ['container inspect --format {{json .NetworkSettings.Networks}}', said('{"kind":{}}')],
    ['container inspect --format {{.State.Running}}', () => said(String(runs))],
    ['container inspect', () => (runs ? said(`true\t${JSON.stringify(settings)}`) : failedWith('No such'))],
    ['image inspect', said(`sha256:registry\t1\t["registry:2"]\t[]`)],
    [
      'docker run',
      () => {
        expect(made).toEqual([{ type: 'container', name: 'ket-x-registry' }]);
        runs = true;
        return ok;
      },
    ],
    ['docker rm --force', ok],
    ['docker tag', ok],
    ['docker push', ok],
    ['docker rmi', ok],
    ['image ls', said('')],
    ['cat /etc/containerd/config.toml', said('')],
    [
      'images pull',
      (request) => {
        nodes.set(nodeOf(request), 'pull');
        return ok;
      },
    ],
    [
      'images list',
      (r) => said(nodes.has(nodeOf(r)) ? 'docker.io/library/shop:dev type sha256:m 1 linux/amd64 -' : ''),
    ],
    [
      'content get',
      said(`${JSON.stringify({ config: { digest: id }, layers: [{ digest: 'a', size: 40 }] })}\n==\n`),
    ],
    [
      'docker save',
      async ({ stdout }) => {
        await pipeline(Readable.from([Buffer.from('tar')]), stdout as Writable);
        return ok;
      },
    ],
    [
      'images import',
      async (request) => {
        await buffer(request.stdin as Readable);
        nodes.set(nodeOf(request), 'import');
        return ok;
      },
    ],
  ]);
  return { deps, made, notices: [], nodes };
}

async function deliver(
  { deps, made, notices }: World,
  {
    images = [shop],
    brief = false,
    standing,
    registry = 'registry:2',
  }: { images?: BuiltImage[]; brief?: boolean; standing?: string; registry?: string } = {},
): Promise<Delivery> {
  const signal = new AbortController().signal;
  const state = {
    add: (one: Made) => Promise.resolve(void made.push(one)),
    remove: () => Promise.resolve(void made.splice(0)),
    list: () => made,
  };
  const names = { name: 'ket-x-registry', ...(standing === undefined ? {} : { there: standing }) };
  const own = ownRegistry(deps, { docker: 'docker', image: registry, env: {}, ...names, state });
  return deliverImages(deps, {
    docker: 'docker',
    images: images.map((image) => ({ image, nodes: ['n1', 'n2'] })),
    held: await heldBy(deps, 'docker', ['n1', 'n2'], ['shop:dev'], signal),
    limitMs: 5000,
    signal,
    awaiting: () => undefined,
    registry: { by: 'auto', own, brief, stays: false, failed: (why) => void notices.push(why) },
  });
}

const brought = ({ nodes }: World): string[] => [...nodes].map(([node, how]) => `${node} ${how}`).sort();

describe('delivery by a registry', () => {
  test('listed before it is made; pushed once, pulled by all, named, proved; no name of it stays here', async () => {
    const w = world();
    const { streams } = await deliver(w);
    expect(streams).toEqual([
      { way: 'registry', images: ['shop:dev'], nodes: ['n1', 'n2'], bytes: 40, ms: expect.any(Number) },
    ]);
    expect(brought(w)).toEqual(['n1 pull', 'n2 pull']);
    expect(w.notices).toEqual([]);
    expect(w.made).toEqual([{ type: 'container', name: 'ket-x-registry' }]);
    const its = w.deps.commands.filter((line) => /docker (run|tag|push|rmi)/.test(line));
    expect(its).toEqual([
      'docker run --detach --name ket-x-registry --network kind --publish 127.0.0.1::5000 --env REGISTRY_HTTP_ADDR=:5000 registry:2',
      `docker tag shop:dev 127.0.0.1:4000/${there}`,
      `docker push 127.0.0.1:4000/${there}`,
      `docker rmi --no-prune 127.0.0.1:4000/${there}`,
    ]);
    const pulls = w.deps.commands.filter((line) => line.includes('images pull'));
    expect(pulls.map((line) => line.split('\n').at(-1))).toEqual(
      ['n1', 'n2'].map(
        () =>
          `done sh /run/ket-${there} http://172.18.0.9:5000 overlayfs ${there} docker.io/library/shop:dev`,
      ),
    );
  });

  test('what is small goes by the stream, and nothing is started', async () => {
    const w = world();
    const { streams } = await deliver(w, { images: [{ ...shop, bytes: large - 1 }] });
    expect(streams).toMatchObject([{ way: 'stream' }]);
    expect(w.made).toEqual([]);
    expect(w.deps.commands.filter((line) => /docker (run|push)/.test(line))).toEqual([]);
  });

  test.each<[string, readonly (readonly [string, Answer])[], string]>([
    [
      'its image is not to be had',
      [
        ['image inspect', () => said('')],
        ['docker pull', () => failedWith('no route to host')],
      ],
      'image registry:2 is not on this machine and could not be pulled',
    ],
    [
      'it does not start',
      [['docker run', () => failedWith('no space left')]],
      'could not start a registry: no space',
    ],
    [
      'it dies in the middle of a push',
      [
        [
          'docker push',
          ({ onLine, signal }) => {
            onLine?.('5f70bf18a086: Retrying in 5 seconds', 'stdout');
            return Promise.reject(signal?.reason as Error);
          },
        ],
      ],
      'the registry does not take what Docker sends',
    ],
    [
      'a push fails',
      [['docker push', () => failedWith('unexpected status: 500')]],
      'could not push: unexpected',
    ],
    [
      'a node cannot pull',
      [['images pull', (r) => (r.argv.includes('n2') ? failedWith('no space left on device') : ok)]],
      'a node could not pull: n2: no space left on device',
    ],
    [
      'a node does not list it',
      [['images pull', () => ok]],
      'node n1 does not list docker.io/library/shop:dev',
    ],
  ])('when %s, it is removed, said, and the stream brings all', async (_, over, why) => {
    const w = world(over);
    const { streams } = await deliver(w);
    expect(streams).toMatchObject([{ way: 'stream', images: ['shop:dev'], nodes: ['n1', 'n2'] }]);
    expect(brought(w)).toEqual(['n1 import', 'n2 import']);
    expect(w.notices).toEqual([expect.stringContaining(why)]);
    expect(w.made).toEqual([]);
  });

  test.each([
    [true, 'registry:2', []],
    [false, 'registry:2@sha256:5', ['docker pull --quiet registry:2@sha256:5']],
  ])('Docker has its tag: %s', async (has, used, pulls) => {
    let pulled = has;
    const w = world([
      ['image inspect', () => said(pulled ? `sha256:5\t1\t["registry:2"]\t["registry@sha256:5"]` : '')],
      [
        'docker pull',
        () => {
          pulled = true;
          return ok;
        },
      ],
    ]);
    await deliver(w, { registry: 'registry:2@sha256:5' });
    expect(w.deps.commands.filter((line) => line.startsWith('docker pull'))).toEqual(pulls);
    expect(
      w.deps.commands
        .find((line) => line.startsWith('docker run'))
        ?.split(' ')
        .at(-1),
    ).toBe(used);
  });

  test('while it starts a push is tried again', async () => {
    let tries = 0;
    const refuse = failedWith('dial tcp 127.0.0.1:4000: connect: connection refused');
    const w = world([['docker push', () => (++tries < 4 ? refuse : ok)]]);
    await expect(deliver(w)).resolves.toMatchObject({ streams: [{ way: 'registry' }] });
    expect(tries).toBe(4);
  });

  test('one that never takes connections is given up', async () => {
    const w = world([['docker push', () => failedWith('connection refused')]]);
    await expect(deliver(w)).resolves.toMatchObject({ streams: [{ way: 'stream' }] });
    expect(w.deps.clock.monotonic()).toBeLessThan(15_000);
  });

  test('one that stands with the cluster is used, and left', async () => {
    const w = world([], true);
    const images = [{ ...shop, bytes: registryFrom.runs }];
    await expect(deliver(w, { images, brief: true, standing: 'ket-x-registry' })).resolves.toMatchObject({
      streams: [{ way: 'registry' }],
    });
    expect(w.deps.commands.filter((line) => /docker (run|rm )/.test(line))).toEqual([]);
  });

  test('a brief one goes with its delivery', async () => {
    const w = world();
    await deliver(w, { brief: true });
    expect(brought(w)).toEqual(['n1 pull', 'n2 pull']);
    expect(w.deps.commands).toContain('docker rm --force --volumes ket-x-registry');
    expect(w.made).toEqual([]);
  });
});

describe('the removal', () => {
  test('takes names along that a killed ket left here, and no others', async () => {
    const tag = `127.0.0.1:4000/${there}`;
    const deps = fakeDeps([
      ['docker rm', ok],
      ['image ls', said(`shop:dev\n${tag}\n127.0.0.1:4000/other:1\n127.0.0.1:4000/ket-x-registry-2:11\n`)],
      ['docker rmi', ok],
    ]);
    await removeRegistry(deps, 'docker', 'ket-x-registry');
    expect(deps.commands.at(-1)).toBe(`docker rmi --no-prune ${tag}`);
  });
  test('of one that is gone is none', () =>
    expect(
      removeRegistry(
        fakeDeps([
          ['docker rm', failedWith('Error: No such container: x')],
          ['image ls', said('')],
        ]),
        'docker',
        'x',
      ),
    ).resolves.toBeUndefined());
  test('that fails is said with its cure', () =>
    expect(
      removeRegistry(fakeDeps([['docker rm', failedWith('permission denied')]]), 'docker', 'x'),
    ).rejects.toMatchObject({ next: 'docker rm --force --volumes x' }));
});

test('by a registry is said', () =>
  expect(
    deliveredText({
      ...({ type: 'delivered', task: 'deliver a', image: 'a', bytes: 3_000_000, together: 1 } as const),
      ...({ streamBytes: 3_100_000, streamMs: 2000, nodes: ['n'], way: 'registry' } as const),
    }),
  ).toBe('a: 3.0 MiB to 1 node in 2 s by a registry, 1.6 MB/s to each'));
