import { execFileSync, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { RunState } from '../../src/pipeline/state.ts';
import { attemptOf, eventsOf, ket, readJson, root, sandbox, up, type Ran, type Sandbox } from './ket.ts';
import { programIn } from './registry.ts';

/** Images that go to the nodes by a registry of the run, and what becomes of it. */

const docker = (...args: string[]): string =>
  execFileSync('docker', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] }).trim();

const word = randomBytes(4).toString('hex');
const image = `large-${word}:dev`;
const suffix = `large-images-${word}`;
/** How each registry lives. */
const registries = {
  well: 'exec docker-registry serve /config.yml',
  /** It dies as soon as something is sent to it. */
  dies: 'docker-registry serve /config.yml & while ! ls /dev/shm/docker/registry/v2/repositories/*/_uploads/*/data >/dev/null 2>&1; do sleep 0.01; done; kill -9 $!; exit 1',
  /** Docker gives a container 64 MB there, and the image has more. */
  full: 'exec docker-registry serve /config.yml',
};
const storage = { well: '/var/lib/registry', dies: '/dev/shm', full: '/dev/shm' };
type Kind = keyof typeof registries;
const registryImage = (kind: Kind): string => `${suffix}:${kind}`;
const none = '127.0.0.1:9/none:1';

let box: Sandbox;
beforeAll(() => {
  box = sandbox();
  const folder = path.join(box.home, 'registry');
  fs.mkdirSync(folder);
  fs.copyFileSync(programIn(folder), path.join(folder, 'docker-registry'));
  for (const kind of ['well', 'dies', 'full'] as const) {
    const config = { version: 0.1, storage: { filesystem: { rootdirectory: storage[kind] } } };
    fs.writeFileSync(path.join(folder, 'config.yml'), JSON.stringify({ ...config, http: { addr: ':1' } }));
    fs.writeFileSync(path.join(folder, 'start'), `#!/bin/sh\n${registries[kind]}\n`, { mode: 0o755 });
    fs.writeFileSync(
      path.join(folder, 'Dockerfile'),
      'FROM debian:bookworm-slim\nCOPY docker-registry /usr/bin/\nCOPY config.yml start /\nVOLUME /var/lib/registry\nENTRYPOINT ["/start"]\n',
    );
    docker('build', '--quiet', '--tag', registryImage(kind), folder);
  }
}, 180_000);
afterAll(() => {
  const left = [ours(), tags(), volumes()];
  box.remove();
  docker('image', 'rm', '--force', image, ...(['well', 'dies', 'full'] as const).map(registryImage));
  expect(left).toEqual([[], [], []]);
});

/** Containers of the registries of this test, running or not: names. */
const ours = (): string[] =>
  docker('ps', '--all', '--format', '{{.Image}} {{.Names}}')
    .split('\n')
    .filter((line) => line.startsWith(suffix))
    .map((line) => line.split(' ')[1] ?? '');
/** Names of the image for a push, of which none is to stay. */
const tags = (): string[] => {
  const ids = docker('image', 'ls', '--no-trunc', '--format', '{{.Repository}}:{{.Tag}} {{.ID}}').split('\n');
  const [id = '-'] = ids.filter((line) => line.startsWith(`${image} `)).map((line) => line.split(' ')[1]);
  return ids.filter((line) => line.endsWith(id) && line.startsWith('127.0.0.1:'));
};
const before = new Set(docker('volume', 'ls', '-q', '--filter', 'dangling=true').split('\n'));
const volumes = (): string[] =>
  docker('volume', 'ls', '-q', '--filter', 'dangling=true')
    .split('\n')
    .filter((one) => !before.has(one));

function project(name: string, config: string): (version: string, delivery: object) => string {
  const folder = path.join(box.home, name);
  fs.mkdirSync(folder);
  fs.writeFileSync(path.join(folder, 'base'), randomBytes(70_000_000));
  fs.writeFileSync(
    path.join(folder, 'Dockerfile'),
    'FROM busybox:1.36\nCOPY base /base\nCOPY version /version\n',
  );
  return (version, delivery) => {
    const suite = {
      ...{ name: 'asks', image, expectTests: false },
      command: `test "$(cat /version)" = ${version} && test "$(wc -c </base)" = 70000000`,
    };
    const cluster = { config: path.join(root, 'kind-configs', config) };
    const tier = { cluster, images: [{ name: image, build: '.' }], delivery, suites: [suite] };
    fs.writeFileSync(path.join(folder, 'version'), version);
    fs.writeFileSync(path.join(folder, 'ket.yaml'), JSON.stringify({ tiers: { large: tier } }));
    return folder;
  };
}

const notices = (ran: Ran): string[] =>
  eventsOf(ran, 'notice').flatMap(({ text }) => (text.includes('registry of the run') ? [text] : []));

/** Nothing of a delivery stays in a node. */
const inNode = (node: string): string[] =>
  docker('exec', node, 'sh', '-c', 'ls -d /run/ket-* 2>/dev/null || true; ctr -n k8s.io images list -q')
    .split('\n')
    .filter((line) => /\/run\/ket-|registry\.ket\.local/.test(line));

