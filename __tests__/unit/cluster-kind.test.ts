import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { parse } from 'yaml';
import { kindInput, type KindInput } from '../../src/cluster/kind-input.ts';
import { kindSteps, stepName, type KindStep } from '../../src/cluster/kind-steps.ts';
import {
  nextStep,
  startCreation,
  stopCreation,
  usefulOutput,
  type CreateOptions,
} from '../../src/cluster/kind.ts';
import { clusterName, nodeNames } from '../../src/cluster/names.ts';
import { throwawaySettings } from '../../src/cluster/throwaway.ts';
import type { ExecRequest, ExecResult } from '../../src/model/deps.ts';
import { failedWith, fakeDeps, ok } from './support/phases.ts';

describe('names', () => {
  test('a name is made of tier and run', () =>
    expect(clusterName('1121-114502-3fa9', 'integration')).toBe('ket-integration-1121-114502-3fa9'));
  test('what kind does not take is left out', () =>
    expect(clusterName('1-a', 'My Tier_(x)')).toMatch(/^[a-z0-9-]+$/));
  test('a long name is cut to 50, and stays unique', () => {
    const names = ['1', '2'].map((end) =>
      clusterName(`1121-114502-000${end}`, 'a-very-long-name-of-a-tier-that-does-not-fit'),
    );
    for (const name of names) expect(name.length).toBeLessThanOrEqual(50);
    expect(new Set(names).size).toBe(2);
  });
  test('nodes are named as kind names them', () =>
    expect(nodeNames('c', ['control-plane', 'worker', 'control-plane', 'worker'])).toEqual([
      'c-control-plane',
      'c-worker',
      'c-control-plane2',
      'c-worker2',
    ]));
});

const header = 'kind: Cluster\napiVersion: kind.x-k8s.io/v1alpha4\n';

describe('what kind gets', () => {
  const input = (text: string, nodeImage?: string, authorities?: string): KindInput =>
    kindInput(parse(text) as Record<string, unknown>, { nodeImage, authorities });
  const written = ({ config }: KindInput): unknown => parse(config);

  test('nothing wanted: the config as it is', () => expect(input(header)).toEqual({ config: header }));
  test('no line of a patch is folded', () => {
    const long = `a: "${'word '.repeat(60)}end"\n`;
    const nodes = [{ kubeadmConfigPatches: [long] }, { kubeadmConfigPatches: [long] }];
    const { config } = kindInput({ nodes }, { nodeImage: undefined, authorities: undefined });
    expect(config).toBe(`nodes:\n${`  - kubeadmConfigPatches:\n      - |\n        ${long}`.repeat(2)}`);
  });
  test('the image by flag where no node has its own', () =>
    expect(input(`${header}nodes: [{role: control-plane}]`, 'n:1')).toMatchObject({ image: 'n:1' }));
  test('not at all where every node has its own: the flag would override them', () =>
    expect(input(`${header}nodes: [{role: control-plane, image: "own:1"}]`, 'n:1')).not.toHaveProperty(
      'image',
    ));
  test('in the config where some have', () => {
    const text = `${header}nodes:\n  - role: control-plane\n  - role: worker\n    image: own:1\n`;
    const got = input(text, 'n:1');
    expect(got.image).toBeUndefined();
    expect(written(got)).toMatchObject({
      nodes: [{ role: 'control-plane', image: 'n:1' }, { image: 'own:1' }],
    });
  });

  const mounted = { hostPath: '/s/ca', containerPath: '/etc/ssl/certs/ket-authorities.pem', readOnly: true };
  test('authorities are mounted by every node, after its own mounts', () => {
    const text = `${header}nodes:\n  - role: control-plane\n  - extraMounts: [{hostPath: /a, containerPath: /b}]\n`;
    expect(written(input(text, undefined, '/s/ca'))).toMatchObject({
      nodes: [{ extraMounts: [mounted] }, { extraMounts: [{ hostPath: '/a' }, mounted] }],
    });
  });
  test('also by the node that kind makes when none is named, beside the image by flag', () => {
    const got = input(header, 'n:1', '/s/ca');
    expect(got.image).toBe('n:1');
    expect(written(got)).toMatchObject({
      kind: 'Cluster',
      nodes: [{ role: 'control-plane', extraMounts: [mounted] }],
    });
  });
});

