import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { containersOf, eventsOf, ket, root, sandbox, type Ran, type Sandbox } from './ket.ts';

/** Requests that cannot come to anything, in a repository of their own: what ket says of each, and that nothing is left. */

let box: Sandbox;
let folder = '';
const ends: (() => void)[] = [];
beforeEach(() => {
  box = sandbox();
  folder = path.join(box.home, 'repository');
  fs.mkdirSync(folder);
});
afterEach(() => {
  for (const end of ends.splice(0).reverse()) end();
  box.remove();
});

const oneNode = path.join(root, 'kind-configs', 'integration.yaml');
const kindConfig = (nodes: string): string =>
  `kind: Cluster\napiVersion: kind.x-k8s.io/v1alpha4\nnodes: ${nodes}\n`;

function write(files: Readonly<Record<string, string>>): void {
  for (const [name, text] of Object.entries(files)) fs.writeFileSync(path.join(folder, name), text);
}

/** A ket.yaml of one tier with one suite. */
const ketYaml = (cluster: string, more = ''): string => `
tiers:
  bad:
    cluster: ${cluster}
${more}
    suites: [{ name: suite, image: "busybox:1.36", command: "true", expectTests: false }]
`;

const run = (env: Readonly<Record<string, string>> = {}, ...args: string[]): Promise<Ran> =>
  ket({ args: ['run', '--keep', 'never', ...args], cwd: folder, box, env });

/** The error of the task that failed; its suite never ran unless said, its cluster is removed, and its state gone. */
function failureOf(
  ran: Ran,
  task: string,
  exitCode: number,
  suites: Readonly<Record<string, unknown>> = { suite: expect.stringMatching(/^(infra-error|skipped)$/) },
) {
  const failed = eventsOf(ran, 'task-ended').filter(({ outcome }) => outcome === 'failed');
  expect(failed.map((event) => event.task)).toEqual([task]);
  expect(ran.code).toBe(exitCode);
  const ended = eventsOf(ran, 'suite-ended').map(({ suite, outcome }) => [suite, outcome]);
  expect(Object.fromEntries(ended)).toEqual(suites);
  expect(eventsOf(ran, 'leftover')).toEqual([]);
  expect(containersOf(ran.stdout)).toEqual([]);
  expect(box.states()).toEqual([]);
  return failed[0]?.error;
}

/** Nothing was begun but the look at the machine. */
function refusalOf(ran: Ran) {
  const error = failureOf(ran, 'preflight', 2);
  expect(eventsOf(ran, 'task-started').map(({ task }) => task)).toEqual(['preflight']);
  expect(error?.code).toBe('KET_PREREQUISITE');
  return error;
}

