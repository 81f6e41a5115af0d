import path from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { checkSecrets } from '../../src/config/from-inputs.ts';
import { resolvePlan, type PlanInput } from '../../src/config/plan.ts';
import { KetError } from '../../src/model/errors.ts';
import { folderWith, goodFiles } from './config-cases.ts';

const text = `
tiers:
  unit:
    suites:
      - {name: fast, command: npm test, results: [reports/*.xml], workingDir: app}
      - {name: slow, command: npm run slow, retries: 2, timeout: 90s}
  one:
    cluster: {config: kind.yaml, nodeImage: "node:file"}
    images: [{name: "i:1", build: app, dockerfile: app/Dockerfile.dev, target: t, args: {A: b}, timeout: 1m}]
    releases:
      - {name: shop, chart: chart, values: [values.yaml], set: {n: 1, b: true}, namespace: ns, dependsOn: [cache],
         inline: {api: {replicas: 2}}, secrets: {'db.pass\\.word': DB_PASSWORD},
         collect: [{from: pod/p, path: /x, command: [a]}]}
      - {name: cache, chart: "oci://registry.example/cache", timeout: 3m}
    suites:
      - {name: api, image: "i:1", needs: [shop], workingDir: /app, template: values.yaml}
      - {name: all, image: "i:1"}
      - {name: small, image: "i:1", resources: {limits: {cpu: 0.05, memory: 64Mi}}}
      - {name: large, image: "i:1", resources: {requests: {memory: 2Gi}}}
  three:
    cluster: {config: three.yaml, ready: 90s}
    delivery: {by: registry, registry: "mirror.test/registry:2"}
    releases: [{name: shop, chart: chart}]
    suites: [{name: api, image: "i:1"}]
  wide:
    cluster: {config: workers.yaml}
    releases: [{name: shop, chart: chart, spread: 2}, {name: plain, namespace: shop, manifests: [k8s, "k8s/*.yaml"]}, {name: far, chart: redis, repo: "https://charts.test", version: 1.x}, {name: built, kustomize: kus}]
    suites: [{name: api, image: "i:1"}, {name: hooks, helmTest: shop}]
`;

const root = folderWith({ ...goodFiles, 'ket.yaml': text, 'other.yaml': goodFiles['three.yaml'] ?? '' });
const plan = (input: Partial<PlanInput> = {}): ReturnType<typeof resolvePlan> =>
  resolvePlan({ tier: 'one', env: {}, isTTY: false, ci: false, cwd: root, ...input });
const at = (file: string): string => path.join(root, file);

/** The error that resolving ends with. */
function refusal(resolve: () => unknown): Pick<KetError, 'code' | 'message' | 'next'> {
  try {
    resolve();
  } catch (error) {
    if (error instanceof KetError) return { code: error.code, message: error.message, next: error.next };
    throw error;
  }
  throw new Error('nothing was refused');
}

