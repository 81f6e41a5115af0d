import { describe, expect, test } from '@jest/globals';
import { pullsIn } from '../../src/cluster/node-pulls.ts';
import { imagesIn } from '../../src/images/found.ts';
import { factsIn } from '../../src/images/facts.ts';
import { isPinned, wantedImages } from '../../src/images/preload.ts';
import { digestOf, imageKey } from '../../src/model/image-name.ts';
import type { ImagePlan } from '../../src/model/plan.ts';
import { wrongDigests } from '../../src/releases/digests.ts';
import { nodePullsText } from '../../src/report/node-pulls.ts';

const sha = (digit: string): string => `sha256:${digit.repeat(64)}`;
const pod = (...images: string[]): object => ({ containers: images.map((image) => ({ name: 'a', image })) });
const template = (spec: object): object => ({ spec: { template: { spec } } });

describe('images in objects', () => {
  test.each<[string, unknown, readonly string[]]>([
    ['a pod', { kind: 'Pod', spec: pod('a:1') }, ['a:1']],
    ['a Deployment', template(pod('a:1', 'b:1')), ['a:1', 'b:1']],
    ['a CronJob', { spec: { jobTemplate: template(pod('a:1')) } }, ['a:1']],
    ['a List', { kind: 'List', items: [template(pod('a:1')), template(pod('b:1'))] }, ['a:1', 'b:1']],
    ['init containers', template({ ...pod('a:1'), initContainers: [{ image: 'i:1' }] }), ['a:1', 'i:1']],
    [
      'ephemeral containers',
      template({ ...pod('a:1'), ephemeralContainers: [{ image: 'e:1' }] }),
      ['a:1', 'e:1'],
    ],
    [
      'image volumes',
      template({ ...pod('a:1'), volumes: [{ image: { reference: 'v:1' } }, { emptyDir: {} }] }),
      ['a:1', 'v:1'],
    ],
    ['an object of an operator', { kind: 'Prometheus', spec: { containers: [{ image: 'p:1' }] } }, ['p:1']],
    ['one image by two names', template(pod('redis:7', 'docker.io/library/redis:7')), ['redis:7']],
    ['an image that is no text', template({ containers: [{ image: 7 }, { name: 'x' }, null] }), []],
    ['what is no pod', { kind: 'ConfigMap', data: { image: 'a:1' } }, []],
    ['nothing', null, []],
  ])('%s', (_, object, images) => {
    expect(imagesIn([object])).toEqual(images);
  });
});

test.each([
  ['redis', 'docker.io/library/redis:latest'],
  ['redis:7', 'docker.io/library/redis:7'],
  ['docker.io/redis:7', 'docker.io/library/redis:7'],
  ['index.docker.io/library/redis:7', 'docker.io/library/redis:7'],
  ['team/app:1', 'docker.io/team/app:1'],
  ['localhost/app:1', 'localhost/app:1'],
  ['ghcr.io/team/app:1', 'ghcr.io/team/app:1'],
  ['127.0.0.1:5000/app', '127.0.0.1:5000/app:latest'],
])('%s is %s', (name, key) => {
  expect(imageKey(name)).toBe(key);
});

test.each([
  [`redis:7@${sha('a')}`, { name: 'redis', digest: sha('a') }],
  [`127.0.0.1:5000/team/app@${sha('b')}`, { name: '127.0.0.1:5000/team/app', digest: sha('b') }],
  [`127.0.0.1:5000/team/app:1@${sha('b')}`, { name: '127.0.0.1:5000/team/app', digest: sha('b') }],
  ['redis:7', undefined],
  [sha('a'), undefined],
])('the digest in %s', (name, digest) => {
  expect(digestOf(name)).toEqual(digest);
});