test('an image that cannot be built: step, place and last words; the cluster is removed', async () => {
  write({
    Dockerfile: 'FROM debian:bookworm-slim\nRUN echo no such wheel >&2; exit 7\n',
    'ket.yaml': ketYaml(
      `{ config: ${oneNode} }`,
      '    images: [{ name: "bad-input:dev", build: . }]',
    ).replace(
      /suites: \[/,
      'suites: [{ name: uses-it, image: "bad-input:dev", command: "true", expectTests: false }, ',
    ),
  });
  const ran = await run();
  // The other suite passes, and the run does not.
  const error = failureOf(ran, 'build bad-input:dev', 3, { 'uses-it': 'skipped', suite: 'passed' });
  expect(error?.code).toBe('KET_IMAGE_BUILD');
  expect(error?.message).toMatch(
    /^image bad-input:dev could not be built in the step \[2\/2\] RUN echo no such wheel.*exit code: 7$/,
  );
  expect(error?.where).toBe(`${path.join(folder, 'Dockerfile')}:2`);
  expect(error?.details).toContain('no such wheel');
  expect(error?.next).toContain('docker build -f Dockerfile -t bad-input:dev .');
  const usesIt = eventsOf(ran, 'suite-ended').find(({ suite }) => suite === 'uses-it');
  expect(usesIt?.message).toContain('build bad-input:dev failed');
  expect(eventsOf(ran, 'run-ended')).toMatchObject([
    { outcome: 'infra-error', exitCode: 3, error: { code: 'KET_IMAGE_BUILD' } },
  ]);
}, 240_000);

test('a node image of another architecture is refused before anything starts', async () => {
  const own = execFileSync('docker', ['version', '--format', '{{.Server.Arch}}'], {
    encoding: 'utf8',
  }).trim();
  const other = own === 'arm64' ? 'amd64' : 'arm64';
  const image = `ket-test/node-of-another-architecture:v1.34.0`;
  const empty = execFileSync('tar', ['-c', '-f', '-', '--files-from', '/dev/null']);
  execFileSync('docker', ['import', '--platform', `linux/${other}`, '-', image], { input: empty });
  ends.push(() => execFileSync('docker', ['image', 'rm', image], { stdio: 'ignore' }));
  write({ 'ket.yaml': ketYaml(`{ config: ${oneNode} }`) });
  const error = refusalOf(await run({}, '--node-image', image));
  expect(error?.message).toBe(`node image: ${image} is of linux/${other}, and Docker here runs on ${own}`);
  expect(error?.next).toContain(`docker pull --platform linux/${own} ${image}`);
}, 60_000);

test('two control planes without their load balancer image: the image is named, and nothing is left', async () => {
  write({
    'two.yaml': kindConfig('[{ role: control-plane }, { role: control-plane }]'),
    'ket.yaml': ketYaml('{ config: two.yaml }'),
  });
  const error = failureOf(await run(), 'cluster nodes', 3);
  expect(error?.code).toBe('KET_CLUSTER');
  expect(error?.next).toMatch(
    /^several control planes need the image \S*kindest\/haproxy:\S+ for the load balancer/,
  );
}, 240_000);

test('a port of the Kind config that another program has is refused before anything starts', async () => {
  const server = net.createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  ends.push(() => server.close());
  const { port } = server.address() as net.AddressInfo;
  const mapping = `{ containerPort: 80, hostPort: ${String(port)}, listenAddress: 127.0.0.1 }`;
  write({
    'ports.yaml': kindConfig(`[{ role: control-plane, extraPortMappings: [${mapping}] }]`),
    'ket.yaml': ketYaml('{ config: ports.yaml }'),
  });
  const error = refusalOf(await run());
  expect(error?.message).toBe(
    `port ${String(port)}: the Kind config wants 127.0.0.1:${String(port)}, which another program has`,
  );
  expect(error?.next).toContain('leave out hostPort');
}, 60_000);

// A small file system takes a mount, and so root.
(process.getuid?.() === 0 ? test : test.skip)(
  'a disk that is nearly full is refused before anything starts, with what is free and what is needed',
  async () => {
    const disk = path.join(box.home, 'disk');
    fs.mkdirSync(disk);
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=64m', 'tmpfs', disk]);
    ends.push(() => execFileSync('umount', [disk]));
    write({ 'ket.yaml': ketYaml(`{ config: ${oneNode} }`) });
    const ran = await ket({ args: ['run'], cwd: folder, box, output: path.join(disk, 'results') });
    const error = refusalOf(ran);
    expect(error?.message).toMatch(
      /^disk: 6\d\.\d MiB free on the disk of the results \(\S+\), about 200\.0 MiB needed$/,
    );
    expect(error?.next).toBe('free some space');
  },
  60_000,
);

test('a mirror of the tools that cannot be reached: what was to come from where, and nothing is made', async () => {
  write({ 'ket.yaml': ketYaml(`{ config: ${oneNode} }`) });
  const ran = await run({ KET_KIND_VERSION: 'v0.29.0', KET_TOOL_MIRROR: 'http://127.0.0.1:1/mirror' });
  const error = failureOf(ran, 'tools', 2);
  expect(error?.message).toMatch(/^kind v0\.29\.0 could not be downloaded in \d+ attempts$/);
  expect(error?.where).toMatch(/^http:\/\/127\.0\.0\.1:1\/mirror\//);
  expect(error?.details?.[0]).toContain('ECONNREFUSED');
  expect(error?.next).toContain('KET_TOOL_MIRROR');
  expect(eventsOf(ran, 'task-started').map(({ task }) => task)).not.toContain('cluster nodes');
}, 120_000);

test('a mirror of a registry that cannot be reached: the suite never ran, and the reason names the address', async () => {
  fs.mkdirSync(path.join(folder, 'registry-hosts', 'docker.io'), { recursive: true });
  const hosts = 'server = "http://127.0.0.1:1"\n\n[host."http://127.0.0.1:1"]\n';
  write({
    'registry-hosts/docker.io/hosts.toml': hosts,
    'ket.yaml': ketYaml(
      `{ config: [${oneNode}, ${path.join(root, 'kind-configs', 'registry-mirror.yaml')}] }`,
    ).replace('busybox:1.36', 'ket-test/never-built:1'),
  });
  const ran = await run({ REGISTRY_HOSTS: path.join(folder, 'registry-hosts') });
  expect(ran.code).toBe(3);
  const [ended] = eventsOf(ran, 'suite-ended');
  expect(ended?.outcome).toBe('infra-error');
  expect(ended?.message).toContain('127.0.0.1:1');
  expect(containersOf(ran.stdout)).toEqual([]);
  expect(box.states()).toEqual([]);
}, 240_000);