describe('a plan', () => {
  test('has the way of its images: the faster one, with a pinned registry, unless the file says otherwise', () => {
    const pinned = /^registry:2\.8\.3@sha256:[0-9a-f]{64}$/;
    expect(plan().delivery).toEqual({ by: 'auto', registry: expect.stringMatching(pinned) });
    expect(plan({ tier: 'three' }).delivery).toEqual({ by: 'registry', registry: 'mirror.test/registry:2' });
  });

  test('has the release, images and times of the file, with absolute paths', () => {
    const { images, releases, cluster } = plan();
    expect(cluster).toEqual({
      configs: [at('kind.yaml')],
      kindConfig: { kind: 'Cluster', apiVersion: 'kind.x-k8s.io/v1alpha4' },
      nodes: ['control-plane'],
      disableDefaultCNI: false,
      hostPorts: [],
      nodeImage: 'node:file',
      throwaway: true,
      readyMs: 300_000,
    });
    expect(images).toEqual([
      {
        name: 'i:1',
        context: at('app'),
        dockerfile: at('app/Dockerfile.dev'),
        target: 't',
        args: { A: 'b' },
        limitMs: 60_000,
      },
    ]);
    expect(releases).toEqual([
      {
        name: 'shop',
        namespace: 'ns',
        chart: at('chart'),
        values: [at('values.yaml')],
        set: { n: '1', b: 'true' },
        inline: { api: { replicas: 2 } },
        secrets: [{ path: ['db', 'pass.word'], variable: 'DB_PASSWORD' }],
        dependsOn: ['cache'],
        limitMs: 600_000,
        collect: [{ from: 'pod/p', path: '/x', command: ['a'] }],
      },
      {
        name: 'cache',
        namespace: 'cache',
        chart: 'oci://registry.example/cache',
        values: [],
        set: {},
        inline: {},
        secrets: [],
        dependsOn: [],
        limitMs: 180_000,
        collect: [],
      },
    ]);
  });

  test('has the defaults of a suite', () => {
    expect(plan({ suites: ['api'] }).suites).toEqual([
      {
        name: 'api',
        setupMs: 300_000,
        retry: 'suite',
        caps: { bytes: 4 * 2 ** 30, fileBytes: 2 * 2 ** 30, files: 50_000 },
        patches: [],
        args: [],
        image: 'i:1',
        workingDir: '/app',
        env: {},
        references: [],
        secrets: [],
        needs: ['shop'],
        isolation: 'shared',
        limitMs: 3_000_000,
        pendingMs: 600_000,
        retries: 0,
        idempotent: false,
        priority: 'normal',
        lacks: [],
        checks: [],
        podSecurity: 'restricted',
        ingress: 'allow',
        resources: { requests: { cpu: '100m', memory: '128Mi' }, limits: { memory: '512Mi' } },
        placement: 'own',
        api: 'read',
        expectTests: 1,
        allowSkip: false,
        allowChildOom: false,
        results: [],
        template: at('values.yaml'),
      },
    ]);
    expect(plan({ suites: ['all'] }).suites[0]?.needs).toEqual(['shop', 'cache']);
  });

  test('lets default resources give way, so that no request is above its limit', () => {
    const { suites } = plan({ suites: ['small', 'large'] });
    expect(suites.map((suite) => suite.resources)).toEqual([
      { requests: { cpu: '0.05', memory: '64Mi' }, limits: { cpu: '0.05', memory: '64Mi' } },
      { requests: { cpu: '100m', memory: '2Gi' }, limits: { memory: '2Gi' } },
    ]);
  });

  test('needs the secrets of its releases too, where they are installed', () => {
    const { releases, suites } = plan();
    const missing = 'release "shop" needs the secret DB_PASSWORD, which is not set';
    expect(refusal(() => checkSecrets({ releases, suites }, { DB_PASSWORD: '' })).message).toBe(missing);
    expect(refusal(() => checkSecrets({ releases, suites: [] }, {})).message).toBe(missing);
    checkSecrets({ releases, suites }, { DB_PASSWORD: 'x' });
    checkSecrets({ releases, suites: suites.map((suite) => ({ ...suite, lacks: ['TOKEN'] })) }, {});
  });

  test('spreads a release over nodes that the Kind config has, also where an option names another one', () => {
    expect(plan({ tier: 'wide' }).releases[0]?.spread).toBe(2);
    expect(plan().releases[0]).not.toHaveProperty('spread');
    expect(plan({ tier: 'wide' }).releases[1]).toMatchObject({ manifests: [at('k8s/web.yaml')] });
    expect(plan({ tier: 'wide' }).releases[1]).not.toHaveProperty('chart');
    expect(plan({ tier: 'wide' }).suites[1]).toMatchObject({ helmTest: 'shop', needs: ['shop'] });
    expect(plan({ tier: 'wide' }).releases[3]).toMatchObject({ kustomize: at('kus') });
    const far = { chart: 'redis', repo: 'https://charts.test', version: '1.x' };
    expect(plan({ tier: 'wide' }).releases[2]).toMatchObject(far);
    expect(refusal(() => plan({ tier: 'wide', overrides: { clusterConfig: 'three.yaml' } }))).toMatchObject({
      code: 'KET_USAGE',
      message: expect.stringContaining('asks for 2 nodes, and three.yaml has 1 node that takes pods'),
    });
  });

  test('gives a release twice the time in a cluster of several nodes', () => {
    const { cluster, releases } = plan({ tier: 'three' });
    expect(cluster?.nodes).toEqual(['control-plane', 'worker', 'control-plane']);
    expect(cluster?.readyMs).toBe(90_000);
    expect(cluster).not.toHaveProperty('nodeImage');
    expect(releases[0]?.limitMs).toBe(1_200_000);
  });

  test('of a tier without a cluster runs here', () => {
    const { cluster, suites } = plan({ tier: 'unit' });
    expect(cluster).toBeUndefined();
    expect(suites[0]).toMatchObject({
      workingDir: at('app'),
      results: [at('reports/*.xml')],
      command: 'npm test',
    });
    expect(suites[1]).toMatchObject({ retries: 2, limitMs: 90_000, needs: [] });
  });

  test('cannot be changed, at any depth', () => {
    const frozen = (value: unknown): boolean =>
      typeof value !== 'object' ||
      value === null ||
      (Object.isFrozen(value) && Object.values(value).every(frozen));
    expect(frozen(plan())).toBe(true);
  });
});

