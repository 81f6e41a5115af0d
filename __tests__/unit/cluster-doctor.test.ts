import fs from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { parse } from 'yaml';
import { gatherFacts } from '../../src/cluster/gather.ts';
import { judgeMachine, remoteHost } from '../../src/cluster/judge-machine.ts';
import {
  engineOf,
  type DockerEngine,
  type DockerFacts,
  type MachineFacts,
} from '../../src/cluster/machine.ts';
import { checkMachine, preflightError } from '../../src/cluster/preflight.ts';
import type { Finding } from '../../src/model/finding.ts';
import type { ClusterPlan, Plan } from '../../src/model/plan.ts';
import { aPlan, fakeDeps, failedWith, said, aRelease } from './support/phases.ts';

const GiB = 1024 ** 3;
const engine: DockerEngine = {
  version: '28.1.0',
  components: ['Engine'],
  rootless: false,
  os: 'Debian',
  arch: 'amd64',
  cgroup: '2',
  buildx: true,
};
const machine = (over: Partial<MachineFacts> = {}, docker: Partial<DockerFacts> = {}): MachineFacts => ({
  platform: 'linux',
  docker: { cli: '/usr/bin/docker', host: 'unix:///var/run/docker.sock', engine, ...docker },
  memoryAvailable: 8 * GiB,
  disks: [{ path: '/var/lib/docker', what: 'the disk of Docker', free: 50 * GiB }],
  inotify: { instances: 512, watches: 524_288 },
  takenPorts: [],
  tools: [{ name: 'kind', asked: 'v0.30.0', path: '/bin/kind' }],
  ...over,
});
const aCluster: ClusterPlan = {
  configs: ['/repo/kind.yaml'],
  kindConfig: {},
  nodes: ['control-plane'],
  disableDefaultCNI: false,
  hostPorts: [],
  throwaway: false,
  readyMs: 1000,
};
const plan = (nodes = 1, over: Partial<Plan> = {}): Plan =>
  aPlan({
    cluster: {
      ...aCluster,
      nodes: ['control-plane', ...Array.from({ length: nodes - 1 }, () => 'worker' as const)],
    },
    ...over,
  });
const image = { name: 'a:1', context: '/', dockerfile: '/Dockerfile', args: {}, limitMs: 1 };