describe('what is pulled', () => {
  const built: ImagePlan = { name: 'shop:dev', context: '/r', dockerfile: '/r/D', args: {}, limitMs: 1 };
  const byDigest: ImagePlan = { name: 'db:1', digest: sha('a'), limitMs: 2 };
  const plain: ImagePlan = { name: 'redis:7', limitMs: 3 };
  const images = [built, byDigest, plain];
  const objects = [template(pod('shop:dev', 'docker.io/library/redis:7', 'more:1'))];
  const names = (preload: 'auto' | 'off' | readonly string[]): [string, boolean][] =>
    wantedImages({ images, preload }, objects).map(({ name, required }) => [name, required]);

  test('all that is found and not of the plan; that of the plan by digest is required', () => {
    expect(names('auto')).toEqual([
      ['db:1', true],
      ['more:1', false],
    ]);
  });
  test('nothing, or a list', () => {
    expect(names('off')).toEqual([['db:1', true]]);
    expect(names(['x:1', 'redis:7'])).toEqual([
      ['db:1', true],
      ['x:1', false],
    ]);
  });
  test('a build has no digest yet', () => {
    expect([...images, { ...built, digest: sha('b') } as ImagePlan].map(isPinned)).toEqual([
      false,
      true,
      false,
      false,
    ]);
  });
});

describe('what nodes pulled', () => {
  const began = Date.parse('2026-11-21T12:00:00Z');
  const event = (message: string, host: string, lastTimestamp: string, reason = 'Pulled'): never =>
    ({ reason, message, source: { host }, lastTimestamp, metadata: {} }) as never;
  const pulled = (image: string, host: string, time: string): never =>
    event(
      `Successfully pulled image "${image}" in 1s (${time} including waiting). Image size: 5 bytes.`,
      host,
      '2026-11-21T12:01:00Z',
    );

  test('the longest of each image, on how many nodes, since the run began', () => {
    const events = [
      pulled('a:1', 'n1', '1.5s'),
      pulled('a:1', 'n2', '1m2.5s'),
      pulled('b:1', 'n1', '250ms'),
      event('Container image "c:1" already present on machine', 'n1', '2026-11-21T12:01:00Z'),
      event('Successfully pulled image "old:1" in 9s', 'n1', '2026-11-21T11:00:00Z'),
      event('Successfully pulled image "d:1" in 3s', 'n1', '2026-11-21T12:01:00Z'),
      event('Successfully pulled image "x:1" in 3s', 'n1', '2026-11-21T12:01:00Z', 'Other'),
    ];
    const pulls = [
      { image: 'a:1', nodes: 2, pullMs: 62_500 },
      { image: 'd:1', nodes: 1, pullMs: 3000 },
      { image: 'b:1', nodes: 1, pullMs: 250 },
    ];
    expect(pullsIn(events, began)).toEqual(pulls);
    expect(nodePullsText({ nodePulls: pulls })).toBe(
      'pulled by nodes themselves: a:1 (1 min 3 s, 2 nodes), d:1 (3 s), b:1 (250 ms)',
    );
    expect(nodePullsText({ nodePulls: [] })).toBe('');
  });
});

test('facts from a registry, of one platform or of several', () => {
  const config = { User: '7', Entrypoint: ['/run'], Cmd: null };
  const facts = { user: '7', entrypoint: ['/run'], cmd: [] };
  expect(factsIn({ config })).toEqual(facts);
  expect(factsIn({ 'linux/amd64': { config }, 'linux/arm64': { config } })).toEqual(facts);
  expect(factsIn(null)).toBeUndefined();
});

describe('production mode looks at what a release runs', () => {
  const images: ImagePlan[] = [{ name: 'ghcr.io/t/web:1', digest: sha('a'), limitMs: 1 }];
  const runs = (image: string, imageID: string): never =>
    ({
      metadata: { name: 'p' },
      spec: { containers: [{ name: 'c', image }] },
      status: { containerStatuses: [{ name: 'c', imageID }] },
    }) as never;
  test.each([
    ['the digest', 'ghcr.io/t/web:1', `ghcr.io/t/web@${sha('a')}`, 0],
    ['the digest, asked for by it', `ghcr.io/t/web:1@${sha('a')}`, `ghcr.io/t/web@${sha('a')}`, 0],
    ['another digest', 'ghcr.io/t/web:1', `ghcr.io/t/web@${sha('b')}`, 1],
    ['an image that was loaded', 'ghcr.io/t/web:1', sha('c'), 1],
    ['an image that is not of the plan', 'redis:7', sha('c'), 0],
    ['nothing yet', 'ghcr.io/t/web:1', '', 0],
  ])('%s', (_, image, imageID, count) => {
    expect(wrongDigests([runs(image, imageID)], images)).toHaveLength(count);
  });
});