describe('flags go before the environment, and that before the file', () => {
  const env = { KET_NODE_IMAGE: 'node:env', KET_KIND_VERSION: 'v0.31.0', KET_HELM_VERSION: 'v3.19.0' };

  test('node image and tools', () => {
    expect(plan({ env }).cluster?.nodeImage).toBe('node:env');
    expect(plan({ env, overrides: { nodeImage: 'node:flag' } }).cluster?.nodeImage).toBe('node:flag');
    expect(plan({ env: { KET_NODE_IMAGE: '' } }).cluster?.nodeImage).toBe('node:file');
    expect(plan().tools).toEqual({
      kind: 'v0.30.0',
      helm: 'v4.2.4',
      kindAsked: false,
      allowUnlisted: false,
    });
    expect(plan({ env }).tools).toEqual({
      kind: 'v0.31.0',
      helm: 'v3.19.0',
      kindAsked: true,
      allowUnlisted: false,
    });
  });

  test('the version of Kubernetes: of the cluster, else of the tools; an image of the nodes decides it', () => {
    const cwd = folderWith({
      ...goodFiles,
      'ket.yaml': `
tools: {kubernetes: v1.33, allowUnlisted: true}
tiers:
  a: {cluster: {config: kind.yaml, kubernetes: v1.34.0}, suites: [{name: s, image: "i:1", secrets: [TOKEN]}]}
  b: {cluster: {config: kind.yaml}, suites: [{name: s, image: "i:1"}]}
  c: {cluster: {config: kind.yaml, nodeImage: "node:file"}, suites: [{name: s, image: "i:1"}]}
`,
    });
    const versions = (tier: string, KET_NODE_IMAGE = '', KET_KUBERNETES_VERSION = ''): unknown => {
      const { cluster } = plan({ cwd, tier, env: { KET_NODE_IMAGE, KET_KUBERNETES_VERSION } });
      return [cluster?.kubernetes, cluster?.nodeImage];
    };
    expect(versions('a')).toEqual(['v1.34.0', undefined]);
    expect(versions('b')).toEqual(['v1.33', undefined]);
    expect(versions('c')).toEqual([undefined, 'node:file']);
    expect(versions('a', 'node:env')).toEqual([undefined, 'node:env']);
    expect(versions('c', '', 'v1.32')).toEqual(['v1.32', undefined]);
    expect(plan({ cwd, tier: 'a' }).tools.allowUnlisted).toBe(true);
    expect(plan({ cwd, tier: 'a' }).suites[0]?.secrets).toEqual(['TOKEN']);
  });

  test.each([
    ['1.34', 'v1.34'],
    ['1.30', 'v1.30'],
    ['"1.30"', 'v1.30'],
    ['v1.34', 'v1.34'],
    ['1.34.4', 'v1.34.4'],
    ['&v 1.30', 'v1.30'],
  ])('kubernetes: %s is what is written, though YAML may take it for a number', (written, kubernetes) => {
    const cwd = folderWith({
      ...goodFiles,
      'ket.yaml': `tiers: {t: {cluster: {config: kind.yaml, kubernetes: ${written}}, suites: [{name: s, image: "i:1"}]}}`,
    });
    expect(plan({ cwd, tier: 't' }).cluster).toMatchObject({ kubernetes });
  });

  test('an option goes before the environment, an image or a version whichever it is', () => {
    const of = (overrides: PlanInput['overrides'], env: PlanInput['env']): unknown => {
      const { cluster } = plan({ overrides, env });
      return [cluster?.kubernetes, cluster?.nodeImage];
    };
    const image = { KET_NODE_IMAGE: 'node:env' };
    const version = { KET_KUBERNETES_VERSION: '1.33' };
    expect(of({}, image)).toEqual([undefined, 'node:env']);
    expect(of({}, version)).toEqual(['v1.33', undefined]);
    expect(of({ kubernetes: '1.34' }, image)).toEqual(['v1.34', undefined]);
    expect(of({ nodeImage: 'node:flag' }, version)).toEqual([undefined, 'node:flag']);
    expect(refusal(() => of({}, { ...image, ...version }))).toEqual({
      code: 'KET_USAGE',
      message: 'KET_KUBERNETES_VERSION contradicts KET_NODE_IMAGE, which is a version of Kubernetes already',
      next: 'leave one of them out',
    });
    expect(refusal(() => of({ nodeImage: 'node:1', kubernetes: '1.34' }, {})).message).toBe(
      '--kubernetes contradicts --node-image, which is a version of Kubernetes already',
    );
    expect(refusal(() => of({ kubernetes: '1.2' }, {})).message).toBe(
      '--kubernetes: "1.2" is too old; 1.29 is the oldest that works',
    );
  });

  test('output, parallel, retries, arguments, Kind config', () => {
    const cwd = path.join(root, 'app');
    const overrides = {
      output: 'out',
      parallel: 1,
      retries: 1,
      args: ['-k', 'x'],
      clusterConfig: '../other.yaml',
    };
    const changed = plan({ cwd, configPath: '../ket.yaml', overrides });
    expect(changed).toMatchObject({ root, output: path.join(cwd, 'out'), parallel: 1 });
    expect(changed.cluster).toMatchObject({ configs: [at('other.yaml')] });
    expect(changed.cluster?.nodes.length).toBe(3);
    expect(changed.suites.every((suite) => suite.retries === 1 && suite.args.join() === '-k,x')).toBe(true);
    expect(plan({ cwd, configPath: '../ket.yaml' })).toMatchObject({
      output: at('ket-results'),
      failFast: false,
    });
  });

  test.each([
    [true, false, undefined, 'on-failure'],
    [true, true, undefined, 'never'],
    [false, false, undefined, 'never'],
    [true, false, 'always', 'always'],
    [false, true, 'on-failure', 'on-failure'],
  ] as const)('kept: terminal %s, CI %s, flag %s: %s', (isTTY, ci, keep, wanted) => {
    expect(plan({ isTTY, ci, overrides: { keep } })).toMatchObject({ keep: wanted, keepMs: 3_600_000 });
  });

  test.each([
    [{ overrides: { retries: 3 } }, '--retries is a whole number from 0 to 2, not 3'],
    [{ overrides: { parallel: 0 } }, '--parallel is a whole number from 1 to 1000, not 0'],
    [
      { overrides: { nodeImage: 'node' } },
      '--node-image: "node" has no tag; write "node:dev", or whichever version is meant',
    ],
    [
      { env: { KET_KIND_VERSION: '0.30.0' } },
      'KET_KIND_VERSION: "0.30.0" lacks the leading v; write "v0.30.0"',
    ],
  ])('%j is refused', (input, message) => {
    expect(refusal(() => plan(input))).toMatchObject({ code: 'KET_USAGE', message });
  });
});