describe('what the facts mean', () => {
  test('a good machine has only good findings', () => {
    const findings = judgeMachine(machine(), plan(3));
    expect(findings.filter((finding) => finding.level !== 'ok')).toEqual([]);
    expect(findings.map((finding) => finding.title)).toEqual(['Docker', 'kind', 'memory', 'disk', 'inotify']);
  });

  test('a listed tool that is not here is downloaded', () => {
    const tools = [
      { name: 'kind', asked: 'v0.30.0', error: 'no kind in PATH' },
      { name: 'helm', asked: 'v4.2.4', path: '/h', notice: 'says only v4.2' },
    ];
    const details = (arch: string): string[] =>
      judgeMachine(machine({ tools, arch }), plan())
        .filter(({ title }) => title === 'kind' || title === 'helm')
        .map(({ level, detail }) => `${level}: ${detail}`);
    expect(details('arm64')).toEqual([
      'ok: v0.30.0, which is downloaded when a run needs it',
      'ok: v4.2.4, which is downloaded when a run needs it',
    ]);
    expect(details('s390x')).toEqual([
      'error: kind v0.30.0 was not found: no kind in PATH',
      'warning: says only v4.2',
    ]);
  });

  test('what the Kind config says of kubeadm and cgroups is heeded', () => {
    const bad = (kind: string, text: string): string[] =>
      judgeMachine(
        machine({}, { engine: { ...engine, cgroup: '1' } }),
        plan(1, {
          tools: { ...plan().tools, kind },
          cluster: { ...aCluster, kindConfig: parse(text) as ClusterPlan['kindConfig'] },
        }),
      )
        .filter(({ level }) => level !== 'ok')
        .map(({ level, title }) => `${level}: ${title}`);
    const patch = (text: string): string => `kubeadmConfigPatches: [${JSON.stringify(text)}]`;
    // Without an image it is kind's own default that counts.
    expect(bad('v0.30.0', '{}')).toEqual([]);
    expect(bad('v0.31.0', '{}')).toEqual(['error: cgroup']);
    expect(bad('v0.31.0', 'nodes: [{role: control-plane, image: "kindest/node:v1.34.3"}]')).toEqual([]);
    expect(bad('v0.31.0', patch('{kind: KubeletConfiguration, failCgroupV1: false}'))).toEqual([]);
    expect(bad('v0.30.0', patch('{kind: ClusterConfiguration, apiVersion: kubeadm.k8s.io/v1beta4}'))).toEqual(
      ['warning: kubeadm patch'],
    );
  });

  const withEngine = (over: Partial<DockerEngine>): MachineFacts =>
    machine({}, { engine: { ...engine, ...over } });
  const without = (docker: DockerFacts): MachineFacts => ({ ...machine(), docker });
  test.each<[string, MachineFacts, Plan, 'warning' | 'error', string, string]>([
    ['no docker CLI', without({}), plan(), 'error', 'no docker in PATH', 'install Docker'],
    [
      'Docker does not run',
      without({ cli: 'd', host: 'unix:///x', error: 'Cannot connect to the Docker daemon' }),
      plan(),
      'error',
      'Cannot connect',
      'systemctl start docker',
    ],
    [
      'no right to use it',
      without({ cli: 'd', error: 'permission denied' }),
      plan(),
      'error',
      'may not use',
      'usermod',
    ],
    ['Docker is slow', without({ cli: 'd', slow: true }), plan(), 'warning', 'in time', 'docker info'],
    [
      'a remote engine',
      machine({}, { host: 'tcp://10.0.0.1:2376' }),
      plan(),
      'error',
      'another machine',
      'DOCKER_HOST',
    ],
    [
      'an engine by ssh',
      machine({}, { host: 'ssh://me@host' }),
      plan(),
      'error',
      'another machine',
      'DOCKER_HOST',
    ],
    [
      'Podman by its parts',
      withEngine({ components: ['Podman Engine'] }),
      plan(),
      'error',
      'Podman',
      'Docker Engine',
    ],
    [
      'Podman by its folder',
      withEngine({ rootDir: '/var/lib/containers/storage' }),
      plan(),
      'error',
      'Podman',
      'Docker Engine',
    ],
    ['an old Docker', withEngine({ version: '19.03.1' }), plan(), 'error', '20.10', 'upgrade'],
    [
      'rootless on cgroup v1',
      withEngine({ rootless: true, cgroup: '1' }),
      plan(),
      'error',
      'cgroup v2',
      'systemd',
    ],
    [
      'rootless on cgroup v2',
      withEngine({ rootless: true }),
      plan(),
      'warning',
      'rootless',
      'kind.sigs.k8s.io',
    ],
    [
      'cgroup v1 and a new Kubernetes',
      withEngine({ cgroup: '1' }),
      plan(1, {
        cluster: {
          configs: [],
          kindConfig: {},
          nodes: ['control-plane'],
          disableDefaultCNI: false,
          hostPorts: [],
          throwaway: false,
          readyMs: 1,
          nodeImage: 'kindest/node:v1.35.0@sha256:x',
        },
      }),
      'error',
      'refuses',
      '1.34',
    ],
    [
      'a node image of another architecture',
      machine({ nodeImages: [{ image: 'n:1', platform: 'linux/arm64' }] }),
      plan(),
      'error',
      'n:1 is of linux/arm64, and Docker here runs on amd64',
      'docker pull --platform linux/amd64 n:1',
    ],
    [
      'no BuildKit for a build',
      withEngine({ buildx: false }),
      plan(1, { images: [image] }),
      'error',
      'buildx',
      'plug-in',
    ],
    [
      'too little memory',
      machine({ memoryAvailable: 1 * GiB }),
      plan(3),
      'warning',
      'needed for 3 nodes',
      'ket status',
    ],
    [
      'far too little memory',
      machine({ memoryAvailable: 0.3 * GiB }),
      plan(),
      'error',
      '1 node',
      'ket status',
    ],
    [
      'a full disk',
      machine({ disks: [{ path: '/d', what: 'the disk of Docker', free: 0.5 * GiB }] }),
      plan(3),
      'error',
      '512.0 MiB free',
      'docker system',
    ],
    [
      'a disk that is nearly full',
      machine({ disks: [{ path: '/d', what: 'the disk of Docker', free: 3 * GiB }] }),
      plan(3),
      'warning',
      '3.0 GiB free',
      'docker system',
    ],
    [
      'few inotify instances',
      machine({ inotify: { instances: 128, watches: 1e6 } }),
      plan(6),
      'warning',
      '128',
      'sysctl',
    ],
    [
      'too few of them',
      machine({ inotify: { instances: 50, watches: 1e6 } }),
      plan(3),
      'error',
      '50 instances',
      'sysctl',
    ],
    [
      'few inotify watches',
      machine({ inotify: { instances: 900, watches: 2000 } }),
      plan(3),
      'warning',
      '2000',
      'sysctl',
    ],
    [
      'a taken port',
      machine({ takenPorts: [{ address: '0.0.0.0', port: 80 }] }),
      plan(),
      'error',
      '0.0.0.0:80',
      'hostPort',
    ],
    [
      'a tool that is lacking',
      machine({ tools: [{ name: 'helm', asked: 'v4.3.1', error: 'no helm in PATH', cure: 'install it' }] }),
      plan(),
      'error',
      'helm v4.3.1 was not found: no helm in PATH',
      'install it',
    ],
    [
      'a tool of unproved version',
      machine({ tools: [{ name: 'helm', asked: 'v4.3.1', path: '/h', notice: 'says only v4.3' }] }),
      plan(),
      'warning',
      'says only',
      'published',
    ],
    [
      'a slow tool',
      machine({ tools: [{ name: 'kind', asked: 'v1', slow: true }] }),
      plan(),
      'warning',
      'in time',
      'kind version',
    ],
  ])('%s', (_what, facts, thePlan, level, detail, cure) => {
    const bad = judgeMachine(facts, thePlan).filter((finding) => finding.level !== 'ok');
    expect(bad).toEqual([
      {
        level,
        title: expect.any(String),
        detail: expect.stringContaining(detail),
        cure: expect.stringContaining(cure),
      },
    ]);
  });

  test('128 inotify instances are enough for three nodes', () =>
    expect(
      judgeMachine(machine({ inotify: { instances: 128, watches: 65_536 } }), plan(3)).every(
        (f) => f.level === 'ok',
      ),
    ).toBe(true));

  test.each([
    ['of this architecture', 'linux/amd64', 'amd64'],
    ['an engine that does not tell its own', 'linux/arm64', undefined],
  ])('a node image, %s: nothing against it', (_, platform, arch) => {
    const { arch: _own, ...rest } = engine;
    const facts = machine(
      { nodeImages: [{ image: 'n:1', platform }] },
      { engine: { ...rest, ...(arch === undefined ? {} : { arch }) } },
    );
    expect(judgeMachine(facts, plan()).filter(({ level }) => level !== 'ok')).toEqual([]);
  });

  test('a tier without a cluster needs no Docker', () =>
    expect(judgeMachine({ ...machine(), docker: {} }, aPlan()).map((f) => f.level)).toEqual(['ok']));
});

