import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { attemptOf, eventsOf, ket, root, sandbox, type Ran, type Sandbox } from './ket.ts';
import { startSecondDocker, type SecondDocker } from './second-docker.ts';

/** Docker with its containerd image store: ids are digests of manifests and indexes, `docker save` is an OCI layout. */

const here = process.arch === 'arm64' ? 'arm64' : 'amd64';
const other = here === 'amd64' ? 'arm64' : 'amd64';

let box: Sandbox;
let second: SecondDocker;

beforeAll(async () => {
  box = sandbox();
  second = await startSecondDocker(fs.mkdtempSync(path.join(box.home, 'd-')));
  const config = path.join(root, 'kind-configs', 'integration.yaml');
  const node = /^\s*-?\s*image:\s*(\S+)/m.exec(fs.readFileSync(config, 'utf8'))?.[1];
  second.take(process.env['KET_NODE_IMAGE'] ?? node ?? '', 'busybox:1.36');
}, 240_000);
afterAll(async () => {
  await second.stop();
  box.remove();
}, 60_000);

interface Descriptor {
  readonly digest: string;
}

/** An image for two platforms, of which each says in ARCH which it is; gives the digests of index and manifests. */
function loadForTwo(name: string): {
  readonly index: string;
  readonly manifests: ReadonlyMap<string, string>;
} {
  const layout = fs.mkdtempSync(path.join(box.home, 'layout-'));
  const archive = `${layout}.tar`;
  second.docker('save', '--output', archive, 'busybox:1.36');
  execFileSync('tar', ['-xf', archive, '-C', layout]);
  fs.rmSync(path.join(layout, 'manifest.json'));
  const blob = (digest: string): string => path.join(layout, 'blobs', ...digest.split(':'));
  const read = (file: string): unknown => JSON.parse(fs.readFileSync(file, 'utf8'));
  const put = (value: unknown): { digest: string; size: number } => {
    const text = JSON.stringify(value);
    const digest = `sha256:${createHash('sha256').update(text).digest('hex')}`;
    fs.writeFileSync(blob(digest), text);
    return { digest, size: text.length };
  };
  const top = read(path.join(layout, 'index.json')) as { manifests: Descriptor[] };
  const source = read(blob(top.manifests[0]?.digest ?? '')) as { config: Descriptor };
  const image = read(blob(source.config.digest)) as { config: { Env: string[] } };
  const manifests = [other, here].map((architecture) => {
    const config = { ...image.config, Env: [...image.config.Env, `ARCH=${architecture}`, `NAME=${name}`] };
    const manifest = { ...source, config: { ...source.config, ...put({ ...image, architecture, config }) } };
    const mediaType = 'application/vnd.oci.image.manifest.v1+json';
    return { mediaType, ...put({ ...manifest, mediaType }), platform: { os: 'linux', architecture } };
  });
  const mediaType = 'application/vnd.oci.image.index.v1+json';
  const index = put({ schemaVersion: 2, mediaType, manifests });
  const annotations = { 'io.containerd.image.name': `docker.io/library/${name}` };
  const listed = { schemaVersion: 2, mediaType, manifests: [{ mediaType, ...index, annotations }] };
  fs.writeFileSync(path.join(layout, 'index.json'), JSON.stringify(listed));
  execFileSync('tar', ['-cf', archive, '-C', layout, '.']);
  second.docker('load', '--input', archive);
  return {
    index: index.digest,
    manifests: new Map(manifests.map(({ digest, platform }) => [platform.architecture, digest])),
  };
}

const run = (command: string, cwd: string): Promise<Ran> => {
  const { env, via } = second;
  return ket({ args: [command, '--tier', 'store'], cwd, box, env, via });
};

test('images of every shape are brought once, for the platform of the node, and by what they hold', async () => {
  const both = loadForTwo('both:1');
  expect(second.docker('image', 'inspect', '--format', '{{.Id}}', 'both:1')).toBe(both.index);
  // As after a pull: the index names a platform whose content is not here.
  const { manifests } = loadForTwo('part:1');
  second.ctr('content', 'rm', manifests.get(other) ?? '');
  expect(second.ctr('content', 'ls', '--quiet')).not.toContain(manifests.get(other));
  second.docker('tag', 'busybox:1.36', 'pinned:1');
  const digest = second.docker('image', 'inspect', '--format', '{{.Id}}', 'pinned:1');
  const folder = fs.mkdtempSync(path.join(box.home, 'project-'));
  fs.mkdirSync(path.join(folder, 'built'));
  const dockerfile = (value: string): void =>
    fs.writeFileSync(path.join(folder, 'built', 'Dockerfile'), `FROM busybox:1.36\nENV VALUE=${value}\n`);
  dockerfile('one');
  const suite = (name: string, image: string, command: string): object => ({
    ...{ name, image, command, expectTests: false },
  });
  const config = (value: string): void =>
    fs.writeFileSync(
      path.join(folder, 'ket.yaml'),
      JSON.stringify({
        tiers: {
          store: {
            cluster: { config: path.join(root, 'kind-configs', 'integration.yaml') },
            images: [{ name: 'built:1', build: 'built' }, { name: 'both:1' }, { name: 'part:1' }],
            suites: [
              suite('built', 'built:1', `test "$VALUE" = ${value}`),
              suite('both', 'both:1', `test "$ARCH $NAME" = "${here} both:1"`),
              suite('part', 'part:1', `test "$ARCH $NAME" = "${here} part:1"`),
              suite('pinned', `pinned:1@${digest}`, 'true'),
            ],
          },
        },
      }),
    );
  config('one');
  const delivered = (ran: Ran): string[] => eventsOf(ran, 'delivered').map(({ image }) => image);
  const all = ['built:1', 'both:1', 'part:1'];

  const up = await run('up', folder);
  try {
    expect([up.code, up.stderr]).toEqual([0, '']);
    expect(delivered(up).sort()).toEqual([...all, `pinned@${digest}`].sort());

    const again = await run('run', folder);
    expect([again.code, again.stderr]).toEqual([0, '']);
    expect(delivered(again)).toEqual([]);
    expect(
      eventsOf(again, 'unchanged')
        .filter(({ not }) => not === 'delivered')
        .map(({ what }) => what),
    ).toEqual(expect.arrayContaining(all.map((name) => `image ${name}`)));
    for (const name of ['built', 'both', 'part', 'pinned'])
      expect([name, attemptOf(again, name).outcome]).toEqual([name, 'passed']);
    expect(eventsOf(again, 'node-pulls')).toEqual([]);

    dockerfile('two');
    config('two');
    const changed = await run('run', folder);
    expect([changed.code, changed.stderr]).toEqual([0, '']);
    expect(delivered(changed)).toEqual(['built:1']);
  } finally {
    await run('down', folder);
  }
  expect(second.docker('ps', '--all', '--quiet')).toBe('');
  expect(second.docker('images', '--format', '{{.Repository}}')).not.toContain('ket.local');
  expect(box.states()).toEqual([]);
}, 400_000);