describe("kind's steps", () => {
  test.each([
    ['Ensuring node image (kindest/node:v1.34.4) 🖼', 'Ensuring node image (kindest/node:v1.34.4)'],
    ['Starting control-plane 🕹️  ...', 'Starting control-plane'],
    ['Configuring the external load balancer ⚖️', 'Configuring the external load balancer'],
  ])('%s', (text, name) => expect(stepName(text)).toBe(name));

  test('are timed from begin to end, and the failed one is known', () => {
    let now = 0;
    const steps: KindStep[] = [];
    const begun: string[] = [];
    const reader = kindSteps(
      () => now,
      (step) => steps.push(step),
      (name) => begun.push(name),
    );
    expect(reader.line(' • Preparing nodes 📦 📦  ...')).toBe(true);
    now = 1500;
    reader.line(' ✓ Preparing nodes 📦 📦 ');
    reader.line(' • Starting control-plane 🕹️  ...');
    expect(reader.current()).toBe('Starting control-plane');
    now = 2000;
    reader.line(' ✗ Starting control-plane 🕹️ ');
    expect(steps).toEqual([
      { name: 'Preparing nodes', ms: 1500, ok: true },
      { name: 'Starting control-plane', ms: 500, ok: false },
    ]);
    expect(begun).toEqual(['Preparing nodes', 'Starting control-plane']);
    expect(reader.current()).toBe('Starting control-plane');
    expect(reader.line('Creating cluster "x" ...')).toBe(false);
  });
});

describe('creating', () => {
  let folder: string;
  beforeEach(() => {
    folder = fs.mkdtempSync(path.join(os.tmpdir(), 'ket-kind-'));
  });
  afterEach(() => fs.rmSync(folder, { recursive: true, force: true }));

  const options = (over: Partial<CreateOptions> = {}): CreateOptions => ({
    kind: '/bin/kind',
    name: 'c1',
    kubeconfig: path.join(folder, 'run/kubeconfig'),
    authorities: undefined,
    plan: {
      configs: [path.join(folder, 'kind.yaml')],
      kindConfig: { kind: 'Cluster', nodes: [{ role: 'control-plane' }] },
      nodes: ['control-plane'],
      nodeImage: 'n:1',
      disableDefaultCNI: false,
      hostPorts: [],
      throwaway: false,
      readyMs: 1000,
    },
    limitMs: 1000,
    onStep: () => undefined,
    ...over,
  });
  /** A kind whose lines and end the test decides. */
  const playing = () => {
    const end = Promise.withResolvers<ExecResult>();
    let request: ExecRequest | undefined;
    const deps = fakeDeps([
      [
        'kind create',
        (asked) => {
          request = asked;
          asked.signal?.addEventListener('abort', () => end.reject(asked.signal?.reason as Error));
          return end.promise;
        },
      ],
    ]);
    const line = (text: string): void => request?.onLine?.(text, 'stderr');
    return { deps, end, line, request: () => request };
  };
  const untilAsked = async (play: ReturnType<typeof playing>): Promise<void> => {
    for (let i = 0; i < 200 && play.request() === undefined; i += 1)
      await new Promise((r) => setTimeout(r, 5));
  };

  test.each([
    ['a cluster that lives for one run has its settings', true],
    ['another has what its Kind config says', false],
  ])('%s', async (_what, throwaway) => {
    const play = playing();
    const { plan } = options();
    const creation = startCreation(play.deps, options({ plan: { ...plan, throwaway } }));
    await untilAsked(play);
    const stdin = play.request()?.stdin;
    const config: unknown = parse(stdin instanceof Readable ? await text(stdin) : '');
    const patches = throwawaySettings.flatMap((setting) => setting.patches.map((p) => JSON.stringify(p)));
    expect(config).toEqual({ ...plan.kindConfig, ...(throwaway ? { kubeadmConfigPatches: patches } : {}) });
    play.end.resolve(ok);
    await creation.done;
  });

  test('the nodes are there before kind is done; the kubeconfig is private', async () => {
    const play = playing();
    const creation = startCreation(play.deps, options());
    await untilAsked(play);
    expect(play.deps.commands[0]).toBe(
      `/bin/kind create cluster --name c1 --config - --image n:1 --kubeconfig ${folder}/run/kubeconfig --retain --wait 0s`,
    );
    play.line(' • Preparing nodes 📦  ...');
    play.line(' ✓ Preparing nodes 📦');
    await creation.nodes;
    expect(fs.statSync(path.join(folder, 'run/kubeconfig')).mode & 0o777).toBe(0o600);
    play.end.resolve(ok);
    await creation.done;
  });

  test('authorities lie beside the kubeconfig, for the owner only, and the nodes mount them', async () => {
    const play = playing();
    const creation = startCreation(play.deps, options({ authorities: 'pem' }));
    await untilAsked(play);
    const file = path.join(folder, 'run/kubeconfig.authorities.pem');
    expect(fs.readFileSync(file, 'utf8')).toBe('pem');
    expect(fs.statSync(file).mode & 0o777).toBe(0o600);
    expect(play.deps.commands[0]).toContain('--config - --image n:1');
    expect(parse(await text(play.request()?.stdin ?? Readable.from([])))).toMatchObject({
      kind: 'Cluster',
      nodes: [{ role: 'control-plane', extraMounts: [{ hostPath: file }] }],
    });
    expect(fs.readdirSync(folder, { recursive: true })).not.toContain('kind-config.yaml');
    play.end.resolve(ok);
    await creation.done;
  });

  test("a failure rejects both, with kind's step and words", async () => {
    const play = playing();
    const creation = startCreation(play.deps, options());
    await untilAsked(play);
    play.line(' • Preparing nodes 📦  ...');
    play.line(' ✗ Preparing nodes 📦');
    play.line('ERROR: failed to create cluster: docker: port is already allocated');
    play.end.resolve(failedWith('', 1));
    await expect(creation.done).rejects.toMatchObject({
      code: 'KET_CLUSTER',
      message: 'kind could not create cluster c1: it ended with exit code 1 in its step "Preparing nodes"',
      details: ['ERROR: failed to create cluster: docker: port is already allocated'],
      next: expect.stringContaining('hostPort'),
    });
    await expect(creation.nodes).rejects.toMatchObject({ code: 'KET_CLUSTER' });
  });

  test('a creation that is stopped is gone before the stop returns', async () => {
    const play = playing();
    const creation = startCreation(play.deps, options({ name: 'c2' }));
    await untilAsked(play);
    await stopCreation('c2');
    await expect(creation.done).rejects.toMatchObject({ code: 'KET_CANCELLED' });
    await stopCreation('c2');
  });

  test('over its limit', async () => {
    const play = playing();
    const creation = startCreation(play.deps, options());
    await untilAsked(play);
    play.end.resolve({ ...ok, code: null, signal: 'SIGTERM', timedOut: true });
    await expect(creation.done).rejects.toThrow('it did not end within its limit');
  });

  test('two at once are two', async () => {
    const plays = [playing(), playing()];
    const creations = plays.map((play, i) => startCreation(play.deps, options({ name: `two-${String(i)}` })));
    await Promise.all(plays.map(untilAsked));
    await stopCreation('two-0');
    plays[1]?.end.resolve(ok);
    await expect(creations[0]?.done).rejects.toThrow('stopped');
    await expect(creations[1]?.done).resolves.toBeUndefined();
  });
});