describe('which tier, which suites, which file', () => {
  const names = (tiers: string): string => folderWith({ 'ket.yaml': tiers });
  const suites = '{suites: [{name: u, command: c}]}';

  test('the only one, else the default one, else an error that lists them', () => {
    expect(plan({ tier: undefined, cwd: names(`tiers: {a: ${suites}}`) }).tier).toBe('a');
    const marked = `tiers: {a: ${suites}, b: {default: true, suites: [{name: u, command: c}]}}`;
    expect(plan({ tier: undefined, cwd: names(marked) }).tier).toBe('b');
    expect(plan({ tier: 'a', cwd: names(marked) }).tier).toBe('a');
    expect(refusal(() => plan({ tier: undefined }))).toEqual({
      code: 'KET_USAGE',
      message: 'which tier? there are several, and none is marked "default: true"',
      next: `name one with --tier; ${at('ket.yaml')} has: unit, one, three, wide`,
    });
  });

  test('unknown ones are named with what there is', () => {
    expect(refusal(() => plan({ tier: 'unti' }))).toEqual({
      code: 'KET_USAGE',
      message: 'there is no tier "unti" (did you mean "unit"?)',
      next: `${at('ket.yaml')} has: unit, one, three, wide`,
    });
    expect(refusal(() => plan({ suites: ['api', 'smal', 'zzzzz'] }))).toEqual({
      code: 'KET_USAGE',
      message: 'there is no suite "smal" (did you mean "small"?); there is no suite "zzzzz"',
      next: 'tier "one" has: api, all, small, large',
    });
  });

  test('suites keep the order of the file', () => {
    expect(plan({ suites: ['large', 'api'] }).suites.map((suite) => suite.name)).toEqual(['api', 'large']);
  });

  test('ket.yaml is not searched for in the folders above', () => {
    const cwd = path.join(root, 'app');
    expect(refusal(() => plan({ cwd }))).toEqual({
      code: 'KET_USAGE',
      message: `there is no ket.yaml in ${cwd} (folders above are not searched)`,
      next: 'go to its folder, name it with `--config FILE`, or let `ket init` write one',
    });
    expect(refusal(() => plan({ configPath: 'x.yaml' })).message).toBe('there is no file x.yaml');
  });
});

describe('the example', () => {
  test.each(['unit', 'integration', 'e2e', 'broken'])('tier %s resolves', (tier) => {
    const cwd = path.resolve(import.meta.dirname, '../../examples/fastapi-postgres');
    const resolved = plan({ tier, cwd });
    expect(resolved.suites.length).toBeGreaterThan(0);
    expect(resolved.cluster?.nodes.length).toBe(
      { unit: undefined, e2e: 3 }[tier] ?? (tier === 'unit' ? undefined : 1),
    );
  });
});
