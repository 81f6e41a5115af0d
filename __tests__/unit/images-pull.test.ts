import { describe, expect, test } from '@jest/globals';
import { KetError } from '../../src/model/errors.ts';
import type { ExecResult } from '../../src/model/deps.ts';
import type { Plan } from '../../src/model/plan.ts';
import type { Task } from '../../src/model/task.ts';
import type { BuiltImage } from '../../src/images/build.ts';
import type { Delivery, Held } from '../../src/images/deliver.ts';
import { preloadTasks } from '../../src/images/preload.ts';
import { pullImage } from '../../src/images/pull.ts';
import { imageTasks } from '../../src/images/tasks.ts';
import { clusterNodes, noUsers } from './support/image-users.ts';
import { aPlan, failedWith, fakeContext, fakeDeps, ok, said } from './support/phases.ts';

const signal = new AbortController().signal;
const sha = (digit: string): string => `sha256:${digit.repeat(64)}`;
const thrown = (work: Promise<unknown>): Promise<KetError> =>
  work.then(
    () => {
      throw new Error('nothing was wrong');
    },
    (error: unknown) => error as KetError,
  );

describe('an image that is not built', () => {
  const image = { name: 'postgres:15', limitMs: 60_000 };
  const pull = (inspected: readonly ExecResult[], pulled: ExecResult) => {
    let asked = 0;
    const deps = fakeDeps([
      ['image inspect', () => inspected[Math.min((asked += 1), inspected.length) - 1] ?? ok],
      ['docker pull', (request) => ({ ...pulled, stdout: request.env?.['DOCKER_CONFIG'] ?? '' })],
    ]);
    return { work: pullImage(deps, { docker: 'docker', image, env: { DOCKER_CONFIG: '/r' }, signal }), deps };
  };
  const none = failedWith('No such image');

  test('is taken as Docker has it, and nothing is asked of a registry', async () => {
    const { work, deps } = pull([said('id1 42')], ok);
    expect(await work).toEqual({ name: 'postgres:15', id: 'id1', bytes: 42 });
    expect(deps.commands.filter((line) => line.includes('pull'))).toEqual([]);
  });

  test('is pulled where Docker does not have it', async () => {
    const { work, deps } = pull([none, said('id1 42')], ok);
    expect(await work).toMatchObject({ id: 'id1' });
    expect(deps.commands).toContain('docker pull --quiet postgres:15');
  });

  test.each<[string, ExecResult, string]>([
    ['refused', failedWith('a\nb\nmanifest unknown'), 'is not on this machine and could not be pulled'],
    ['too slow', { ...ok, timedOut: true }, 'was not pulled within 1 min'],
  ])('%s: its name, what Docker said, and how to try it', async (_, result, message) => {
    const error = await thrown(pull([none], result).work);
    expect(error).toMatchObject({ code: 'KET_IMAGE_DELIVERY', message: `image postgres:15 ${message}` });
    expect(error.next).toContain('docker pull postgres:15');
  });
});

const { tools, nodes } = clusterNodes;

test('in production mode nothing is built, pulled here or brought to nodes', () => {
  const images = [
    { name: 'a:1', digest: sha('a'), limitMs: 1 },
    { name: 'b:1', context: '/', dockerfile: '/D', args: {}, limitMs: 1 },
  ];
  const of = (production: boolean): readonly Task[] =>
    imageTasks(aPlan({ images, preload: 'auto', production }), clusterNodes, noUsers).all;
  expect(of(true)).toEqual([]);
  expect(of(false)).not.toEqual([]);
});

