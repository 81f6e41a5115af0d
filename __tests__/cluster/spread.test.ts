import { afterAll, beforeAll, expect, test } from '@jest/globals';
import fs from 'node:fs';
import path from 'node:path';
import { eventsOf, ket, kubectl, root, sandbox, up, type Ran, type Sandbox } from './ket.ts';

/** A release that must stand on two nodes, on a cluster of three: with both workers, and with one of them cordoned. */

const files: Readonly<Record<string, string>> = {
  'chart/Chart.yaml': 'apiVersion: v2\nname: web\nversion: 0.1.0\n',
  'chart/templates/all.yaml': `
apiVersion: apps/v1
kind: Deployment
metadata: { name: web }
spec:
  replicas: 2
  selector: { matchLabels: { app: web } }
  template:
    metadata: { labels: { app: web } }
    spec:
      # A wish, which one worker alone can fulfil as well.
      affinity:
        podAntiAffinity:
          preferredDuringSchedulingIgnoredDuringExecution:
            - weight: 100
              podAffinityTerm: { topologyKey: kubernetes.io/hostname, labelSelector: { matchLabels: { app: web } } }
      containers: [{ name: web, image: "busybox:1.36", command: [sleep, "3600"] }]
      terminationGracePeriodSeconds: 1
`,
  'ket.yaml': `
tiers:
  up:
    cluster: &three { config: ${path.join(root, 'kind-configs', 'e2e.yaml')} }
    images: &images [{ name: "busybox:1.36" }]
    suites: &suites [{ name: asks, image: "busybox:1.36", command: "true", expectTests: false }]
  free: { cluster: *three, images: *images, suites: *suites, releases: [{ name: free, chart: chart, spread: 2 }] }
  cordoned: { cluster: *three, images: *images, suites: *suites, releases: [{ name: cordoned, chart: chart, spread: 2 }] }
`,
};

let box: Sandbox;
let folder = '';
let cluster = { name: '', kubeconfig: '' };
beforeAll(async () => {
  box = sandbox();
  folder = path.join(box.home, 'repository');
  for (const [name, text] of Object.entries(files)) {
    fs.mkdirSync(path.dirname(path.join(folder, name)), { recursive: true });
    fs.writeFileSync(path.join(folder, name), text);
  }
  cluster = await up('up', folder, box);
}, 400_000);
afterAll(async () => {
  await ket({ args: ['down'], cwd: folder, box });
  box.remove();
}, 120_000);

const run = (tier: string): Promise<Ran> =>
  ket({ args: ['run', '--tier', tier, '--cluster', cluster.name], cwd: folder, box });

test('with both workers it is spread', async () => {
  expect((await run('free')).code).toBe(0);
}, 180_000);

test('with a cordoned worker the run fails, and the worker is named', async () => {
  const worker = kubectl(cluster.kubeconfig, 'get', 'nodes', '-o', 'name')
    .split('\n')
    .map((line) => line.replace('node/', ''))
    .find((name) => name.endsWith('-worker2'));
  kubectl(cluster.kubeconfig, 'cordon', worker ?? '');
  const ran = await run('cordoned');
  expect(ran.code).toBe(3);
  const ended = eventsOf(ran, 'task-ended').find(({ task }) => task === 'install cordoned');
  expect(ended).toMatchObject({ outcome: 'failed', error: { code: 'KET_RELEASE' } });
  expect(ended?.error?.message).toMatch(/ready pods on 1 node \(.*-worker\), and `spread` asks for 2/);
  expect(ended?.error?.details).toContain(`node ${worker ?? ''} is cordoned`);
  expect(ended?.error?.next).toBe(`kubectl uncordon ${worker ?? ''}`);
  expect(eventsOf(ran, 'suite-ended')).toMatchObject([{ suite: 'asks', outcome: 'skipped' }]);
}, 180_000);
