import path from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { KetError } from '../../src/model/errors.ts';
import type { Plan } from '../../src/model/plan.ts';
import { folderWith, goodFiles } from './config-cases.ts';
import { assets, planIn, withFile, without, type Given } from './config-compose-cases.ts';

/** The rule of src/config/compose.ts, row by row. */

const alone = (given: Given, env: Given = {}): Plan => planIn(without, given, env);
const composed = (given: Given, env: Given = {}): Plan => planIn(withFile, { tier: 'one', ...given }, env);

function refusal(plan: () => unknown): KetError {
  try {
    plan();
  } catch (error) {
    if (error instanceof KetError) return error;
    throw error;
  }
  throw new Error('nothing was refused');
}

describe('without a ket.yaml', () => {
  test('a command is a suite of the unit tier, with the JUnit files that it names', () => {
    const plan = alone({ 'test-command': 'make test', 'results-path': 'r/*.xml,/abs/j.xml', retries: '1' });
    expect(plan).toMatchObject({
      tier: 'unit',
      root: without,
      images: [],
      releases: [],
      keep: 'never',
      failFast: false,
    });
    expect(plan).not.toHaveProperty('cluster');
    expect(plan).not.toHaveProperty('configPath');
    expect(plan.suites).toEqual([
      expect.objectContaining({
        name: 'tests',
        command: 'make test',
        results: [path.join(without, 'r/*.xml'), '/abs/j.xml'],
        retries: 1,
        limitMs: 3_000_000,
      }),
    ]);
  });

  test('an image is a suite in a cluster of one node, and is brought there', () => {
    const plan = alone({ image: 'tests:dev', suites: 'api' });
    expect(plan).toMatchObject({
      tier: 'integration',
      cluster: { configs: [path.join(assets, 'kind-configs', 'integration.yaml')], nodes: ['control-plane'] },
      images: [{ name: 'tests:dev' }],
      suites: [{ name: 'api', image: 'tests:dev' }],
    });
    expect(plan.suites[0]).not.toHaveProperty('command');
  });

  test('several Kind configs are one cluster', () => {
    const { cluster } = alone({ image: 'tests:dev', 'kind-config': 'kind.yaml, three.yaml' });
    expect(cluster?.configs).toEqual(['kind.yaml', 'three.yaml'].map((file) => path.join(without, file)));
    expect(cluster?.nodes).toHaveLength(3);
  });

  test('tier e2e has three nodes', () => {
    const { cluster } = alone({ image: 'tests:dev', tier: 'e2e' });
    expect(cluster?.configs).toEqual([path.join(assets, 'kind-configs', 'e2e.yaml')]);
    expect(cluster?.nodes).toHaveLength(3);
  });

  test('chart, values, namespace are a release, which the suite needs', () => {
    const plan = alone({
      image: 'tests:dev',
      chart: 'chart',
      values: 'values.yaml',
      namespace: 'ns',
      'release-timeout': '3m',
      'load-images': 'app:dev,tests:dev,app:dev',
      'kind-config': 'three.yaml',
      'node-image': 'node:1',
      'cluster-timeout': '2m',
    });
    expect(plan).toMatchObject({
      cluster: { configs: [path.join(without, 'three.yaml')], nodeImage: 'node:1', readyMs: 120_000 },
      releases: [
        {
          name: 'chart',
          namespace: 'ns',
          chart: path.join(without, 'chart'),
          values: [path.join(without, 'values.yaml')],
          limitMs: 180_000,
        },
      ],
      suites: [{ needs: ['chart'] }],
    });
    expect(plan.images.map(({ name }) => name)).toEqual(['tests:dev', 'app:dev']);
  });

  test.each([
    ['oci://registry.example/team/shop', 'shop'],
    ['https://charts.example/shop-1.2.0.tgz', 'shop'],
  ])('a release is called as its chart: %s', (chart, name) => {
    expect(alone({ image: 'tests:dev', chart }).releases).toMatchObject([{ name, chart }]);
    expect(alone({ image: 'tests:dev', chart, 'release-name': 'x' }).releases).toMatchObject([{ name: 'x' }]);
  });

  test('versions, which no cluster needs', () => {
    const versions = { 'kind-version': 'v0.31.0', 'helm-version': 'v3.19.0', 'allow-unlisted-tools': 'true' };
    expect(alone({ 'test-command': 'x', 'kubernetes-version': 'v1.34', ...versions }).tools).toEqual({
      kind: 'v0.31.0',
      helm: 'v3.19.0',
      kindAsked: true,
      allowUnlisted: true,
    });
    expect(alone({ image: 'a:1', 'kubernetes-version': 'v1.34' }).cluster).toMatchObject({
      kubernetes: 'v1.34',
    });
  });

  test.each<readonly [Given, string]>([
    [{}, 'input test-command: is required without a ket.yaml: nothing else says what to run'],
    [{ tier: 'unit' }, 'input test-command: is required without a ket.yaml: nothing else says what to run'],
    [
      { 'results-path': 'a' },
      'input test-command: is required without a ket.yaml: nothing else says what to run',
    ],
    [
      { tier: 'e2e' },
      'input image: suite "tests" has no "image"; in a tier with a cluster it runs in a container',
    ],
    [
      { chart: 'chart', 'test-command': 'x' },
      'input image: suite "tests" has no "image"; in a tier with a cluster it runs in a container',
    ],
    [
      { tier: 'unit', 'test-command': 'x', image: 'a:1' },
      'input image: "image" of suite "tests" needs a cluster, but tier "unit" has no "cluster"',
    ],
    [
      { tier: 'unit', 'test-command': 'x', chart: 'chart' },
      'input chart: "releases" need a cluster, but tier "unit" has no "cluster"',
    ],
    [
      { tier: 'unit', 'test-command': 'x', 'kind-config': 'kind.yaml' },
      'input kind-config: tier "unit" has no cluster',
    ],
    [
      { tier: 'unit', 'test-command': 'x', 'load-images': 'a:1' },
      'input load-images: "images" need a cluster, but tier "unit" has no "cluster"',
    ],
    [
      { cluster: 'mine' },
      'input image: suite "tests" has no "image"; in a tier with a cluster it runs in a container',
    ],
    [
      { image: 'a:1', 'node-image': 'n:1', cluster: 'mine' },
      'input node-image: contradicts cluster: that one is there already, with the Kubernetes that it has',
    ],
    [{ image: 'a:1', suites: 'a,b' }, 'input image: is meant for one suite, and suites names 2: a, b'],
    [
      { image: 'a:1', values: 'values.yaml' },
      'input values: is meant for a release, and there is none; give chart',
    ],
    [
      { image: 'a:1', 'release-name': 'x' },
      'input release-name: says whose chart, values or namespace is meant, and none of them is given',
    ],
    [
      { image: 'a:1', 'release-name': 'x', values: 'values.yaml' },
      'input release-name: there is no release "x"; chart would add it',
    ],
    [
      { image: 'a:1', chart: 'charts/My Chart' },
      'input release-name: is required, because "My Chart", as the chart is called, cannot be its name',
    ],
    [
      { image: 'a:1', chart: 'nowhere' },
      'input chart: the chart folder of release "nowhere" does not exist: nowhere',
    ],
    [
      { image: 'a:1', chart: 'chart', values: 'v.yaml' },
      'input values: the values file of release "chart" does not exist: v.yaml',
    ],
    [{ image: 'a:1', 'kind-config': 'k.yaml' }, 'input kind-config: the Kind config does not exist: k.yaml'],
    [
      { image: 'a:1', 'results-path': 'a' },
      'input results-path: "results" of suite "tests": "a" is not a folder of the container; write it like /app/reports',
    ],
    [
      { image: 'a:1', 'node-image': 'n:1', 'kubernetes-version': 'v1.34' },
      'input kubernetes-version: contradicts node-image, which is a version of Kubernetes already',
    ],
    [{ 'test-command': 'x', config: 'ket.yaml' }, 'input config: there is no file ket.yaml'],
    [
      { 'test-command': 'x', secrets: 'NO_SUCH' },
      'input secrets: NO_SUCH is not set in the environment of the step; forks are given no secrets',
    ],
    [{ 'test-command': 'x', secrets: 'KET_X' }, '2 problems with input secrets'],
    [
      { 'test-command': 'x', 'working-directory': '../x' },
      'input working-directory: "../x" leaves the workspace; a folder elsewhere is named by an absolute path',
    ],
    [
      { 'test-command': 'x', 'working-directory': 'no' },
      'input working-directory: there is no folder no; is the repository checked out?',
    ],
    [
      { 'test-command': 'x', 'working-directory': 'values.yaml' },
      'input working-directory: values.yaml is not a folder',
    ],
  ])('%j is refused', (given, message) => {
    const start = performance.now();
    expect(refusal(() => alone(given))).toMatchObject({ code: 'KET_USAGE', message });
    expect(performance.now() - start).toBeLessThan(500);
  });

  test('that there is none is said, for it may only be in another folder', () => {
    expect(refusal(() => alone({ tier: 'integration' })).next).toContain(`there is none in ${without}`);
  });
});