describe('images that are found', () => {
  const held = { id: 'held' } as unknown as Task<Held>;
  const pod = (...images: string[]): object => ({
    kind: 'Pod',
    spec: { containers: images.map((image) => ({ name: 'c', image })) },
  });

  /** Pulls and delivers; a registry has what is in `has`. */
  async function found(
    over: Pick<Partial<Plan>, 'images' | 'preload'>,
    pods: readonly object[],
    has: readonly string[],
    bring: (image: BuiltImage) => Promise<void> = () => Promise.resolve(),
  ) {
    const inHand = new Set<string>();
    const limits: number[] = [];
    const nameOf = (argv: readonly string[]): string => argv.at(-1) ?? '';
    const deps = fakeDeps([
      [
        'image inspect',
        ({ argv }) => (inHand.has(nameOf(argv)) ? said(`id-${nameOf(argv)} 7`) : failedWith('none')),
      ],
      [
        'docker pull',
        ({ argv, limitMs }) => {
          limits.push(limitMs);
          if (!has.includes(nameOf(argv))) return failedWith('first\npull access denied');
          inHand.add(nameOf(argv));
          return ok;
        },
      ],
      ['images list', said('REF\n')],
      ['', ok],
    ]);
    const brought: [string, readonly string[]][] = [];
    const tasks = preloadTasks({
      ...{ plan: { images: [], preload: 'auto', ...over }, tools, nodes, held },
      users: { pods, rendered: [], releases: () => [undefined], env: {} },
      bring: async (image, to): Promise<Delivery> => {
        await bring(image);
        brought.push([image.name, to]);
        return { images: [image.name], ids: {}, changed: [image.name], streams: [] };
      },
      nodesOf: () => ['w2'],
    });
    const outputs: [Task, unknown][] = [
      [tools, { docker: 'docker' }],
      [nodes, { name: 'c', nodes: ['w1', 'w2'], facts: [] }],
      [held, new Map()],
    ];
    const context = fakeContext(deps, outputs);
    const run = async () => {
      outputs.push([tasks.pull, await tasks.pull.run(context)]);
      return tasks.deliver.run(context);
    };
    const end = await run().catch((error: unknown) => error as KetError);
    const notices = context.events.flatMap((event) =>
      event.type === 'notice' ? [`${event.level}: ${event.text}`] : [],
    );
    return { end, brought, notices, limits, commands: deps.commands };
  }

  test('go where their pods may run, and the nodes are told by which content', async () => {
    const { end, brought, notices } = await found({}, [pod('web:1', 'db:2')], ['web:1', 'db:2']);
    expect(brought.sort()).toEqual([
      ['db:2', ['w2']],
      ['web:1', ['w2']],
    ]);
    expect(end).toMatchObject({ ids: { 'web:1': 'id-web:1', 'db:2': 'id-db:2' } });
    expect(notices).toEqual([]);
  });

  test('that cannot be had are left to the nodes, and said; louder for those that are listed', async () => {
    const auto = await found({}, [pod('web:1', 'gone:1')], ['web:1']);
    expect(auto.brought).toHaveLength(1);
    expect(auto.notices).toEqual([
      'info: image gone:1 could not be pulled here, so nodes that lack it pull it themselves: pull access denied',
    ]);
    const { notices, limits } = await found({ preload: ['gone:1'] }, [], []);
    // Releases wait for it.
    expect([auto.limits, limits]).toEqual([[180_000, 180_000], [600_000]]);
    expect(notices).toEqual([expect.stringMatching(/^warning: image gone:1 could not be pulled here/)]);
  });

  test('by a digest of the plan must be had', async () => {
    const images = [{ name: 'api:1', digest: sha('a'), limitMs: 1 }];
    const { end } = await found({ images, preload: 'off' }, [], []);
    expect(end).toMatchObject({
      code: 'KET_IMAGE_DELIVERY',
      message: `image api@${sha('a')} is not on this machine and could not be pulled`,
    });
  });

  test('by digest come to all nodes, which know them by digest and name; the tag of ket is not left', async () => {
    const images = [{ name: 'api:1', digest: sha('a'), limitMs: 1 }];
    const name = `api@${sha('a')}`;
    const { end, brought, commands } = await found({ images, preload: 'off' }, [], [name]);
    const tag = `ket.local/by-digest:${'a'.repeat(33)}`;
    expect(brought).toEqual([[tag, ['w1', 'w2']]]);
    expect(end).toMatchObject({ ids: { [tag]: `id-${name}`, [name]: `id-${name}`, 'api:1': `id-${name}` } });
    const named = commands.filter((line) => line.includes('images tag'));
    expect(named).toHaveLength(2);
    expect(named[0]).toContain(`${tag} docker.io/library/${name} docker.io/library/api:1`);
    expect(commands.at(-1)).toBe(`docker rmi --no-prune ${tag}`);
  });

  test('that cannot be brought are left to the nodes, unless the plan asks for one by digest', async () => {
    const refuses = (image?: { readonly name: string }): Promise<void> =>
      image?.name === 'db:2'
        ? Promise.resolve()
        : Promise.reject(new KetError('KET_IMAGE_DELIVERY', 'the disk is full'));
    const { end, notices } = await found({}, [pod('web:1', 'db:2')], ['web:1', 'db:2'], refuses);
    // The others are there all the same.
    expect(end).toMatchObject({ changed: ['db:2'] });
    expect(notices).toEqual([
      'warning: image web:1 could not be brought to the nodes, which pull it themselves: the disk is full',
    ]);
    const images = [{ name: `api@${sha('a')}`, limitMs: 1 }];
    const pinned = await found({ images, preload: 'off' }, [], [`api@${sha('a')}`], refuses);
    expect(pinned.end).toMatchObject({ code: 'KET_IMAGE_DELIVERY', message: 'the disk is full' });
    expect(pinned.commands.at(-1)).toContain('docker rmi');
  });
});