test.each([
  [undefined, undefined],
  ['unix:///var/run/docker.sock', undefined],
  ['tcp://localhost:2375', undefined],
  ['tcp://127.0.0.1:2375', undefined],
  ['tcp://[::1]:2375', undefined],
  ['tcp://docker:2375', 'tcp://docker:2375'],
  ['tcp://localhost.example.org:2375', 'tcp://localhost.example.org:2375'],
])('is %s remote', (host, remote) => expect(remoteHost(host)).toBe(remote));

describe('what docker prints', () => {
  test('an engine', () =>
    expect(
      engineOf(
        '{"ServerVersion":"28.1.0","CgroupVersion":"2","SecurityOptions":["name=seccomp","name=rootless"],"OperatingSystem":"X","DockerRootDir":"/d","MemTotal":5,"ClientInfo":{"Plugins":[{"Name":"compose"}]}}',
        '{"Components":[{"Name":"Engine"}]}',
      ),
    ).toEqual({
      version: '28.1.0',
      components: ['Engine'],
      rootless: true,
      os: 'X',
      cgroup: '2',
      rootDir: '/d',
      memory: 5,
      buildx: false,
    }));
  test("Podman's own form", () =>
    expect(
      engineOf('{"host":{"buildahVersion":"1.3"},"version":{"Version":"4.9.3"}}', '')?.components,
    ).toContain('Podman Engine'));
  test.each(['', 'no json', '{}', '{"ServerErrors":["x"]}'])('no engine: %s', (text) =>
    expect(engineOf(text, '')).toBeUndefined(),
  );
});