describe('with a ket.yaml', () => {
  test('no input but the tier: the plan of the file', () => {
    const plan = composed({});
    expect(plan).toMatchObject({ root: withFile, configPath: path.join(withFile, 'ket.yaml'), tier: 'one' });
    expect(plan.suites.map(({ name }) => name)).toEqual(['api', 'db']);
    expect(planIn(withFile, {}).tier).toBe('one');
  });

  test('a scalar replaces that of the file, for every suite and release of the tier', () => {
    const plan = composed({
      'kind-config': 'three.yaml',
      'cluster-timeout': '1m',
      timeout: '2m',
      'release-timeout': '4m',
      retries: '1',
      parallel: '2',
      'fail-fast': 'true',
      keep: 'always',
      'kind-version': 'v0.29.0',
    });
    expect(plan).toMatchObject({
      cluster: { configs: [path.join(withFile, 'three.yaml')], readyMs: 60_000, nodeImage: 'node:file' },
      releases: [{ limitMs: 240_000 }],
      suites: [
        { name: 'api', limitMs: 120_000, retries: 1 },
        { name: 'db', limitMs: 120_000, retries: 1 },
      ],
      parallel: 2,
      failFast: true,
      keep: 'always',
      tools: { kind: 'v0.29.0' },
    });
  });

  test('node image and version of Kubernetes replace one another', () => {
    expect(composed({ 'kubernetes-version': 'v1.34' }).cluster).toMatchObject({ kubernetes: 'v1.34' });
    expect(composed({ 'kubernetes-version': 'v1.34' }).cluster).not.toHaveProperty('nodeImage');
    const other = composed({ tier: 'two', 'node-image': 'node:in' }).cluster;
    expect(other).toMatchObject({ nodeImage: 'node:in' });
    expect(other).not.toHaveProperty('kubernetes');
  });

  test('inputs go before the environment, and that before the file', () => {
    const env = { KET_NODE_IMAGE: 'node:env', KET_KIND_VERSION: 'v0.28.0' };
    expect(composed({}, env)).toMatchObject({
      cluster: { nodeImage: 'node:env' },
      tools: { kind: 'v0.28.0' },
    });
    const plan = composed({ 'node-image': 'node:in', 'kind-version': 'v0.29.0' }, env);
    expect(plan).toMatchObject({ cluster: { nodeImage: 'node:in' }, tools: { kind: 'v0.29.0' } });
    const { cluster } = composed({ 'kubernetes-version': 'v1.34' }, env);
    expect(cluster).toMatchObject({ kubernetes: 'v1.34' });
    expect(composed({ 'node-image': 'node:1' }, { KET_KUBERNETES_VERSION: '1.33' }).cluster).toMatchObject({
      nodeImage: 'node:1',
    });
    expect(cluster).not.toHaveProperty('nodeImage');
  });

  test('what a tier does not have needs no version and no limit, so one step serves a matrix of tiers', () => {
    const plan = composed({
      tier: 'unit',
      'node-image': 'node:in',
      'cluster-timeout': '1m',
      'release-timeout': '1m',
      'kubernetes-version': '',
    });
    expect(plan).not.toHaveProperty('cluster');
  });

  test('chart and values are meant for the only release, or the one that is named; the rest of it stays', () => {
    expect(composed({ chart: 'oci://r.example/x', values: '' }).releases).toMatchObject([
      {
        name: 'shop',
        chart: 'oci://r.example/x',
        values: [path.join(withFile, 'values.yaml')],
        set: { n: '1' },
      },
    ]);
    expect(composed({ tier: 'two', 'release-name': 'cache', namespace: 'ns' }).releases).toMatchObject([
      { name: 'shop', namespace: 'shop' },
      { name: 'cache', namespace: 'ns' },
    ]);
  });

  test('chart adds a release whose name is new', () => {
    const { releases, suites } = composed({ chart: 'chart', 'release-name': 'other' });
    expect(releases.map(({ name }) => name)).toEqual(['shop', 'other']);
    expect(suites[0]?.needs).toEqual(['shop', 'other']);
  });

  test('test-command and image are meant for the suite that is named, or the only one', () => {
    const { suites, images } = composed({ suites: 'api', 'test-command': 'new', image: 'other:1' });
    expect(suites).toMatchObject([
      { name: 'api', command: 'new', image: 'other:1', env: { A: 'b' }, limitMs: 90_000 },
    ]);
    expect(images.map(({ name }) => name)).toEqual(['i:1', 'other:1']);
    expect(composed({ tier: 'unit', 'test-command': 'x', 'results-path': 'new.xml' }).suites).toMatchObject([
      { name: 'fast', command: 'x', results: [path.join(withFile, 'new.xml')], retries: 2 },
    ]);
  });

  test('an image that is built stays so', () => {
    expect(composed({ suites: 'api', image: 'i:1' }).images).toMatchObject([
      { context: path.join(withFile, 'app') },
    ]);
  });

  test('test-command adds a suite whose name is new, and only that runs', () => {
    const { suites } = composed({ tier: 'unit', suites: 'slow', 'test-command': 'x' });
    expect(suites).toMatchObject([{ name: 'slow', command: 'x', retries: 0, workingDir: withFile }]);
    expect(composed({ suites: 'new', image: 'i:1' }).suites).toMatchObject([
      { name: 'new', needs: ['shop'] },
    ]);
  });

  test('secrets are those that the step has', () => {
    const env = { TOKEN: 'x', EMPTY: '' };
    expect(composed({ suites: 'api', secrets: 'TOKEN' }, env).suites[0]?.secrets).toEqual(['TOKEN']);
    expect(refusal(() => composed({ suites: 'api', secrets: 'EMPTY' }, env)).message).toMatch(
      /^input secrets: EMPTY is not set/,
    );
    const own = folderWith({
      'ket.yaml': 'tiers: {unit: {suites: [{name: a, command: b, secrets: [TOKEN]}]}}',
    });
    expect(planIn(own, {}, env).suites[0]?.secrets).toEqual(['TOKEN']);
    expect(refusal(() => planIn(own, {})).message).toBe('suite "a" needs the secret TOKEN, which is not set');
  });

  test('paths of inputs begin at the working directory, those of the file at its folder', () => {
    const plan = planIn(withFile, {
      config: 'sub/ket.yaml',
      suites: 'n',
      'test-command': 'x',
      'results-path': 'r.xml',
    });
    expect(plan).toMatchObject({
      root: path.join(withFile, 'sub'),
      suites: [{ name: 'n', workingDir: withFile, results: [path.join(withFile, 'r.xml')] }],
    });
    for (const folder of ['sub', path.join(withFile, 'sub')])
      expect(planIn(withFile, { 'working-directory': folder }).root).toBe(path.join(withFile, 'sub'));
  });

  test.each<readonly [Given, string]>([
    [{ tier: 'uint' }, 'input tier: there is no tier "uint" (did you mean "unit"?)'],
    [{ suites: 'apo,zzzzz' }, '2 problems with input suites'],
    [{ suites: 'apo' }, 'input suites: there is no suite "apo" (did you mean "api"?)'],
    [
      { suites: 'api,db', 'test-command': 'x' },
      'input test-command: is meant for one suite, and suites names 2: api, db',
    ],
    [
      { 'test-command': 'x' },
      'input test-command: is meant for one suite, and the tier has several; say which with suites',
    ],
    [{ secrets: 'PATH', suites: 'nono' }, 'input suites: there is no suite "nono"'],
    [
      { tier: 'two', values: 'values.yaml' },
      'input values: is meant for one release, and the tier has several; say which with release-name',
    ],
    [
      { 'release-name': 'shp', values: 'values.yaml' },
      'input release-name: there is no release "shp" (did you mean "shop"?); chart would add it',
    ],
    [
      { tier: 'unit', values: 'values.yaml' },
      'input values: is meant for a release, and there is none; give chart',
    ],
    [
      { tier: 'unit', chart: 'chart' },
      'input chart: "releases" need a cluster, but tier "unit" has no "cluster"',
    ],
    [
      { tier: 'unit', image: 'a:1' },
      'input image: "image" of suite "fast" needs a cluster, but tier "unit" has no "cluster"',
    ],
    [{ tier: 'unit', 'kind-config': 'kind.yaml' }, 'input kind-config: tier "unit" has no cluster'],
    [
      { suites: 'db', 'results-path': 'r.xml' },
      'input results-path: "results" of suite "db": "r.xml" is not a folder of the container; write it like /app/reports',
    ],
    [
      { suites: 'new', 'test-command': 'x' },
      'input image: suite "new" has no "image"; in a tier with a cluster it runs in a container',
    ],
    [{ values: 'none.yaml' }, 'input values: the values file of release "shop" does not exist: none.yaml'],
  ])('%j is refused', (given, message) => {
    expect(refusal(() => composed(given, { PATH: '/bin' }))).toMatchObject({ code: 'KET_USAGE', message });
  });

  test('a mistake of the file is told at its line, and no input hides it', () => {
    const broken = (yaml: string): string => folderWith({ 'ket.yaml': yaml });
    const suites = broken('tiers:\n  unit:\n    suites: {name: a}\n');
    const error = refusal(() => planIn(suites, { 'test-command': 'x', retries: '1' }));
    expect(error).toMatchObject({ code: 'KET_CONFIG', where: 'ket.yaml:3:13' });
    const inputs = {
      chart: 'oci://registry.example/shop',
      'load-images': 'a:1',
      'cluster-timeout': '1m',
      keep: 'never',
    };
    const tier = (keys: string): string => `tiers: {t: {${keys}, suites: [{name: a, image: "i:1"}]}}`;
    for (const key of ['releases', 'images'])
      expect(
        refusal(() => planIn(broken(tier(`cluster: {config: k}, ${key}: {}`)), inputs)).details,
      ).toContainEqual(
        expect.stringMatching(
          new RegExp(`ket.yaml:1:\\d+: "${key}" of tier "t" must be a list, not a mapping`),
        ),
      );
    expect(refusal(() => planIn(broken(tier('cluster: kind.yaml')), inputs)).details).toContainEqual(
      expect.stringContaining('"cluster" of tier "t" must be a mapping'),
    );
    for (const yaml of ['', 'tiers: [', 'tiers: 5', '[]', 'tiers: {unit: }'])
      expect(refusal(() => planIn(broken(yaml), { 'test-command': 'x' })).code).toBe('KET_CONFIG');
  });

  test('what the input replaces is not what the file is judged by', () => {
    const cwd = folderWith({
      ...goodFiles,
      'ket.yaml': 'tiers: {t: {cluster: {config: gone.yaml}, suites: [{name: a, image: "i:1", retries: 9}]}}',
    });
    expect(planIn(cwd, { 'kind-config': 'kind.yaml', retries: '1' }).suites[0]?.retries).toBe(1);
  });

  test('aliases of the file are not changed through one another', () => {
    const cwd = folderWith({
      ...goodFiles,
      'ket.yaml':
        'tiers:\n  a: {suites: [&s {name: x, command: c}, {<<: *s, name: y}]}\n  b: {suites: [*s]}\n',
    });
    const { suites } = planIn(cwd, { tier: 'a', suites: 'x', 'test-command': 'new' });
    expect(suites).toMatchObject([{ name: 'x', command: 'new' }]);
    expect(planIn(cwd, { tier: 'a', suites: 'y' }).suites).toMatchObject([{ command: 'c' }]);
  });
});