describe('a cluster without a registry', () => {
  let at: ReturnType<typeof project>;
  let name = '';
  beforeAll(async () => {
    at = project('brief', 'integration.yaml');
    ({ name } = await up('large', at('zero', { by: 'stream' }), box));
  }, 300_000);
  afterAll(async () => {
    expect((await ket({ args: ['down'], cwd: path.join(box.home, 'brief'), box })).code).toBe(0);
  }, 120_000);

  test('by one for this delivery alone: no stream, bytes and time said, nothing left', async () => {
    const began = Math.floor(Date.now() / 1000);
    const folder = at('one', { by: 'registry', registry: registryImage('well') });
    const ran = await ket({ args: ['run'], cwd: folder, box });
    expect([ran.code, ran.stderr, notices(ran)]).toEqual([0, '', []]);
    expect(attemptOf(ran, 'asks').outcome).toBe('passed');
    const [delivered] = eventsOf(ran, 'delivered');
    expect(delivered).toMatchObject({ image, way: 'registry', nodes: [`${name}-control-plane`] });
    // What is random cannot be compressed.
    expect(delivered?.streamBytes).toBeGreaterThan(70_000_000);
    expect(delivered?.streamBytes).toBeLessThan(75_000_000);
    const id = docker('image', 'inspect', '--format', '{{.Id}}', image);
    const until = String(Math.ceil(Date.now() / 1000));
    const events = docker('events', '--since', String(began), '--until', until, '--format', '{{json .}}');
    const saved = events.split('\n').filter((line) => line.includes('"save"') && line.includes(id));
    expect(saved).toEqual([]);
    const summary = fs.readFileSync(path.join(ran.folder, 'summary.md'), 'utf8');
    expect(summary).toContain(', by a registry | 1 |');
    expect([ours(), tags(), inNode(`${name}-control-plane`)]).toEqual([[], [], []]);
  }, 200_000);

  test.each([
    ['dies in the middle of a push', registryImage('dies'), /does not take what Docker sends|could not push/],
    ['has no room', registryImage('full'), /does not take what Docker sends|could not push/],
    ['is not to be had', none, /image 127\.0\.0\.1:9\/none:1 is not on this machine and could not be pulled/],
  ])(
    'one that %s: said, and the stream brings the image',
    async (what, registry, why) => {
      const version = String(what.length);
      const ran = await ket({ args: ['run'], cwd: at(version, { by: 'registry', registry }), box });
      expect(ran.code).toBe(0);
      expect(attemptOf(ran, 'asks').outcome).toBe('passed');
      expect(notices(ran)).toEqual([expect.stringMatching(why)]);
      const [delivered] = eventsOf(ran, 'delivered');
      expect(delivered?.way).toBeUndefined();
      expect([ours(), tags(), inNode(`${name}-control-plane`)]).toEqual([[], [], []]);
    },
    200_000,
  );
});

test('ket is killed in the middle of a push; the next ket up removes it, and its own registry takes only what changes', async () => {
  const at = project('standing', 'e2e.yaml');
  const delivery = { by: 'registry', registry: registryImage('well') };
  const folder = at('one', delivery);
  const killed = spawn(path.join(root, 'bin', 'ket'), ['up'], {
    cwd: folder,
    env: { ...process.env, ...box.env },
    stdio: 'ignore',
  });
  const over = new Promise<number | null>((resolve) => killed.once('close', (code) => resolve(code)));
  const until = Date.now() + 200_000;
  while (tags().length === 0 && Date.now() < until) await new Promise((resolve) => setTimeout(resolve, 30));
  killed.kill('SIGKILL');
  expect([await over, ours().length, tags().length]).toEqual([null, 1, 1]);
  const [orphan = ''] = ours();

  const { name } = await up('large', folder, box);
  expect(ours()).toEqual([`${name}-registry`]);
  expect(ours()).not.toContain(orphan);
  expect(tags()).toEqual([]);
  const [state = ''] = box.states();
  const { made } = readJson(path.join(box.home, 'state', 'ket', 'runs', state)) as RunState;
  expect(made).toContainEqual({ type: 'container', name: `${name}-registry` });
  const pushes = (): number =>
    docker('logs', `${name}-registry`)
      .split('\n')
      .filter((line) => /"POST \/v2\/\S+\/blobs\/uploads\//.test(line)).length;
  const first = pushes();
  // Three layers and the config.
  expect(first).toBe(4);

  const ran = await ket({ args: ['run'], cwd: at('two', delivery), box });
  expect([ran.code, notices(ran)]).toEqual([0, []]);
  expect(attemptOf(ran, 'asks').outcome).toBe('passed');
  const [delivered] = eventsOf(ran, 'delivered');
  expect([delivered?.way, [...(delivered?.nodes ?? [])].sort()]).toEqual([
    'registry',
    [`${name}-worker`, `${name}-worker2`],
  ]);
  expect(pushes() - first).toBe(2);
  expect(ours()).toEqual([`${name}-registry`]);
  expect([tags(), inNode(`${name}-worker`), inNode(`${name}-worker2`)]).toEqual([[], [], []]);

  const down = await ket({ args: ['down'], cwd: folder, box });
  expect([down.code, ours(), box.states()]).toEqual([0, [], []]);
}, 500_000);