describe('looking at this machine', () => {
  let folder: string;
  const servers: net.Server[] = [];
  beforeEach(() => {
    folder = fs.mkdtempSync(path.join(os.tmpdir(), 'ket-doctor-'));
    for (const name of ['docker', 'kind', 'helm'])
      fs.writeFileSync(path.join(folder, name), '', { mode: 0o755 });
  });
  afterEach(() => {
    for (const server of servers.splice(0)) server.close();
    fs.rmSync(folder, { recursive: true, force: true });
  });
  const signal = new AbortController().signal;
  const deps = (docker = said('{"ServerVersion":"28.1.0","CgroupVersion":"2"}')) => ({
    ...fakeDeps([
      ['docker info', docker],
      ['docker version', said('{"Components":[]}')],
      ['docker context', said('unix:///var/run/docker.sock\n')],
      ['kind version', said('kind v0.30.0 go')],
      ['helm version', said('v4.2.0')],
    ]),
    env: { PATH: folder, HOME: folder },
  });

  test('ports, tools and leftovers, side by side', async () => {
    const server = net.createServer();
    servers.push(server);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as net.AddressInfo;
    const cluster = {
      configs: [path.join(folder, 'kind.yaml')],
      kindConfig: {},
      nodes: ['control-plane'] as const,
      disableDefaultCNI: false,
      hostPorts: [{ address: '127.0.0.1', port, protocol: 'TCP' }],
      throwaway: false,
      readyMs: 1,
    };
    const left = {
      level: 'warning',
      title: 'leftovers',
      detail: 'run x left cluster y',
      cure: 'ket cleanup',
    } as const;
    const began = performance.now();
    const findings = await checkMachine(deps(), {
      plan: aPlan({ cluster, releases: [aRelease], output: path.join(folder, 'not/there/yet') }),
      signal,
      leftovers: () => Promise.resolve([left]),
    });
    expect(performance.now() - began).toBeLessThan(2000);
    const bad = findings.filter((finding) => finding.level !== 'ok').map(({ title }) => title);
    expect(bad).toEqual(['helm', `port ${String(port)}`, 'leftovers']);
    expect(findings.filter(({ title }) => title === 'disk')).toHaveLength(1);
  });

  test('the platform of each node image that Docker has; one that it has not is pulled for the right one', async () => {
    const nodes = [
      { role: 'control-plane', image: 'mine/node:arm' },
      { role: 'worker', image: 'mine/node:absent' },
    ];
    const findings = await checkMachine(
      {
        ...fakeDeps([
          ['docker info', said('{"ServerVersion":"28.1.0","CgroupVersion":"2"}')],
          ['docker version', said('{"Components":[],"Arch":"amd64"}')],
          ['docker context', said('')],
          ['mine/node:arm', said('linux/arm64\n')],
          ['mine/node:absent', failedWith('No such image: mine/node:absent')],
          ['kind version', said('kind v0.30.0 go')],
        ]),
        env: { PATH: folder, HOME: folder },
      },
      {
        plan: aPlan({ cluster: { ...aCluster, kindConfig: { nodes } }, output: folder }),
        signal,
        leftovers: () => Promise.resolve([]),
      },
    );
    expect(findings.filter(({ title }) => title === 'node image')).toMatchObject([
      { level: 'error', detail: 'mine/node:arm is of linux/arm64, and Docker here runs on amd64' },
    ]);
  });

  test('leftovers that cannot be had in time are said, and hold nobody', async () => {
    const findings = await checkMachine(deps(failedWith('Cannot connect')), {
      plan: aPlan({ output: folder }),
      signal,
      leftovers: () => new Promise(() => undefined),
    });
    expect(findings.at(-1)).toMatchObject({ level: 'warning', title: 'leftovers' });
  });

  test('what builds kustomizations is looked for where the plan has one, and its lack is that of a tool', async () => {
    const look = async (kustomize: boolean, PATH: string): Promise<Finding[]> => {
      const { chart: _chart, ...release } = aRelease;
      const releases = kustomize ? [{ ...release, kustomize: '/repo/k8s' }] : [];
      const facts = await gatherFacts({ ...deps(), env: { PATH } }, plan(1, { releases }), signal);
      return judgeMachine(facts, plan()).filter(({ title }) => title === 'kustomize');
    };
    const bin = path.join(folder, 'bin');
    fs.mkdirSync(bin);
    fs.writeFileSync(path.join(bin, 'kubectl'), '', { mode: 0o755 });
    expect(await look(false, bin)).toEqual([]);
    expect(await look(true, bin)).toMatchObject([{ level: 'ok', detail: expect.stringContaining(bin) }]);
    const missing = await look(true, folder);
    expect(preflightError(missing)).toMatchObject({
      code: 'KET_TOOL',
      message: expect.stringContaining('neither kustomize nor kubectl in PATH'),
      next: expect.stringContaining('put kubectl'),
    });
  });
});

test('the error of a run that cannot begin names the first cure and the rest', () => {
  const findings = judgeMachine(
    { ...machine({ takenPorts: [{ address: '0.0.0.0', port: 80 }] }), docker: {} },
    plan(),
  );
  expect(preflightError(findings)).toMatchObject({
    code: 'KET_PREREQUISITE',
    message: 'Docker: there is no docker in PATH (and 1 more)',
    details: [expect.stringContaining('port 80')],
  });
  expect(preflightError(judgeMachine(machine(), plan()))).toBeUndefined();
});
