import { afterAll, beforeAll, expect, test } from '@jest/globals';
import fs from 'node:fs';
import path from 'node:path';
import {
  attemptOf,
  eventsOf,
  fixture,
  ket,
  kubectl,
  namespacesBut,
  root,
  sandbox,
  up,
  type Ran,
  type Sandbox,
} from './ket.ts';

/** Namespaces that do not go, because of an object with an endless finalizer. */

let box: Sandbox;
let project = '';
let cluster = '';
let kubeconfig = '';
const image = 'fixture:dev';
const finalizer = 'example.com/endless';

const held = (name: string): object => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name, finalizers: [finalizer] },
});
const tiers = {
  up: { suites: [{ name: 'a', image, command: 'true', expectTests: false }] },
  release: {
    releases: [{ name: 'shop', chart: 'shop', timeout: '25s' }],
    suites: [{ name: 'tests', image, command: 'junit a', needs: ['shop'] }],
  },
  attempt: { suites: [{ name: 'tests', image, command: 'junit a; echo ready; sleep 3' }] },
};

beforeAll(async () => {
  box = sandbox();
  project = path.join(box.home, 'project');
  const common = { cluster: { config: 'kind.yaml' }, images: [{ name: image, build: fixture }] };
  const all = Object.fromEntries(Object.entries(tiers).map(([name, tier]) => [name, { ...common, ...tier }]));
  const config = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'config' } };
  const files = {
    'kind.yaml': fs.readFileSync(path.join(root, 'kind-configs', 'integration.yaml'), 'utf8'),
    'shop/Chart.yaml': 'apiVersion: v2\nname: shop\nversion: 0.1.0\n',
    'shop/templates/all.yaml': JSON.stringify(config),
    'ket.yaml': JSON.stringify({ tiers: all }),
  };
  for (const [name, text] of Object.entries(files)) {
    fs.mkdirSync(path.dirname(path.join(project, name)), { recursive: true });
    fs.writeFileSync(path.join(project, name), text);
  }
  ({ name: cluster, kubeconfig } = await up('up', project, box));
}, 300_000);
afterAll(async () => {
  await ket({ args: ['down'], cwd: project, box });
  box.remove();
}, 120_000);

const run = (tier: string, more: Partial<Parameters<typeof ket>[0]> = {}): Promise<Ran> =>
  ket({ args: ['run', '--tier', tier, '--cluster', cluster, '--keep', 'never'], cwd: project, box, ...more });

function hold(namespace: string): void {
  const file = path.join(box.home, 'held.json');
  fs.writeFileSync(file, JSON.stringify(held('held')));
  kubectl(kubeconfig, 'create', '-n', namespace, '-f', file);
}
const release = (namespace: string): void => {
  const patch = '{"metadata":{"finalizers":null}}';
  kubectl(kubeconfig, 'patch', 'configmaps', 'held', '-n', namespace, '--type=merge', '-p', patch);
};

const blocked = /configmaps\/held has the finalizer example\.com\/endless/;
const conditions = [
  expect.stringMatching(/^NamespaceContentRemaining .*configmaps\. has 1 resource instances/),
  expect.stringMatching(/^NamespaceFinalizersRemaining .*example\.com\/endless in 1 resource instances/),
];

test('two runs with a release, at once one after the other: the second waits until the namespace of the first is gone', async () => {
  kubectl(kubeconfig, 'create', 'namespace', 'shop');
  // However long the run takes to come to it.
  hold('shop');
  kubectl(kubeconfig, 'delete', 'namespace', 'shop', '--wait=false');
  const awaited: string[] = [];
  const ran = await run('release', {
    onEvent(event) {
      if (event.type !== 'task-awaiting' || !event.what.startsWith('namespace shop')) return;
      if (awaited.push(event.what) === 1) release('shop');
    },
  });
  expect({ code: ran.code, stderr: ran.stderr }).toEqual({ code: 0, stderr: '' });
  expect(awaited[0]).toMatch(/^namespace shop, which is being deleted, to be gone/);
  // It was the run's own then, and is gone with it.
  expect(await namespacesBut(kubeconfig)).toEqual([]);
  expect((await run('release')).code).toBe(0);
}, 240_000);

test('an install into a namespace that does not go: named with what keeps it, within the limit of the release', async () => {
  kubectl(kubeconfig, 'create', 'namespace', 'shop');
  hold('shop');
  kubectl(kubeconfig, 'delete', 'namespace', 'shop', '--wait=false');
  const ran = await run('release');
  expect(ran.code).toBe(3);
  const failed = eventsOf(ran, 'task-ended').find(({ task }) => task === 'install shop');
  expect(failed?.error).toMatchObject({
    code: 'KET_RELEASE',
    message: expect.stringMatching(
      /^namespace shop is being deleted since .* did not go within 25(\.\d)? s: /,
    ),
    details: [...conditions, expect.stringMatching(blocked)],
    next: expect.stringContaining('kubectl patch configmaps held -n shop --type=merge -p \'{"metadata"'),
  });
  expect(failed?.error?.message).toMatch(blocked);
  expect(failed?.taskMs).toBeLessThan(35_000);
  expect(eventsOf(ran, 'suite-ended')).toMatchObject([{ suite: 'tests', outcome: 'skipped' }]);
  release('shop');
  expect(await namespacesBut(kubeconfig)).toEqual([]);
}, 120_000);

test('an attempt whose namespace does not go: a leftover that is named, and the verdict stands', async () => {
  let namespace = '';
  const ran = await run('attempt', {
    onEvent(event) {
      if (event.type === 'attempt-started') namespace = event.namespace ?? '';
      if (event.type === 'log' && event.line === 'ready') hold(namespace);
    },
  });
  expect(ran.code).toBe(0);
  expect(attemptOf(ran, 'tests').outcome).toBe('passed');
  expect(eventsOf(ran, 'leftover')).toMatchObject([
    {
      what: `namespace ${namespace}`,
      why: expect.stringMatching(blocked),
      cure: expect.stringContaining(`kubectl patch configmaps held -n ${namespace}`),
    },
  ]);
  // The limit for it is a minute.
  expect(ran.ms).toBeLessThan(110_000);
  expect(box.states()).toHaveLength(2);

  // It is named again, without another minute's wait, until it can go.
  const began = Date.now();
  const stuck = await ket({ args: ['cleanup'], cwd: project, box });
  expect({ code: stuck.code, quick: Date.now() - began < 20_000 }).toEqual({ code: 3, quick: true });
  expect(stuck.stderr).toMatch(blocked);
  release(namespace);
  const gone = await ket({ args: ['cleanup'], cwd: project, box });
  expect(gone.code).toBe(0);
  expect(box.states()).toHaveLength(1);
  expect(await namespacesBut(kubeconfig)).toEqual([]);
}, 240_000);

test("a release's namespace that does not go is a leftover that is named", async () => {
  const ran = await run('release', {
    onEvent(event) {
      if (event.type === 'attempt-started') hold('shop');
    },
  });
  expect(ran.code).toBe(0);
  expect(eventsOf(ran, 'leftover')).toMatchObject([
    { what: 'namespace shop', why: expect.stringMatching(blocked) },
  ]);
  release('shop');
  expect((await ket({ args: ['cleanup'], cwd: project, box })).code).toBe(0);
  expect(await namespacesBut(kubeconfig)).toEqual([]);
  expect(box.states()).toHaveLength(1);
}, 240_000);