test('stack traces and the log of kubeadm are left out', () => {
  const output = [
    'ERROR: failed to create cluster: failed to init node with kubeadm: exit status 1',
    'Command Output: I1121 12:03:00.1 1 x',
    'I1121 12:03:00.100000     150 checks.go:83] checking',
    '[kubelet-check] The kubelet is not healthy after 4m0s',
    'error execution phase wait-control-plane: timed out',
    'k8s.io/kubernetes/cmd/kubeadm/app.Run',
    '\tk8s.io/kubernetes/cmd/kubeadm/app/kubeadm.go:48',
    'runtime.goexit',
    '\truntime/asm_amd64.s:1771',
    'Stack Trace: ',
    'sigs.k8s.io/kind/pkg/errors.WithStack',
  ];
  expect(usefulOutput(output)).toEqual([output[0], output[3], output[4]]);
});

test.each([
  ['driver failed: Bind for 0.0.0.0:80 failed: port is already allocated', 'hostPort'],
  ['toomanyrequests: You have reached your pull rate limit', 'docker login'],
  ['failed to pull image "kindest/node:v9"', 'docker pull'],
  [
    `docker: Error response from daemon: pull access denied, command "docker run --name x-external-load-balancer docker.io/kindest/haproxy:v20230606-42a2262b" failed`,
    'several control planes need the image docker.io/kindest/haproxy:v20230606-42a2262b for the load balancer',
  ],
  ['write /x: no space left on device', 'docker system df'],
  ['inotify_init: too many open files', 'max_user_instances'],
  ['node(s) already exist for a cluster with the name "c"', 'ket cleanup'],
  ['anything else', 'ket doctor'],
])('the cure of: %s', (text, cure) => expect(nextStep(text)).toContain(cure));
